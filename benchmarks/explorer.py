"""How fast the explorer answers: the store, the list, search, what a feature's page counts, the app's start and pages.

python -m benchmarks.make_workspace --out data/scale
python -m benchmarks.explorer --data data/scale --parts store --json benchmarks/results/explorer_store.json

Milliseconds are p50 / p95 over many features, by the processor's time and by the clock. The goals are judged by the processor's: the
machine runs other programs, which stretch the clock's p95 tenfold and more; the load average is among the rows. Ratios are to one
bound statement that reads no table, on the same store in the same run: what DuckDB and its Python client take for any answer.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.common import Results, arguments
from benchmarks.enlarge import enlarge
from benchmarks.make_workspace import Settings, make
from saerad_core.explorer import Explorer, FeatureQuery
from saerad_core.explorer.evidence import FeatureEvidence
from saerad_core.sae.codes import open_codes
from saerad_core.store.activations import ActivationStore
from saerad_core.store.build import build_store
from saerad_core.store.rollup import coactivations, similar_directions
from saerad_core.workspace import Workspace

PARTS = ("store", "large", "browser", "sessions", "atlas", "build")
"""Rows of the store itself; of one with many times the X-rays; of the app in a real browser; with many readers at once; of its map in a browser; of writing the store."""
HOT = 200
"""The most frequent features are the hot ones."""
TYPED = (
    "pleural effusion",
    "cardiomegaly severe",
    "pneumothorx right",
    "nodule left upper",
    "nasogastric",
    "effusion lef",
)
"""What one types; asked letter by letter. One word has a slip."""


class Times:
    """p50 and p95 of one kind of question, in milliseconds."""

    def __init__(self, ask: Callable[[int], object], over: Sequence[int] | np.ndarray, rounds: int = 1) -> None:
        for one in list(over)[:3]:
            ask(int(one))
        found, spent = [], []
        for _ in range(rounds):
            for one in over:
                began, busy = time.perf_counter(), time.process_time()
                ask(int(one))
                found.append((time.perf_counter() - began) * 1000)
                spent.append((time.process_time() - busy) * 1000)
        self.p50, self.p95 = (float(np.percentile(found, q)) for q in (50, 95))
        self.cpu50, self.cpu95 = (float(np.percentile(spent, q)) for q in (50, 95))
        """Of the processor's time: what the clock would show on a free core, since one thread answers and nothing is waited for."""


def add(
    results: Results, name: str, times: Times, reference: Times, p50: float = 0, p95: float = 0, goal: str = ""
) -> None:
    """Both percentiles beside their goal, and the ratio."""
    met = (times.cpu50 <= p50, times.cpu95 <= p95) if goal else (None, None)
    results.add(f"{name}: processor p50", times.cpu50, "ms", goal, met[0])
    results.add(f"{name}: processor p95", times.cpu95, "ms", goal, met[1])
    results.add(f"{name}: clock p50", times.p50, "ms")
    results.add(f"{name}: clock p95", times.p95, "ms")
    results.add(f"{name}: processor p50 / reference", times.cpu50 / reference.cpu50, "x")


