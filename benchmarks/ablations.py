"""The paper's ablations on a workspace: width, L0, indication, prior X-ray, and the number of reports that descriptions and evidence are made from.

    python -m benchmarks.ablations data/demo --json benchmarks/results/ablations.json

A copy of a finished simulated workspace, whose patches are embedded once more (into its cache, as `train --sweep` does; what that left is used).
Figures are of test patients against what was drawn; intervals and p are by patient and paired with the workspace's own reports. The paper trains dictionaries of 32, 64 and 128
times the embedding's width on a quarter of a million X-rays. The demo's 1,386 training X-rays have 355,000 patches, much alike within an X-ray: 32 times its 384 dimensions leaves
29 patches and a tenth of an X-ray a feature, and evidence leaves out features that fire on fewer than five X-rays. What that does is measured too.

What the file already holds of an earlier run isn't run again with `--resume`.
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from benchmarks.common import Results, Row, arguments
from saerad_core.descriptions.contrast import describe
from saerad_core.descriptions.fit_evidence import FitSettings
from saerad_core.descriptions.realise import realise
from saerad_core.descriptions.statements import facts_of
from saerad_core.evaluation.candidate_figures import read_all
from saerad_core.evaluation.compare import Draws, compared, draw, figure
from saerad_core.evaluation.frontier import material_of
from saerad_core.evaluation.measures import MEASURES, Told
from saerad_core.evaluation.run import bench_of, drawn, references_of
from saerad_core.evaluation.scored import scored_images
from saerad_core.evaluation.systems.base import Bench, compose_all, fitted, from_codes, pairs
from saerad_core.evaluation.systems.ours import write_certain
from saerad_core.progress import Silent
from saerad_core.reports.compose import Composer
from saerad_core.sae.active import active_rows
from saerad_core.sae.codes import SparseCodes
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.train import train
from saerad_core.stages.describe import report_texts
from saerad_core.stages.embed_again import embed_all
from saerad_core.stages.train import tokens_of_split
from saerad_core.vocabulary import Fact
from saerad_core.workspace import Workspace

WIDTHS = (1, 2, 8, 16)
"""Times the embedding's width, beside WIDTH."""
PAPER = (32, 64, 128)
"""Of the paper; the slowest, so the last."""
L0S = (5, 10, 30)
"""Active features a patch, beside K."""
K, WIDTH = 15, 4
"""Of the dictionary that the other axis is varied at."""
STEPS, BATCH, LR = 600, 1_024, 4e-3
"""Of a training; the rate is what a sweep chose for topk on these tokens."""
FEWEST = FitSettings().fewest_firing
"""Training X-rays on which a feature has to fire to count as evidence."""
SHARES = (0.1, 0.25, 0.5, 1.0)
"""Of the training patients whose reports are read."""
GAINS = np.linspace(0, 4, 41)
"""Log-odds that a finding gains by standing in the indication."""
SHOWN = ("fact_f1", "fact_precision", "fact_recall", "normal_called_abnormal")


class Scorer:
    """Scores texts of the asked X-rays and compares them with the workspace's own."""

    def __init__(self, results: Results, truth: list[set[Fact]], references: list[str], patients: np.ndarray) -> None:
        self.results, self.truth, self.references = results, truth, references
        self.draws: Draws = draw(patients)
        self.base: np.ndarray | None = None

    def counts(self, name: str, texts: list[str]) -> np.ndarray:
        return MEASURES[name].counts(Told(texts, self.references, self.truth))

    def add(self, name: str, texts: list[str]) -> None:
        for key in SHOWN:
            one = figure(MEASURES[key], self.counts(key, texts), self.draws)
            said = f"({one['lo']:.3f} to {one['hi']:.3f})" if one["lo"] is not None else ""
            self.results.add(f"{name}: {MEASURES[key].title}", one["value"] or 0.0, said)
        found = self.counts("fact_f1", texts)
        if self.base is None:
            self.base = found
        else:
            self.less(f"{name}, less the workspace's own", found, self.base)

    def less(self, name: str, one: np.ndarray, other: np.ndarray) -> None:
        found = compared(MEASURES["fact_f1"], one, other, self.draws)
        self.results.add(f"{name}: exact fact F1", found["difference"], f"({found['lo']:+.3f} to {found['hi']:+.3f}), p {found['p']:.4f}")  # fmt: skip


