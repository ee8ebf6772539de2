"""How well dictionaries recover a known one: ours beside SAELens', dictionary-learning's and sparsify's, at equal steps.

    python -m benchmarks.sae_quality --json benchmarks/results/sae_quality.json      (with requirements-bench.txt)

(a) 512 directions in 128 dimensions (quality_data.known), m = 768, k = 10, 2,000 steps of 1,024 tokens.
(b) SynthSAEBench's generator at a size that fits a processor core (quality_data.synth), m = 256.

Each method's learning rate is swept with seed 0 from two starting points, further where the best lies at the edge, and
chosen by explained variance on one split; every figure is from another. PCA has as many components as a token has active
features. The oracle starts at the true dictionary and trains on. A finished run is kept in --cache by its settings; several
processes may work on the same folder.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from benchmarks import quality_data, quality_peers
from benchmarks.common import Results, arguments
from benchmarks.quality_data import Data, kept
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.metrics import explained_variance, pca_explained_variance
from saerad_core.sae.registry import REGISTRY, stepper_for
from saerad_core.sae.start import initial
from saerad_core.sae.tokens import Batches
from saerad_core.sae.train import learning_rate

RATES = (3e-3, 1e-2)
"""Where every sweep starts."""
FARTHER = 10**0.5
WIDEST = 2
"""Times that a sweep may go beyond, on one side."""
NEAR = 0.1
"""A method that is steered to an L0, or whose sparsity is swept, has to be within this share of it to be chosen."""
PEERS = {
    "SAELens topk": quality_peers.saelens,
    "SAELens batchtopk": quality_peers.saelens,
    "SAELens matryoshka": quality_peers.saelens,
    "SAELens jumprelu": quality_peers.saelens,
    "dictionary-learning topk": quality_peers.dictionary_learning,
    "dictionary-learning batchtopk": quality_peers.dictionary_learning,
    "dictionary-learning gated": quality_peers.dictionary_learning,
    "sparsify topk": quality_peers.sparsify,
}
SPARSITIES = {"dictionary-learning gated": (0.03, 0.06, 0.12, 0.15, 0.18, 0.24, 0.28, 0.34)}
"""Weights of a sparsity loss that are swept beside the learning rate, where the library doesn't take an L0."""

QUICK = ("topk", "SAELens topk", "dictionary-learning topk", "sparsify topk")
GIVEN = {
    *["d_in", "d_sae", "k", "tokens", "lr", "steps", "batch", "seed", "architecture", "check_every", "patience", "pool"]
}
"""Settings whose defaults don't matter to a run here."""
GOALS = {
    "mcc": ("(a) MCC >= .955", lambda value: value >= 0.955),
    "dead": ("dead <= .02", lambda value: value <= 0.02),
    "report": ("explained variance >= .864", lambda value: value >= 0.864),
}
"""Of problem (a), judged for each of our architectures."""


@dataclass(frozen=True)
class Problem:
    """A known dictionary and what learns it."""

    name: str
    m: int
    k: int
    tokens: int
    steps: int
    batch: int

    def data(self, folder: Path) -> Data:
        """Its tokens, kept in the folder."""
        make = quality_data.known if self.name == "known" else quality_data.synth
        return kept(folder, f"{self.name}-{self.tokens}", lambda: make(self.tokens))


KNOWN = Problem("known", m=768, k=10, tokens=300_000, steps=2_000, batch=1_024)
SYNTH = Problem("synth", m=256, k=6, tokens=200_000, steps=2_000, batch=512)


@dataclass(frozen=True)
class Job:
    """One training."""

    problem: Problem
    method: str
    lr: float
    seed: int
    sparsity: float = 1.0

    @property
    def key(self) -> str:
        """Of everything that the result depends on."""
        facts = asdict(self)
        if self.method.split()[0] in REGISTRY:
            facts["defaults"] = {name: value for name, value in asdict(SaeConfig(1, 1)).items() if name not in GIVEN}
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:20]


