"""A packet for a reader without the app: one HTML file with everything in it, no script and nothing fetched."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from pathlib import Path

from saerad_core.exchange.table import Export, Line

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
.notice { border: 1px solid #b58900; padding: .6rem .9rem; }
article { border-top: 1px solid #8888; padding: 1rem 0; break-inside: avoid; }
h2 { font-size: 1.15rem; margin: 0 0 .3rem; } .quiet { opacity: .7; }
figure { display: inline-block; margin: .3rem .3rem 0 0; } figcaption { font-size: 12px; }
img { width: 168px; height: 168px; background: #000; display: block; }
table { border-collapse: collapse; font-size: 13px; } td { padding: .1rem .8rem .1rem 0; vertical-align: top; }
"""
_STATUS = {
    "pending": "nobody has judged it", "draft": "a person's draft", "accepted": "accepted", "rejected": "rejected", "second": "needs a second reader",
}  # fmt: skip
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def write(export: Export) -> bytes:
    """The file's bytes; X-rays are in it where ``export`` has pictures."""
    title = escape(export.workspace.manifest.dataset.title or export.workspace.root.name)
    notices = "".join(f"<p>{escape(one)}</p>" for one in export.notices)
    features = "".join(_feature(export, line) for line in export.features)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}: features</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"><style>{_STYLE}</style></head><body>'
        f"<h1>{title}: {len(export.features)} features</h1>"
        f'<div class="notice">{notices}</div><p class="quiet">Sides are the patient\'s. SAE {escape(export.sae) or "unknown"}.</p>'
        f"{features}</body></html>\n"
    ).encode()


def _feature(export: Export, line: Line) -> str:
    text = line["text"] or line["machine_text"] or "Not described"
    machine = line["machine_text"]
    beside = f'<p class="quiet">The program says: {escape(machine)}</p>' if machine and line["text"] else ""
    facts = [_STATUS[line["status"]]]
    facts += [
        f"{name.replace('_', ' ')}: {line[name]}"
        for name in ("finding", "side", "place", "severity", "device", "artefact")
        if line[name]
    ]
    facts += ["no clinical meaning"] if line["no_clinical_meaning"] else []
    facts += [f"tags: {', '.join(line['tags'])}"] if line["tags"] else []
    if line["n_patients"] is not None:
        facts.append(f"active in {line['n_patients']} training patients")
    if line["human_score"] is not None:
        facts.append(f"people told its X-rays apart in {line['human_score']:.0%} of tests")
    if line["machine_score"] is not None:
        facts.append(f"the program's score {line['machine_score']:.2f}")
    notes = "".join(f"<p>{escape(one['author'])}: {escape(one['text'])}</p>" for one in line["notes"])
    events = "".join(
        f"<tr><td>{escape(one['at'][:16].replace('T', ' '))}</td><td>{escape(one['author'])}</td><td>{escape(one['kind'])}</td>"
        f"<td>{escape(str(one['data'].get('text', '')))}</td></tr>"
        for one in line["history"]
    )
    history = (
        f"<details><summary>History, {len(line['history'])} events</summary><table>{events}</table></details>"
        if events
        else ""
    )
    return (
        f'<article id="feature-{line["feature_id"]}"><h2>#{line["feature_id"]} {escape(text)}</h2>{beside}'
        f'<p class="quiet">{escape("; ".join(facts))}.</p>{_figures(export, line)}{notes}{history}</article>'
    )


def _figures(export: Export, line: Line) -> str:
    shown = []
    for image_id, activation in export.pictures.get(line["feature_id"], []):
        path = export.workspace.thumb(image_id)
        if path.is_file():
            shown.append(
                f'<figure><img alt="X-ray {escape(image_id)}" src="data:image/webp;base64,{_encoded(path)}">'
                f"<figcaption>{escape(image_id)} &middot; {activation:.2f}</figcaption></figure>"
            )
    return f"<div>{''.join(shown)}</div>" if shown else ""


def _encoded(path: Path) -> str:
    return b64encode(path.read_bytes()).decode()