class Earlier:
    """Rows of an earlier run's file, so that a run goes on where that one ended."""

    def __init__(self, path: Path | None) -> None:
        """Read the file; without one nothing is kept."""
        found = json.loads(path.read_text(encoding="utf-8"))["rows"] if path is not None and path.exists() else []
        self.rows = [Row(**row) for row in found]

    def keep(self, name: str, results: Results) -> bool:
        """Take over what was measured of ``name``; False, and nothing is taken, where that wasn't to its end."""
        some = [row for row in self.rows if row.name.startswith((f"{name}:", f"{name},"))]
        if not any(row.name.startswith(f"{name}, less the workspace's own") for row in some):
            return False
        results.rows += some
        return True


def reports_read(results: Results, scorer: Scorer, bench: Bench, earlier: Earlier, seed: int = 0) -> None:
    """Descriptions and evidence from the reports of a share of the training patients; dictionary and rule stay."""
    order = np.random.default_rng(seed).permutation(np.unique(bench.patients[bench.train]))
    active = active_rows(bench.codes, bench.thresholds)
    for share in SHARES:
        name = f"reports of {share:.0%} of the training patients"
        if earlier.keep(name, results):
            continue
        kept = set(order[: round(share * len(order))].tolist())
        rows = np.array([row for row in bench.train if bench.patients[row] in kept])
        splits = bench.splits.copy()
        splits[np.setdiff1d(bench.train, rows)] = "unread"
        some = replace(bench, splits=splits)
        images = bench.images.iloc[rows].reset_index(drop=True)
        told = describe(active[rows], images, bench.reported.rows(rows), [bench.texts[row] for row in rows], realise)
        firing = np.diff(active[rows].tocsc().indptr)
        results.add(f"{name}: reports", len(rows), "X-rays")
        results.add(f"{name}: reports of a described feature, median", np.median(firing[told["feature_id"]]) if len(told) else 0, "X-rays")  # fmt: skip
        results.add(f"{name}: described features", len(told), "features")
        tables, _ = fitted(some, bench.codes)
        scorer.add(name, compose_all(Composer(tables, {}), bench.codes, bench.thresholds, bench.asked))


def indication(results: Results, scorer: Scorer, bench: Bench, indications: list[str]) -> None:
    """Log-odds for findings that the indication names, one gain for all, chosen on the validation patients; the reports themselves never read it."""
    named = [{fact.finding for fact, said in facts_of(text).items() if said.present} for text in indications]
    share = np.mean([bool(some) for some in named])
    results.add("indication: X-rays whose indication names a finding of the vocabulary", share, "share")
    loose = np.array([fact.finding for fact in bench.tables.facts])

    def logits(row: int) -> np.ndarray:
        ids, code = bench.codes.row(int(row))
        return bench.tables.logits(pairs(ids, code))

    def gained(row: int, z: np.ndarray, gain: float) -> np.ndarray:
        asked = np.isin(loose, list(named[row])) if named[row] else np.zeros(len(loose), bool)
        return bench.tables.consistent(1 / (1 + np.exp(-(z + gain * asked))))

    columns = [bench.reported.column(fact) for fact in bench.tables.facts]
    y = bench.reported.stated[bench.validate][:, columns].toarray()
    known = 1 - bench.reported.unknown[bench.validate][:, columns].toarray()
    scores = [logits(row) for row in bench.validate]

    def loss(gain: float) -> float:
        p = np.clip([gained(row, z, gain) for row, z in zip(bench.validate, scores, strict=True)], 1e-6, 1 - 1e-6)
        return float(-(known * (y * np.log(p) + (1 - y) * np.log(1 - p))).sum())

    gain = float(min(GAINS, key=loss))
    results.add("indication: gain chosen on validation patients", gain, "log-odds")
    asked = [(row, logits(row)) for row in bench.asked]
    without = [write_certain(gained(row, z, 0.0), bench) for row, z in asked]
    with_it = [write_certain(gained(row, z, gain), bench) for row, z in asked]
    scorer.less("with the indication, less without it", scorer.counts("fact_f1", with_it), scorer.counts("fact_f1", without))  # fmt: skip