def ours(data: Data, job: Job) -> tuple[np.ndarray, quality_peers.Rebuild]:
    """Decoder [m, d] of an architecture of ours with its default settings, and what rebuilds tokens."""
    architecture, *oracle = job.method.split()
    problem = job.problem
    config = SaeConfig(
        data.train.shape[1],
        problem.m,
        k=problem.k,
        lr=job.lr,
        steps=problem.steps,
        batch=problem.batch,
        seed=job.seed,
        architecture=architecture,
    )
    device = torch.device("cpu")
    sae, scale = initial(data.train, config, device)
    if oracle:
        with torch.no_grad():
            known = torch.from_numpy(data.directions[np.argsort(-data.frequency)][: problem.m])
            sae.W_dec[: len(known)] = known
            sae.tie()
    stepper, batches = stepper_for(sae, config), Batches(data.train, problem.batch, job.seed, device, resident=True)
    for step in range(problem.steps):
        stepper.step(batches.at(step) * scale, learning_rate(step, config))
    stepper.sync()
    sae.unscale(scale)
    sae.eval()
    return sae.W_dec.detach().numpy(), lambda x: (sae.decode(sae.encode(x)), sae.dense(x))


def run(job: Job, data: Data) -> tuple[dict, np.ndarray]:
    """Train and score one dictionary: its figures and unit decoder rows [m, d]."""
    began, problem = time.process_time(), job.problem
    if job.method in PEERS:
        kind = job.method.split()[1]
        sizes = (problem.m, problem.k, job.lr, job.seed, problem.steps, problem.batch, job.sparsity)
        decoder, rebuild = PEERS[job.method](data, kind, *sizes)
    else:
        decoder, rebuild = ours(data, job)
    found = {"method": job.method, "lr": job.lr, "seed": job.seed, "sparsity": job.sparsity}
    found["seconds"] = time.process_time() - began
    mean = torch.from_numpy(np.array(data.train[:50_000]).mean(0))
    with torch.no_grad():
        for split in ("choose", "report"):
            x = torch.from_numpy(getattr(data, split))
            parts = [rebuild(part) for part in x.split(4_096)]
            found[split] = explained_variance(x, torch.cat([part[0] for part in parts]), mean)
            found[f"l0 {split}"] = sum(int((part[1] > 0).sum()) for part in parts) / len(x)
        fires = torch.zeros(problem.m, dtype=torch.bool)
        for part in torch.from_numpy(np.array(data.train[:60_000])).split(4_096):
            fires |= (rebuild(part)[1] > 0).any(0)
    found["dead"] = float(1 - fires.float().mean())
    unit = (decoder / np.linalg.norm(decoder, axis=1, keepdims=True).clip(1e-8)).astype(np.float32)
    likeness = np.abs(data.directions @ unit.T)
    rows, columns = linear_sum_assignment(-likeness)
    found["mcc"] = float(likeness[rows, columns].mean())
    # Of the directions that m features could hold, the rarer half; one without a partner counts 0.
    matched = np.zeros(len(data.directions))
    matched[rows] = likeness[rows, columns]
    within = np.argsort(-data.frequency)[: problem.m]
    found["rare"] = float(matched[within[len(within) // 2 :]].mean())
    return found, unit


class Kept:
    """Results in a folder, and who is at work on which."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def read(self, job: Job) -> dict | None:
        """The figures of a finished run."""
        path = self.folder / f"{job.key}.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def decoder(self, job: Job) -> np.ndarray:
        """The unit decoder rows of a finished run."""
        return np.load(self.folder / f"{job.key}.npy")

    def write(self, job: Job, found: dict, unit: np.ndarray) -> None:
        """Keep a run; the figures, written last, say that all is there."""
        np.save(self.folder / f"{job.key}.npy", unit)
        part = self.folder / f"{job.key}.part"
        part.write_text(json.dumps(found), encoding="utf-8")
        part.replace(self.folder / f"{job.key}.json")

    @contextmanager
    def claimed(self, job: Job) -> Iterator[bool]:
        """Whether this process may run the job; the claim ends with the process."""
        with (self.folder / f"{job.key}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
            else:
                yield True


class Method:
    """One method on one problem: its sweep, its choice, its seeds."""

    def __init__(self, problem: Problem, name: str, seeds: int, read: Callable[[Job], dict | None]) -> None:
        self.problem, self.name, self.seeds, self.read = problem, name, seeds, read

    def missing(self) -> list[Job]:
        """What has to run next; empty when all is done."""
        sweep = self._sweep()
        jobs = [job for job in sweep if self.read(job) is None]
        return jobs or [job for job in self.chosen() if self.read(job) is None]

    def chosen(self) -> list[Job]:
        """The runs that are reported: every seed at the rate (and sparsity) that explains most of the choosing split."""
        best = max(self._sweep(), key=self._score)
        # An oracle is a ceiling, not a contestant.
        seeds = 1 if "oracle" in self.name else self.seeds
        return [Job(self.problem, self.name, best.lr, seed, best.sparsity) for seed in range(seeds)]

    def _sweep(self) -> list[Job]:
        """Seed 0 at all rates so far: two, and beyond while the best lies at the edge."""
        if "oracle" in self.name:
            return [self._job(1e-3, 1.0)]
        jobs, rates = [], sorted(RATES)
        for sparsity in SPARSITIES.get(self.name, (1.0,)):
            jobs += [self._job(lr, sparsity) for lr in rates]
        if any(self.read(job) is None for job in jobs):
            return jobs
        for _ in range(2 * WIDEST):
            best = max(jobs, key=self._score)
            low, high = min(job.lr for job in jobs), max(job.lr for job in jobs)
            if best.lr == high and high < max(RATES) * FARTHER ** (WIDEST - 0.5):
                farther = high * FARTHER
            elif best.lr == low and low > min(RATES) / FARTHER ** (WIDEST - 0.5):
                farther = low / FARTHER
            else:
                break
            jobs.append(self._job(farther, best.sparsity))
            if self.read(jobs[-1]) is None:
                break
        return jobs

    def _job(self, lr: float, sparsity: float) -> Job:
        return Job(self.problem, self.name, float(f"{lr:.2g}"), 0, sparsity)

    def _score(self, job: Job) -> tuple[float, float]:
        """First by how near the L0 is to k, within NEAR all the same; then by explained variance."""
        found = self.read(job)
        assert found is not None
        if not np.isfinite(found["choose"]):
            return -np.inf, 0.0
        off = abs(found["l0 choose"] / self.problem.k - 1)
        return (0.0 if off <= NEAR else -off), found["choose"]


def work(methods: list[Method], kept: Kept, folder: Path) -> None:
    """Run what is missing and not claimed, until nothing is."""
    data: dict[Problem, Data] = {}
    while True:
        missing = [job for method in methods for job in method.missing()]
        if not missing:
            return
        for job in missing:
            with kept.claimed(job) as mine:
                if not mine or kept.read(job) is not None:
                    continue
                if job.problem not in data:
                    data[job.problem] = job.problem.data(folder)
                found, unit = run(job, data[job.problem])
                kept.write(job, found, unit)
                print(
                    f"{job.problem.name} {job.method} lr {job.lr:g} seed {job.seed} sparsity {job.sparsity:g}: "
                    f"MCC {found['mcc']:.3f} EV {found['choose']:.4f} L0 {found['l0 choose']:.1f} "
                    f"dead {found['dead']:.3f}, {found['seconds']:.0f} s",
                    flush=True,
                )
                break
        else:
            time.sleep(3)


def report(results: Results, methods: list[Method], kept: Kept, data: Data) -> dict[str, dict[str, float]]:
    """Rows of one problem; the means by method."""
    problem = methods[0].problem
    tag = "(a) " if problem.name == "known" else "(b) "
    results.add(f"{tag}true features active at once", float(data.frequency.sum()), "features")
    train = torch.from_numpy(np.array(data.train[:100_000]))
    pca = pca_explained_variance(train, torch.from_numpy(data.report), problem.k)
    results.add(f"{tag}PCA-{problem.k}: explained variance", pca, "held-out tokens")
    table = {}
    for method in methods:
        jobs = method.chosen()
        runs = [run for job in jobs if (run := kept.read(job)) is not None]
        mean = {
            name: float(np.mean([run[name] for run in runs])) for name in ("mcc", "rare", "dead", "report", "seconds")
        }
        mean |= {"l0": float(np.mean([run["l0 report"] for run in runs])), "lr": jobs[0].lr}
        mean["mcc sd"] = float(np.std([run["mcc"] for run in runs]))
        units = [kept.decoder(job) for job in jobs]
        likeness = [np.abs(a @ b.T) for i, a in enumerate(units) for b in units[i + 1 :]]
        mean["pw"] = float(np.mean([s[linear_sum_assignment(-s)].mean() for s in likeness])) if likeness else np.nan
        table[method.name] = mean
        unit = f"mean of {len(runs)} seeds"
        for name, key, what in (
            ("MCC", "mcc", unit),
            ("rare-half MCC", "rare", unit),
            ("dead", "dead", unit),
            ("explained variance", "report", unit),
            ("L0", "l0", "active features a token"),
            ("PW-MCC", "pw", "between seeds"),
            ("CPU seconds", "seconds", f"{problem.steps} steps, one thread"),
            ("learning rate chosen", "lr", ""),
        ):
            if np.isnan(mean[key]):
                continue
            goal = GOALS.get(key) if problem.name == "known" and method.name in REGISTRY else None
            verdict = (goal[0], bool(goal[1](mean[key]))) if goal else ("", None)
            results.add(f"{tag}{method.name}: {name}", mean[key], what, *verdict)
    return table


def show(table: dict[str, dict[str, float]]) -> None:
    """One line a method."""
    print(f"\n{'':30} {'MCC':>6} {'±':>5} {'rare':>6} {'dead':>6} {'EV':>6} {'L0':>5} {'PW':>6} {'CPU s':>6} {'lr':>7}")
    for name, mean in table.items():
        print(
            f"{name:30} {mean['mcc']:6.3f} {mean['mcc sd']:5.3f} {mean['rare']:6.3f} {mean['dead']:6.3f} "
            f"{mean['report']:6.3f} {mean['l0']:5.1f} {mean['pw']:6.3f} {mean['seconds']:6.0f} {mean['lr']:7.2g}"
        )


def main() -> None:
    parser = arguments(__doc__)
    every = [*REGISTRY, "topk oracle", *PEERS]
    parser.add_argument("--methods", nargs="*", default=every, choices=every)
    parser.add_argument("--problems", nargs="*", default=["known", "synth"], choices=["known", "synth"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--finished", action="store_true", help="run nothing; report the methods that have finished")
    parser.add_argument("--cache", type=Path, default=Path("data/benchmarks/sae_quality"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    problems, seeds = [p for p in (KNOWN, SYNTH) if p.name in args.problems], args.seeds
    if args.quick:
        problems = [replace(p, steps=200, tokens=40_000) for p in problems]
        seeds, args.methods = 2, [m for m in args.methods if m in QUICK]
    kept = Kept(args.cache)
    methods = [Method(problem, name, seeds, kept.read) for problem in problems for name in args.methods]
    if args.finished:
        methods = [method for method in methods if not method.missing()]
    else:
        work(methods, kept, args.cache)
    results, tables = Results(), {}
    for problem in problems:
        mine = [method for method in methods if method.problem == problem]
        if not mine:
            continue
        tables[problem.name] = report(results, mine, kept, problem.data(args.cache))
    if "synth" in tables:
        _ahead(results, tables["synth"])
    for table in tables.values():
        show(table)
    results.write(args.json)


def _ahead(results: Results, table: dict[str, dict[str, float]]) -> None:
    """Ours against SAELens' best."""
    own = {name: mean["mcc"] for name, mean in table.items() if name in REGISTRY}
    theirs = {name: mean["mcc"] for name, mean in table.items() if name.startswith("SAELens")}
    if own and theirs:
        best, peer = max(own, key=lambda name: own[name]), max(theirs, key=lambda name: theirs[name])
        lead = own[best] - theirs[peer]
        results.add(
            f"(b) {best} less {peer}: MCC",
            lead,
            f"best of {len(theirs)} SAELens",
            "(b) ahead of SAELens' best at equal steps",
            lead > 0,
        )


if __name__ == "__main__":
    main()
