"""A simulated workspace of any size with realistic statistics, for measuring the store and the pages: no model is run.

python -m benchmarks.make_workspace --features 49152 --images 240000 --out data/scale [--patients 65000] [--drawn 1500]

X-rays are a few thousand simulated studies that come back in other patients, each time with its report worded anew, so that picture,
labels and report agree. An X-ray has about 15 active features, drawn from what goes with its findings, its view, the
patient's sex and age, and a few hidden themes that the patient keeps; within a theme, frequencies follow Zipf's law.
Labels, figures of features and the store come from the same code as in a real build. Descriptions are taken from the simulated truth
and counted over patients as a build counts them, but no report is read for them. Mean maps, markers and scores: benchmarks/make_places.py,
which adds them to a workspace of an earlier day too. There is no encoder and no dictionary: a new X-ray can't be analysed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.numpy import save_file
from scipy import sparse

from benchmarks.make_places import add
from saerad_core.datasets.splits import draw_split
from saerad_core.demo.population import patient_studies
from saerad_core.demo.render import render
from saerad_core.demo.study import Study
from saerad_core.demo.wording import write_report
from saerad_core.descriptions.realise import realise
from saerad_core.images.pictures import thumbnail
from saerad_core.pipeline import provenance
from saerad_core.retrieval import ImageIndex
from saerad_core.sae.codes import SparseCodes
from saerad_core.sae.columns import by_feature
from saerad_core.stages.feature_table import feature_table
from saerad_core.store.build import build_store
from saerad_core.vocabulary import CONCEPTS, Statement, concept_of
from saerad_core.workspace import Counts, DatasetInfo, EncoderInfo, SaeInfo, StageRecord, Workspace

ACTIVE = 15
"""Active features of an X-ray, as TopK keeps them of a CLS token."""
DRAWS = 30
"""Draws for them; what comes twice counts once."""
STRAY = 0.25
"""Share of the draws for findings that are of another finding than the X-ray's."""
D = 384
"""Width of the directions; embeddings have twice as many components."""
ZIPF_SHIFT = 30.0
"""Zipf-Mandelbrot's shift: the most frequent features stay under a tenth of the X-rays or so."""
DEAD = 0.02
"""Share of features that never fire."""
MOST_EMBEDDED = 500_000
"""X-rays up to which embeddings and the search index are written: 2.4 million would take 7 GB."""
MOST_THUMBS = 300_000
"""X-rays that get a thumbnail (a link to that of their study); more only fill the disk's directories."""
BLOCK = 50_000
"""X-rays drawn at a time."""


@dataclass(frozen=True)
class Settings:
    """What to make."""

    out: Path
    features: int = 49_152
    images: int = 240_000
    patients: int = 65_000
    drawn: int = 1_500
    """Simulated studies that come back; each is rendered once."""
    thumbs: bool = True
    """Whether they are rendered at all."""
    seed: int = 5


