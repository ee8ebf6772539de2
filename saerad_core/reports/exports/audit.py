"""The audit row of a report: which models, which features, which writer; and the report again from it, bit for bit."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from saerad_core import __version__
from saerad_core.errors import WorkspaceError
from saerad_core.reports.compose import Composer
from saerad_core.reports.exports.document import stored
from saerad_core.reports.report import Report
from saerad_core.reports.review import Act, reviewed
from saerad_core.reports.writer import Line, Written, worded
from saerad_core.workspace import Workspace

FORMAT = "saerad-audit-2"


def models_of(workspace: Workspace, composer: Composer) -> dict[str, str]:
    """SHA-256 of everything that was learned: encoder (as the manifest has it), dictionary, thresholds, evidence, descriptions."""
    files = {
        "sae": workspace.sae_dir / "sae_weights.safetensors",
        "thresholds": workspace.root / "thresholds.safetensors",
        "evidence": workspace.evidence_file,
    }
    told = {"encoder": workspace.manifest.encoder.fingerprint}
    for name, path in files.items():
        about = path.stat()
        told[name] = _file_hash(path, about.st_mtime_ns, about.st_size)
    told["reporting"] = _hash(asdict(composer.reporting)) if composer.reporting is not None else ""
    if workspace.scores_file.exists():
        about = workspace.scores_file.stat()
        told["scores"] = _file_hash(workspace.scores_file, about.st_mtime_ns, about.st_size)
    return told | {"descriptions": _hash(sorted(composer.descriptions.items()))}


def audit_row(report: Report, models: dict[str, str], composer: Composer) -> dict[str, Any]:
    """What re-creates a report of this composer.

    Args:
        report: as `compose` made it; what the engine put in front of its warnings is kept too.
        models: of the workspace, as `models_of` gives them.
        composer: that made it.
    """
    given = report.given
    assert given is not None, "a report that wasn't compiled has no row"
    again = composer.compose(
        given.active,
        _curated(dict(given.curated)),
        given.code,
        silence=given.silence,
        prior=given.prior,
        abstain=given.abstain,
        seen=given.seen,
    )
    before = report.warnings[: len(report.warnings) - len(again.warnings)]
    written = report.written
    return {
        "format": FORMAT,
        "program": __version__,
        "models": models,
        "writer": _writer(composer, written),
        # A template has no prompt.
        "prompt_sha256": written.prompt_sha256 if written is not None else "",
        "model": written.model if written is not None else "",
        "answer": [[list(line.ids), line.text] for line in written.lines] if written is not None else None,
        "settings": asdict(composer.settings),
        "features": [[feature, activation] for feature, activation in given.active],
        "code": None if given.code is None else [[feature, activation] for feature, activation in given.code],
        "acts": [list(act) for act in report.acts],
        "silence": given.silence,
        "prior": None if given.prior is None else [[feature, activation] for feature, activation in given.prior],
        "abstain": given.abstain,
        "seen": given.seen,
        "coverage": report.coverage.as_json() if report.coverage is not None else None,
        "curated": {str(feature): list(word) for feature, word in given.curated},
        "warnings_before": before,
        "typicality": report.typicality,
        "report_sha256": report_hash(report),
    }


def recreate(row: dict[str, Any], models: dict[str, str], composer: Composer) -> Report:
    """The report that a row is of.

    Raises:
        WorkspaceError: other models, settings or another writer made it, or what comes out is another report.
    """
    if not isinstance(row, dict) or row.get("format") != FORMAT:
        raise WorkspaceError("The file has no audit row of this program; choose the JSON file of a report.")
    try:
        other = sorted(name for name, value in models.items() if row["models"].get(name) != value)
        if other:
            raise WorkspaceError(
                f"The report was made with another {' and another '.join(other)}; open that workspace."
            )
        written = _answer(row)
        if row["writer"] != _writer(composer, written) or row["settings"] != json.loads(
            json.dumps(asdict(composer.settings))
        ):
            raise WorkspaceError("The report was made by another writer or with other settings.")
        active = [(int(feature), float(activation)) for feature, activation in row["features"]]
        code = None if row["code"] is None else [(int(feature), float(value)) for feature, value in row["code"]]
        curated = {int(feature): (str(text), str(status)) for feature, (text, status) in row["curated"].items()}
        prior = None if row["prior"] is None else [(int(feature), float(value)) for feature, value in row["prior"]]
        report = composer.compose(
            active,
            _curated(curated),
            code,
            silence=bool(row["silence"]),
            prior=prior,
            abstain=bool(row["abstain"]),
            seen=bool(row.get("seen", True)),
        )
        if written is not None:
            report = worded(report, written)
        if row["acts"]:
            report = reviewed(report, [Act(*map(str, act)) for act in row["acts"]])
        report.warnings[:0] = [str(warning) for warning in row["warnings_before"]]
        report.typicality = row["typicality"]
        expected = row["report_sha256"]
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        if isinstance(error, WorkspaceError):
            raise
        raise WorkspaceError("The audit row is damaged; choose the JSON file of a report as it was saved.") from error
    if report_hash(report) != expected:
        raise WorkspaceError(
            f"The report comes out otherwise: it was made by version {row.get('program')}, this is {__version__}."
        )
    return report


def _writer(composer: Composer, written: Written | None) -> str:
    template = type(composer.wording).__name__
    return template if written is None else f"{template}, then {written.model}"


def _answer(row: dict[str, Any]) -> Written | None:
    if row["answer"] is None:
        return None
    lines = tuple(Line(tuple(int(one) for one in ids), str(text)) for ids, text in row["answer"])
    return Written(str(row["model"]), str(row["prompt_sha256"]), lines)


def report_hash(report: Report) -> str:
    """SHA-256 of what is kept of a report."""
    return _hash(stored(report))


def _curated(words: dict[int, tuple[str, str]]) -> dict[int, Any]:
    return {feature: SimpleNamespace(text=text, status=status) for feature, (text, status) in words.items()}


def _hash(thing: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    return hashlib.sha256(json.dumps(thing, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@lru_cache(maxsize=64)
def _file_hash(path: Path, changed: int, size: int) -> str:
    """Kept until the file is another one: a dictionary is up to some hundred megabytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