def prior(results: Results, scorer: Scorer, bench: Bench) -> None:
    """Reports of test X-rays that have a prior X-ray in the workspace, with it and without; sentences on changes count as text of the report."""
    number = bench.images["image_id"].astype(str).str.rsplit("-", n=1).str[-1].astype(int).to_numpy()
    place = {int(row): at for at, row in enumerate(bench.asked)}
    before: dict[int, int] = {}
    for row in bench.asked:
        older = [
            other for other in np.flatnonzero(bench.patients == bench.patients[row]) if number[other] < number[row]
        ]
        if older:
            before[int(row)] = int(max(older, key=lambda other: number[other]))
    results.add("prior: test X-rays with one", len(before), "X-rays")
    if not before:
        return
    without, with_it, stated = [], [], 0
    for row, older in before.items():
        ids, code = bench.codes.row(row)
        then = pairs(*bench.codes.row(older))
        on = code > bench.thresholds[ids]
        found = pairs(ids[on], code[on])
        told = bench.composer.compose(found, code=pairs(ids, code), prior=then, abstain=False)
        plain = bench.composer.compose(found, code=pairs(ids, code), abstain=False)
        without.append(plain.text)
        with_it.append(" ".join([told.text, *(change.said for change in told.changes if change.stands)]))
        stated += len(told.changes)
    results.add("prior: changes stated an X-ray", stated / len(before), "sentences")
    at = [place[row] for row in before]
    part = Scorer(results, [scorer.truth[i] for i in at], [scorer.references[i] for i in at], bench.patients[list(before)])  # fmt: skip
    part.less("with the prior X-ray, less without it", part.counts("fact_f1", with_it), part.counts("fact_f1", without))
    for name, texts in (("with the prior X-ray", with_it), ("without it, the same X-rays", without)):
        for key in ("statement_f1", "fact_f1", "words"):
            one = figure(MEASURES[key], part.counts(key, texts), part.draws)
            results.add(f"{name}: {MEASURES[key].title}", one["value"], f"({one['lo']:.3f} to {one['hi']:.3f})")


def dictionaries(
    results: Results, scorer: Scorer, bench: Bench, workspace: Workspace, earlier: Earlier, args: Namespace
) -> None:
    """Width at the same L0, and L0 at the same width: trained here on the training patients' patches."""
    quick = args.quick
    shards = embed_all(workspace, workspace.cache_dir / "sweep", Silent())
    material = material_of(workspace, shards)
    d = workspace.manifest.encoder.d
    plans = [(WIDTH, K), *((w, K) for w in WIDTHS), *((WIDTH, k) for k in L0S), *((w, K) for w in PAPER)]
    with tokens(shards, workspace.cache_dir) as (training, checking):
        for width, k in plans[:2] if quick else plans:
            name = f"width x{width}, L0 {k}"
            if earlier.keep(name, results):
                continue
            config = SaeConfig(d, width * d, k=k, lr=LR, steps=100 if quick else STEPS, batch=BATCH, check_every=100)
            sae = train(training, checking, config).sae
            found = read_all(sae, material, "patch")
            results.add(f"{name}: dead", 1 - found.alive.mean(), "share")
            often = np.asarray((found.codes["max"][bench.train] > 0).sum(axis=0)).ravel() >= FEWEST
            results.add(f"{name}: firing on {FEWEST} training X-rays or more", often.mean(), "share")
            scorer.add(name, from_codes(bench, SparseCodes.of(found.codes["max"])))
            results.write(args.json)


@contextmanager
def tokens(shards, folder: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Patches of the training and of the validation patients, memory-mapped for as long as they are needed."""
    with TemporaryDirectory(dir=folder) as part:
        splits = shards.splits()
        yield tuple(tokens_of_split(shards, splits, split, "patches", Path(part)) for split in ("train", "validate"))  # type: ignore[misc]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--resume", action="store_true", help="keep what the file given with --json already holds")
    args = parser.parse_args()
    torch.set_num_threads(1)
    workspace = Workspace.open(args.workspace)
    images, splits, asked = scored_images(workspace, "test")
    truth = [drawn(facts) for facts in images["facts"]]
    bench = bench_of(workspace, images, splits, asked, report_texts(images), truth)
    results, earlier = Results(), Earlier(args.json if args.resume else None)
    scorer = Scorer(results, [truth[row] for row in asked], references_of(images.iloc[asked]), bench.patients[asked])
    scorer.add("the workspace's own", compose_all(bench.composer, bench.codes, bench.thresholds, asked))
    indication(results, scorer, bench, [text or "" for text in images["indication"]])
    prior(results, scorer, bench)
    reports_read(results, scorer, bench, earlier)
    dictionaries(results, scorer, bench, workspace, earlier, args)
    results.write(args.json)


if __name__ == "__main__":
    main()