def uniform_and_hot(explorer: Explorer, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Living features drawn evenly, and the most frequent ones."""
    features = explorer.store.features()
    alive = features.loc[features["n_images"] > 0, "feature_id"].to_numpy()
    hot = features.sort_values("n_images", ascending=False)["feature_id"].to_numpy()[: min(HOT, n)]
    return np.random.default_rng(0).choice(alive, min(n, len(alive)), replace=False), hot


def top_images(kept: ActivationStore, features: Sequence[np.ndarray]) -> tuple[Times, list[Times]]:
    """The reference statement, and top-24 of some features: rows, activations, names and labels."""
    roster = kept.roster

    def top(feature: int) -> list[tuple]:
        found = kept.top_images(feature, 24, split="train")
        return [(roster.image_id[int(row)].as_py(), roster.labels_of(row)) for row in found.rows]

    reference = Times(lambda feature: kept._run("SELECT $feature", feature=feature).fetchall(), features[0])
    return reference, [Times(top, some) for some in features]


def store(results: Results, explorer: Explorer, n: int) -> None:
    """The store's own questions, each answered from the file: nothing is kept in memory, as it would be after some pages."""
    kept = ActivationStore(explorer.workspace.activations_db, often=sys.maxsize)
    uniform, hot = uniform_and_hot(explorer, n)
    reference, (uniform_top, hot_top) = top_images(kept, (uniform, hot))
    results.add("reference: a bound statement that reads no table: processor p50", reference.cpu50, "ms")
    goal = "top-24 of a feature, uniform and hot features <= 1.5 / 3 ms"
    add(results, "top-24 of a uniform feature", uniform_top, reference, 1.5, 3, goal)
    add(results, "top-24 of a hot feature", hot_top, reference, 1.5, 3, goal)
    rows = np.random.default_rng(1).integers(0, len(kept.roster), n)
    add(
        results,
        "features of an X-ray",
        Times(kept.features_of_row, rows),
        reference,
        2,
        4,
        "features of an X-ray <= 2 / 4 ms",
    )
    add(results, "histogram", Times(kept.histogram, uniform), reference, 2, 4, "histogram <= 2 / 4 ms")
    add(results, "co-firing", Times(kept.coactive, uniform), reference, 5, 15, "co-firing <= 5 / 15 ms")
    strongest = {int(f): kept.top_images(int(f), 24, split="train").rows for f in uniform[:100]}
    add(
        results,
        "report texts of those 24 X-rays",
        Times(lambda f: kept.texts(strongest[f]), list(strongest)),
        reference,
    )
    add(
        results,
        "evidence of a uniform feature, all of it",
        Times(lambda f: _evidence(explorer, f), uniform[:100]),
        reference,
    )
    add(results, "evidence of a hot feature, all of it", Times(lambda f: _evidence(explorer, f), hot[:100]), reference)


def _evidence(explorer: Explorer, feature: int) -> None:
    """What a page counts: labels, confounders, disagreements."""
    # Not what the explorer has kept of an earlier asking.
    evidence, row = FeatureEvidence(explorer.store, explorer.view_of_training, feature), explorer.row(feature)
    evidence.associations([score.label for score in explorer.feature(feature).labels], row.threshold)
    evidence.confounders(row.best_label)
    evidence.unlabelled(row.best_label, 6)
    evidence.silent(row.best_label, 6)


def lists(results: Results, explorer: Explorer, n: int) -> None:
    """The list page and search."""
    queries = [
        FeatureQuery(finding=finding, sort=sort, lowest=lowest)
        for finding in ("", "pleural_effusion", "nodule", "cardiomegaly")
        for sort in ("strength", "auroc", "frequent", "rare", "id")
        for lowest in (0.0, 0.0001)
    ]
    reference = Times(lambda f: explorer.store._run("SELECT $feature", feature=f).fetchall(), range(200))
    goal = "list page with filter and sort <= 5 / 20 ms"
    add(results, "list page with filter and sort",
        Times(lambda i: explorer.features(queries[i % len(queries)], 20 * (i % 3), 20), range(n)), reference, 5, 20, goal)  # fmt: skip
    pages = [[row.feature_id for row in explorer.features(query, 0, 20).rows] for query in queries]
    add(
        results,
        "its 60 thumbnails' names",
        Times(lambda i: explorer.sample_images(pages[i], 3), range(len(pages))),
        reference,
    )
    typed = [words[: i + 1] for words in TYPED for i in range(len(words))]
    began = time.perf_counter()
    explorer.features(FeatureQuery(text="effusion"), 0, 20)
    results.add("index for search, made once", time.perf_counter() - began, "s")
    search = Times(lambda i: explorer.features(FeatureQuery(text=typed[i]), 0, 20), range(len(typed)), 2)
    results.add("search as one types: p50", search.p50, "ms", "search as one types <= 100 ms", search.p50 <= 100)
    results.add("search as one types: p95", search.p95, "ms", "search as one types <= 100 ms", search.p95 <= 100)
    slip = explorer.features(FeatureQuery(text="pneumothorx"), 0, 20).total
    right = explorer.features(FeatureQuery(text="pneumothorax"), 0, 20).total
    results.add("found with a slip of the pen, of those without", slip / max(right, 1), "x")


def size(results: Results, kept: ActivationStore) -> None:
    """Bytes of the two activation tables for each activation."""
    block = kept._run("SELECT block_size FROM pragma_database_size() WHERE database_name = 'store'").fetchall()[0][0]
    blocks = sum(
        kept._run(
            "SELECT count(DISTINCT block_id) FROM pragma_storage_info($name) WHERE block_id >= 0", name=f"store.{table}"
        ).fetchall()[0][0]
        for table in ("activations_by_feature", "activations_by_image")
    )
    n = kept._run("SELECT count(*) FROM store.activations_by_feature").fetchall()[0][0]
    results.add("activations in the store", n / 1e6, "million")
    results.add(
        "bytes per activation, both tables",
        block * blocks / n,
        "bytes",
        "bytes per activation in the store <= 13",
        block * blocks / n <= 13,
    )


def grown(results: Results, explorer: Explorer, smaller: tuple[Times, Times], times: int, n: int) -> None:
    """Top-24 on a store of many times the X-rays."""
    with tempfile.TemporaryDirectory(dir=explorer.workspace.root) as folder:
        path = Path(folder) / "many.duckdb"
        enlarge(explorer.workspace.activations_db, path, times)
        many = ActivationStore(path)
        _, larger = top_images(many, uniform_and_hot(explorer, n))
        results.add("X-rays of the large store", len(many.roster), "")
        for name, one, other in zip(("uniform", "hot"), larger, smaller, strict=True):
            goal = "top-24 of a feature at 2.4M images <= 2x that"
            results.add(f"top-24 of a {name} feature there: p50", one.p50, "ms")
            results.add(f"top-24 of a {name} feature there: p95", one.p95, "ms")
            results.add(
                f"top-24 of a {name} feature, large / small: processor p50",
                one.cpu50 / other.cpu50,
                "x",
                goal,
                one.cpu50 <= 2 * other.cpu50,
            )
            results.add(
                f"top-24 of a {name} feature, large / small: processor p95",
                one.cpu95 / other.cpu95,
                "x",
                goal,
                one.cpu95 <= 2 * other.cpu95,
            )
        many.close()


def build(results: Results, workspace: Workspace) -> None:
    """The store of an existing workspace, written again elsewhere; directions are random, as many as there were."""
    kept = ActivationStore(workspace.activations_db)
    images = kept.images()
    codes = open_codes(workspace.codes)
    active = codes.rows(slice(None))
    train = (images["split"] == "train").to_numpy()
    decoder = (
        np.random.default_rng(0).standard_normal((codes.shape[1], workspace.manifest.encoder.d)).astype(np.float32)
    )
    labels = kept._run("SELECT * FROM store.feature_labels").df()
    began = time.process_time()
    coactivations(active[train], images["patient_id"].to_numpy()[train])
    together = time.process_time() - began
    began = time.process_time()
    similar_directions(decoder, np.bincount(active[train].indices, minlength=codes.shape[1]) > 0)
    similar = time.process_time() - began
    with tempfile.TemporaryDirectory(dir=workspace.root) as folder:
        began, clock = time.process_time(), time.perf_counter()
        build_store(Path(folder) / "again.duckdb", images=images, codes=codes, active=active, features=kept.features(),
                    labels=labels, descriptions=kept.descriptions(), decoder=decoder)  # fmt: skip
        whole, waited = time.process_time() - began, time.perf_counter() - clock
    goal = "build of the 3.6M-row store <= 5 s (co-firing roll-up apart, <= 20 s)"
    rest = whole - together - similar
    results.add("build of the whole store, by the clock", waited, "s")
    results.add("co-firing roll-up", together, "processor-s", goal, together <= 20)
    results.add("similar directions (all pairs of decoder rows)", similar, "processor-s")
    results.add("build of the store without these two", rest, "processor-s", goal, rest <= 5)


def opening(results: Results, workspace: Workspace) -> Explorer:
    """A reader that is ready for its first page."""
    began = time.perf_counter()
    explorer = Explorer(workspace)
    explorer.store.roster.row_of("")
    _evidence(explorer, int(explorer.catalogue.find(FeatureQuery(sort="frequent"))[0]))
    results.add("opening the workspace, up to a first feature's evidence", time.perf_counter() - began, "s")
    results.add("memory of the reader's process", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, "GB")
    return explorer


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--data", type=Path, default=None, help="workspace that benchmarks.make_workspace wrote")
    parser.add_argument("--times", type=int, default=10, help="how many times the X-rays the large store has")
    parser.add_argument(
        "--parts", nargs="+", choices=PARTS, default=PARTS, help="what to measure; each prints rows of its own"
    )
    args = parser.parse_args()
    results = Results()
    with tempfile.TemporaryDirectory() as folder:
        root = args.data
        if root is None:
            root = make(
                Settings(
                    Path(folder) / "scale",
                    2_000,
                    8_000,
                    2_000,
                    50,
                    thumbs=bool({"browser", "sessions"} & set(args.parts)),
                )
            ).root
        workspace = Workspace.open(root)
        n = 60 if args.quick else 400
        results.add("load average at the start, of other programs too", os.getloadavg()[0], "")
        results.add("features", workspace.manifest.counts.features, "")
        results.add("X-rays", workspace.manifest.counts.images, "")
        explorer = opening(results, workspace)
        if "store" in args.parts:
            store(results, explorer, n)
            lists(results, explorer, n)
            size(results, explorer.store)
        if "large" in args.parts:
            _, (uniform, hot) = top_images(explorer.store, uniform_and_hot(explorer, n))
            grown(results, explorer, (uniform, hot), args.times, n)
        if "browser" in args.parts:
            from benchmarks.explorer_browser import browse

            browse(results, workspace, args.quick)
        if "sessions" in args.parts:
            from benchmarks.explorer_browser import browse_many

            browse_many(results, workspace, args.quick)
        if "atlas" in args.parts:
            from benchmarks.explorer_browser import browse_atlas

            browse_atlas(results, workspace, args.quick)
        if "build" in args.parts:
            build(results, workspace)
    results.write(args.json)


if __name__ == "__main__":
    main()