class Themes:
    """Which features go with what: concepts of the vocabulary, traits of the patient, hidden themes, and everything."""

    def __init__(self, features: int, rng: np.random.Generator) -> None:
        self.concepts = ("",) + CONCEPTS
        self.hidden = int(np.clip(features // 60, 8, 600))
        self.traits = len(self.concepts)
        self.first_hidden = self.traits + 7
        self.everything = self.first_hidden + self.hidden
        weight = 1.0 / (rng.permutation(features) + ZIPF_SHIFT)
        weight[rng.choice(features, int(features * DEAD), replace=False)] = 0
        kind = rng.choice(4, size=features, p=(0.4, 0.06, 0.39, 0.15))
        self.of = np.select(
            [kind == 0, kind == 1, kind == 2],
            [
                rng.integers(0, len(self.concepts), features),
                rng.integers(self.traits, self.first_hidden, features),
                rng.integers(self.first_hidden, self.everything, features),
            ],
            self.everything,
        )
        """Theme of each feature."""
        order = np.lexsort((np.arange(features), self.of))
        total = np.bincount(self.of, weight, minlength=self.everything + 1)
        self._order = order
        # Theme t owns (t, t + 1] of one long cumulative sum, so that one search draws for all themes.
        share = weight[order] / np.maximum(total[self.of[order]], 1e-12)
        within = np.cumsum(share) - np.concatenate([[0], np.cumsum(total > 0)])[self.of[order]]
        self._upto = self.of[order] + np.clip(within, 0, 1)
        self._usable = total > 0

    def draw(self, themes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A feature of each theme; of everything where a theme has none."""
        asked = np.where(self._usable[themes], themes, self.everything)
        at = np.searchsorted(self._upto, asked + rng.random(asked.shape), side="left")
        return self._order[np.minimum(at, len(self._order) - 1)]


def pool_of(settings: Settings) -> list[Study]:
    """The simulated studies that come back."""
    studies: list[Study] = []
    index = 0
    while len(studies) < settings.drawn:
        studies += patient_studies(settings.seed, index)
        index += 1
    return studies[: settings.drawn]


def draw_records(settings: Settings, pool: list[Study], rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """Metadata of every X-ray in the columns of table images, and which study of the pool each is."""
    n, patients = settings.images, min(settings.patients, settings.images)
    extra = rng.multinomial(n - patients, rng.dirichlet(np.full(patients, 0.6)))
    patient = np.repeat(np.arange(patients), 1 + extra)
    number = np.arange(n) - np.repeat(np.cumsum(1 + extra) - (1 + extra), 1 + extra)
    # A patient's X-rays are neighbours in the pool: findings that stay, come and go.
    study = (rng.integers(0, len(pool), patients)[patient] + number) % len(pool)
    names = [f"SIM{p:07d}" for p in range(patients)]
    splits = np.array([draw_split(name, settings.seed) for name in names])
    labels = [list(dict.fromkeys(concept_of(f.fact) for f in one.findings)) for one in pool]
    facts = [[Statement(f.finding, f.side, f.place, f.severity)._asdict() for f in one.findings] for one in pool]
    seeds = rng.integers(2**31, size=n)
    reports = [write_report(replace(pool[s], seed=int(seed))) for s, seed in zip(study, seeds, strict=True)]
    sex, age = rng.choice(["F", "M"], patients), np.clip(rng.normal(58, 17, patients), 18, 90).round()
    studies = [f"{names[p]}-{k + 1:03d}" for p, k in zip(patient, number, strict=True)]
    frame = pd.DataFrame(
        {
            "image_id": studies,
            "study_id": studies,
            "patient_id": np.array(names, dtype=object)[patient],
            "split": splits[patient],
            "view": [pool[s].view for s in study],
            "sex": sex[patient],
            "age": age[patient],
            "labels": [labels[s] for s in study],
            "indication": [report.indication for report in reports],
            "findings": [report.findings for report in reports],
            "impression": [report.impression for report in reports],
            "facts": [facts[s] for s in study],
            "path": "",
        }
    )
    return frame, study


def draw_codes(
    settings: Settings,
    records: pd.DataFrame,
    study: np.ndarray,
    pool: list[Study],
    themes: Themes,
    rng: np.random.Generator,
) -> sparse.csr_matrix:
    """Csr float32 of float16 values, [N, m]: about ACTIVE features an X-ray."""
    scale = np.exp(rng.normal(0.3, 0.4, settings.features)).astype(np.float32)
    most = max((len(one) for one in records["labels"]), default=1) or 1
    concept = np.full((len(pool), most), -1)
    number = {name: i for i, name in enumerate(themes.concepts)}
    for s, one in enumerate(pool):
        found = list(dict.fromkeys(number[concept_of(f.fact)] for f in one.findings))[:most] or [0]
        concept[s] = np.resize(found, most)
    view = (records["view"] == "AP").to_numpy().astype(int)
    sex = (records["sex"] == "M").to_numpy().astype(int)
    band = np.digitize(records["age"].to_numpy(dtype=float), (45, 65))
    patient = pd.factorize(records["patient_id"])[0]
    kept = rng.integers(themes.first_hidden, themes.everything, (patient.max() + 1, 3))
    parts = []
    for start in range(0, settings.images, BLOCK):
        rows = np.arange(start, min(start + BLOCK, settings.images))
        parts.append(
            _draw_block(rows, study, patient, concept, kept, np.column_stack([view, sex, band]), themes, scale, rng)
        )
    return sparse.vstack(parts, format="csr", dtype=np.float32)


def _draw_block(rows, study, patient, concept, kept, traits, themes, scale, rng) -> sparse.csr_matrix:  # noqa: PLR0913
    n = len(rows)
    slot = rng.choice(4, size=(n, DRAWS), p=(0.45, 0.07, 0.33, 0.15))
    at = np.arange(n)[:, None]
    of_concept = concept[study[rows]][at, rng.integers(0, concept.shape[1], (n, DRAWS))]
    # No feature keeps to its finding: some of its X-rays show something else.
    stray = rng.random((n, DRAWS)) < STRAY
    of_concept = np.where(stray, rng.integers(0, len(themes.concepts), (n, DRAWS)), of_concept)
    which = rng.integers(0, 3, (n, DRAWS))
    of_trait = themes.traits + np.array([0, 2, 4])[which] + traits[rows][at, which]
    hidden = np.column_stack([kept[patient[rows]], rng.integers(themes.first_hidden, themes.everything, (n, 2))])
    of_hidden = hidden[at, rng.integers(0, hidden.shape[1], (n, DRAWS))]
    theme = np.select([slot == 0, slot == 1, slot == 2], [of_concept, of_trait, of_hidden], themes.everything)
    feature = themes.draw(theme, rng)
    order = np.argsort(feature, axis=1, kind="stable")
    ordered = np.take_along_axis(feature, order, axis=1)
    again = np.zeros_like(ordered, dtype=bool)
    again[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    first = np.empty_like(again)
    np.put_along_axis(first, order, ~again, axis=1)
    taken = first & (np.cumsum(first, axis=1) <= ACTIVE)
    value = scale[feature] * rng.gamma(3.0, 0.35, feature.shape) * np.where(slot == 0, 1.35, 1.0)
    value = np.maximum(value, 0.02).astype(np.float16).astype(np.float32)
    indptr = np.concatenate([[0], np.cumsum(taken.sum(axis=1))])
    block = sparse.csr_matrix((value[taken], feature[taken].astype(np.int32), indptr), shape=(n, len(scale)))
    block.sort_indices()
    return block


def describe(records: pd.DataFrame, active: sparse.csr_matrix, themes: Themes) -> pd.DataFrame:
    """Table descriptions: features that go with a concept, where patients bear it out (z over 2)."""
    train = np.flatnonzero((records["split"] == "train").to_numpy())
    of_train = active[train]
    patient, names = pd.factorize(records["patient_id"].to_numpy()[train])
    member = sparse.csr_matrix((np.ones(len(train), np.float32), (patient, np.arange(len(train)))))
    fires = (member @ (of_train > 0).astype(np.float32)).tocsr()
    fires.data[:] = 1
    number = {name: i for i, name in enumerate(themes.concepts)}
    labels = records["labels"].to_numpy()[train]
    pairs = [(p, number[label]) for p, shown in zip(patient, labels, strict=True) for label in shown]
    has = sparse.csr_matrix(
        (np.ones(len(pairs), np.float32), tuple(np.array(pairs).T)), shape=(len(names), len(number))
    )
    has.data[:] = 1
    both = np.asarray((fires.T @ has).todense())
    n_firing, n_has = np.asarray(fires.sum(axis=0)).ravel(), np.asarray(has.sum(axis=0)).ravel()
    n, by_feature, rows = len(names), of_train.tocsc(), []
    facts, ids = records["facts"].to_numpy()[train], records["image_id"].to_numpy()[train]
    for feature in np.flatnonzero((themes.of > 0) & (themes.of < len(themes.concepts)) & (n_firing >= 5)):
        theme = themes.of[feature]
        a, n1, c, n0 = (
            both[feature, theme],
            n_firing[feature],
            n_has[theme] - both[feature, theme],
            n - n_firing[feature],
        )
        z = (a / n1 - c / n0) / np.sqrt(max((a + c) / n * (1 - (a + c) / n) * (1 / n1 + 1 / n0), 1e-12))
        if z <= 2:
            continue
        span = slice(by_feature.indptr[feature], by_feature.indptr[feature + 1])
        strongest = by_feature.indices[span][np.argsort(-by_feature.data[span], kind="stable")]
        said = _said(themes.concepts[theme], facts, strongest)
        if said is not None:
            fact, shown = said
            rows.append(_description(feature, fact, z, (n1, a, n0, c), [str(ids[row]) for row in shown[:3]]))
    return pd.DataFrame(rows)


def _said(concept: str, facts: np.ndarray, rows: np.ndarray) -> tuple[dict, list[int]] | None:
    """The fact of a concept on the strongest X-rays that show it, and these."""
    found = [(fact, row) for row in rows[:20] for fact in facts[row] if concept_of(Statement(**fact).fact) == concept]
    return (found[0][0], [row for _, row in found]) if found else None


def _description(feature: int, fact: dict, z: float, counts: tuple, shown: list[str]) -> dict:
    certainty = "certain" if z > 8 else "likely" if z > 4 else "possible"
    statement = Statement(fact["finding"], fact["side"], fact["place"], fact["severity"], certainty=certainty)
    n_firing, n_with, n_control, n_control_with = (int(one) for one in counts)
    return {
        "feature_id": int(feature), "text": realise(statement), "finding": fact["finding"], "side": fact["side"],
        "place": fact["place"], "severity": fact["severity"], "certainty": certainty, "z": float(z), "n_firing": n_firing,
        "n_with": n_with, "n_control": n_control, "n_control_with": n_control_with, "image_ids": shown,
        "terms": [word for word in (fact["severity"], fact["finding"].split("_")[-1]) if word],
    }  # fmt: skip


def directions(themes: Themes, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Float32 [m, D] decoder rows around their theme's direction, and the themes' own [T, 2 D]."""
    centres = rng.standard_normal((themes.everything + 1, 2 * D)).astype(np.float32)
    rows = centres[themes.of, :D] + 0.9 * rng.standard_normal((len(themes.of), D)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), centres


def embed(active: sparse.csr_matrix, themes: Themes, centres: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """float16 [N, 2 D] of length 1: the sum of the active features' themes, and noise."""
    found = np.empty((active.shape[0], 2 * D), np.float16)
    of_theme = sparse.csr_matrix((np.ones(len(themes.of), np.float32), (np.arange(len(themes.of)), themes.of)))
    for start in range(0, len(found), BLOCK):
        block = np.asarray((active[start : start + BLOCK] @ of_theme) @ centres[: of_theme.shape[1]])
        block += rng.standard_normal(block.shape, dtype=np.float32) * 2.0
        found[start : start + BLOCK] = block / np.linalg.norm(block, axis=1, keepdims=True)
    return found


def draw_thumbs(folder: Path, pool: list[Study], study: np.ndarray, names: list[str]) -> None:
    """Render each study once; its X-rays are hard links to it."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder.with_name("drawn")
    kept.mkdir(exist_ok=True)
    jobs = [(kept / f"{s}.webp", one) for s, one in enumerate(pool) if not (kept / f"{s}.webp").exists()]
    with multiprocessing.get_context("spawn").Pool(min(2, os.cpu_count() or 1)) as workers:
        for _ in workers.imap_unordered(_draw, jobs, chunksize=8):
            pass
    for name, s in zip(names[:MOST_THUMBS], study[:MOST_THUMBS], strict=True):
        path = folder / f"{name}.webp"
        if not path.exists():
            path.hardlink_to(kept / f"{s}.webp")


def _draw(job: tuple[Path, Study]) -> None:
    path, one = job
    part = path.with_suffix(".part")
    part.write_bytes(thumbnail(render(one, size=256).pixels))
    part.replace(path)


def places(themes: Themes, rng: np.random.Generator) -> pd.DataFrame:
    """The map: themes scattered, features around theirs. No UMAP: it would take longer than everything else."""
    centre = rng.normal(0, 6, (themes.everything + 1, 2))
    at = (
        centre[themes.of]
        + rng.normal(0, 0.35, (len(themes.of), 2)) * np.where(themes.of == themes.everything, 18, 1)[:, None]
    )
    at = at.astype(np.float32)
    return pd.DataFrame({"feature_id": np.arange(len(at), dtype=np.int32), "x": at[:, 0], "y": at[:, 1]})


def make(settings: Settings, say=lambda text: None) -> Workspace:  # noqa: ANN001
    """Write the workspace; an older one at the same place is replaced but for curation and drawn thumbnails.

    Args:
        settings: what.
        say: told of each step and its seconds.
    """
    rng = np.random.default_rng(settings.seed)
    clock = _Clock(say)
    title = f"Simulated statistics, {settings.images:,} X-rays"
    info = DatasetInfo(
        kind="simulated", title=title, simulated=True, options={"seed": settings.seed, "patients": settings.patients}
    )
    encoder = EncoderInfo(id="none: simulated statistics", d=D, image_size=256, patch_grid=16)
    workspace = Workspace.create(settings.out, info, encoder)
    with clock("studies"):
        pool = pool_of(settings)
    with clock("records and reports"):
        records, study = draw_records(settings, pool, rng)
    with clock("codes"):
        themes = Themes(settings.features, rng)
        codes = draw_codes(settings, records, study, pool, themes, rng)
    train = (records["split"] == "train").to_numpy()
    thresholds = np.zeros(settings.features, np.float32)
    sparse_codes = SparseCodes.of(codes)
    sparse_codes.save(workspace.codes)
    with clock("figures of features"):
        of_train = records.loc[train].reset_index(drop=True)
        features, labels = feature_table(by_feature(sparse_codes, train), codes[train], thresholds, of_train)
    with clock("descriptions"):
        descriptions = describe(records, codes, themes)
    decoder, centres = directions(themes, rng)
    with clock("store"):
        build_store(workspace.activations_db, images=records, codes=sparse_codes, active=codes, features=features, labels=labels,
                    descriptions=descriptions, decoder=decoder)  # fmt: skip
    places(themes, rng).to_parquet(workspace.atlas_file, index=False)
    save_file({"thresholds": thresholds}, workspace.root / "thresholds.safetensors")
    if settings.images <= MOST_EMBEDDED:
        with clock("embeddings and search index"):
            embeddings = embed(codes, themes, centres, rng)
            np.save(workspace.embeddings, embeddings)
            ImageIndex.build(embeddings, workspace.faiss_index)
    if settings.thumbs:
        with clock("thumbnails"):
            draw_thumbs(workspace.root / "thumbs", pool, study, list(records["image_id"]))
    _finish(workspace, settings, records, codes, features, len(descriptions))
    add(workspace, settings.seed, say)
    return workspace


def _finish(workspace, settings, records, codes, features, described) -> None:  # noqa: ANN001, PLR0913
    manifest = workspace.manifest
    manifest.sae = SaeInfo(tokens="cls", width=settings.features, k=ACTIVE, trained_on="nothing: its statistics are simulated",
                           rule="A feature is active where it was drawn for the simulated X-ray.")  # fmt: skip
    train, alive = int((records["split"] == "train").sum()), int((features["n_images"] > 0).sum())
    manifest.counts = Counts(
        images=len(records), patients=records["patient_id"].nunique(), train_images=train, features=settings.features, alive=alive,
        described=described, active_per_image=codes.nnz / len(records),
    )  # fmt: skip
    manifest.metrics.l0 = manifest.counts.active_per_image
    manifest.metrics.dead_share = 1 - alive / settings.features
    manifest.funnel = {"simulated patients": manifest.counts.patients, "simulated X-rays": len(records)}
    manifest.stages = {
        name: StageRecord(key=f"simulated {settings}") for name in ("encode", "activate", "describe", "index", "atlas")
    }
    manifest.provenance = provenance()
    workspace.save()


class _Clock:
    """Says how long each step took."""

    def __init__(self, say) -> None:  # noqa: ANN001
        self._say = say
        self._name, self._began = "", 0.0

    def __call__(self, name: str) -> _Clock:
        self._name = name
        return self

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._say(f"{self._name}: {time.perf_counter() - self._began:.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--features", type=int, default=Settings.features)
    parser.add_argument("--images", type=int, default=Settings.images)
    parser.add_argument("--patients", type=int, default=None, help="default: 65,000 of 240,000 X-rays")
    parser.add_argument("--drawn", type=int, default=Settings.drawn, help="simulated studies that come back")
    parser.add_argument("--no-thumbs", action="store_true")
    parser.add_argument("--seed", type=int, default=Settings.seed)
    args = parser.parse_args()
    patients = args.patients or max(1, round(args.images * 65 / 240))
    settings = Settings(args.out, args.features, args.images, patients, args.drawn, not args.no_thumbs, args.seed)
    began = time.perf_counter()
    make(settings, lambda text: print(text, flush=True))
    print(f"{args.out} is ready after {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
