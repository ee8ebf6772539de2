"""Every architecture on a workspace's own tokens: how sparse, how faithful, how telling; and which one to take.

Candidates are trained on the training patients and stopped early on the validation patients, who also choose learning
rates and the recommendation. The test patients are only looked at to report.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from saerad_core import NOTICE
from saerad_core.errors import TrainingError, WorkspaceError
from saerad_core.evaluation.candidate_figures import Material, measure
from saerad_core.evaluation.concepts import concept_matrix, label_matrix
from saerad_core.evaluation.recommend import recommend
from saerad_core.evaluation.run import drawn
from saerad_core.harvest.shards import Shards
from saerad_core.locks import only_one
from saerad_core.progress import Progress, Silent
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.files import load
from saerad_core.sae.registry import REGISTRY
from saerad_core.sae.train import SWEEP
from saerad_core.sae.train import sweep as sweep_rates
from saerad_core.sae.width import recommended_width
from saerad_core.stages.embed_again import embed_all
from saerad_core.stages.train import label_of, tokens_of_split, train_run, write_trained
from saerad_core.workspace import Workspace

logger = logging.getLogger(__name__)

FORMAT = "saerad-frontier-1"
MEASURING = 0.6
"""Measuring a dictionary, relative to its training, about; for the estimate of what is left."""
SLOW = 1.3
"""A step of a steered architecture, which starts with many active features, costs about so many of another's."""
OWN = "own"
"""Label of the workspace's present dictionary."""


@dataclass
class SweepSettings:
    """Which candidates are trained, and for how long."""

    architectures: tuple[str, ...] = tuple(REGISTRY)
    l0s: tuple[int, ...] = (8, 15, 30)
    """Active features a token; the learning rate is chosen at the one nearest ``k`` and taken for all."""
    tokens: tuple[str, ...] = ("patch", "cls")
    k: int = 15
    """The L0 at which architectures are compared for the recommendation."""
    width: int | None = None
    """Features; None: what the number of patients supports."""
    steps: int = 1_000
    """At most; training stops early on the validation patients."""
    trial: int = 150
    """Steps of each learning rate's trial."""
    batch: int = 1_024
    check_every: int = 100
    """Steps between looks at the validation patients."""
    seed: int = 0


@dataclass
class _Plan:
    """The trainings of a sweep and what each costs, in tenths of a step of the cheapest."""

    configs: list[SaeConfig]
    settings: SweepSettings
    rates: dict[str, float] = field(default_factory=dict)

    def cost(self, config: SaeConfig) -> int:
        """Of a step; a CLS dictionary is narrower, and its batches are smaller."""
        slow = SLOW if REGISTRY[config.architecture].sae.steered else 1
        return round(10 * slow * (4 if config.tokens == "patch" else 1))

    def units(self, config: SaeConfig) -> int:
        return round(self.cost(config) * config.steps * (1 + MEASURING))


class _Course(Silent):
    """Passes the steps of one training on as units of the sweep's one stage, so that its estimate is of the whole sweep."""

    def __init__(self, progress: Progress, unit: int) -> None:
        self.progress, self.unit, self.done = progress, unit, 0

    def advance(self, n: int = 1) -> None:
        self.done += n * self.unit
        self.progress.advance(n * self.unit)

    def end(self, planned: int) -> None:
        """What early stopping saved, and measuring."""
        self.progress.advance(max(0, planned - self.done))


def sweep(workspace: Workspace, settings: SweepSettings, progress: Progress | None = None) -> dict[str, Any]:
    """Train and measure what isn't yet; write frontier.json, frontier.md and frontier.html. Candidates are in candidates/.

    A killed sweep goes on: finished candidates are not trained again, one in the middle goes on from its last look.

    Raises:
        WorkspaceError: too few X-rays, a patient in two splits, or another sweep is running.
        SaeRadError: dataset or encoder can't be opened.
    """
    progress = progress or Silent()
    taken = WorkspaceError(f"Another sweep is running on {workspace.root}; wait for it or stop it.")
    with only_one(workspace.root / "sweep.lock", taken):
        shards = embed_all(workspace, workspace.cache_dir / "sweep", progress, settings.seed)
        material = material_of(workspace, shards)
        plan = _planned(workspace, settings, material)
        key = _key(workspace, shards)
        todo = [config for config in plan.configs if _finished(workspace, config, key) is None]
        with _Training(workspace, shards) as training:
            _train_all(workspace, plan, todo, material, training, key, progress)
        figures = _figures(workspace, plan, material, key)
        write(workspace, figures)
    progress.finish()
    return figures


def material_of(workspace: Workspace, shards: Shards) -> Material:
    """The X-rays of shards with all tokens, and their labels; of simulated ones what was drawn."""
    records = shards.records()
    if workspace.manifest.dataset.simulated:
        names, shown = concept_matrix([drawn(facts) for facts in records["facts"]])
    else:
        names, shown = label_matrix([list(some) for some in records["labels"]])
    name = {"cls": "cls", "patch": "patches"}
    return Material(
        lambda tokens: shards.each(name[tokens]),
        records["split"].to_numpy().astype(str),
        pd.factorize(records["patient_id"])[0],
        shards.array("pooled").astype(np.float32),
        names,
        shown,
    )


class _Training:
    """Tokens of a split for training, memory-mapped beside the shards; made when first asked for, gone at the end."""

    def __init__(self, workspace: Workspace, shards: Shards) -> None:
        self.shards, self.splits = shards, shards.splits()
        self.folder = workspace.cache_dir / "sweep-tokens"

    def __enter__(self) -> _Training:
        return self

    def __exit__(self, *_: object) -> None:
        for path in self.folder.rglob("*.npy"):
            path.unlink()

    def of(self, tokens: str, split: str) -> np.ndarray:
        folder = self.folder / tokens
        path = folder / f"{split}.npy"
        if path.exists():
            return np.load(path, mmap_mode="r")
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / "part"
        part.mkdir(exist_ok=True)
        tokens_of_split(self.shards, self.splits, split, "patches" if tokens == "patch" else "cls", part)
        (part / f"{split}.npy").replace(path)
        return np.load(path, mmap_mode="r")


def _planned(workspace: Workspace, settings: SweepSettings, material: Material) -> _Plan:
    patients = len(np.unique(material.patients))
    configs = []
    # The L0 that learning rates are chosen and architectures compared at comes first.
    for l0 in sorted(settings.l0s, key=lambda one: abs(one - settings.k)):
        for tokens in settings.tokens:
            width = settings.width or recommended_width(patients, tokens)
            for architecture in settings.architectures:
                configs.append(
                    SaeConfig(
                        d_in=workspace.manifest.encoder.d,
                        d_sae=width,
                        k=l0,
                        tokens=tokens,
                        architecture=architecture,
                        target_l0=float(l0),
                        steps=settings.steps,
                        batch=settings.batch,
                        check_every=settings.check_every,
                        seed=settings.seed,
                    )
                )
    return _Plan(configs, settings)


def _key(workspace: Workspace, shards: Shards) -> str:
    """Changes with everything that candidates are made of but their own settings."""
    seals = [shards.seal(number) for number in shards.numbers()]
    listing = [seal["listing"] for seal in seals if seal is not None]
    return hashlib.sha256(json.dumps([workspace.manifest.encoder.fingerprint, listing]).encode()).hexdigest()[:16]


def _finished(workspace: Workspace, config: SaeConfig, key: str) -> dict[str, Any] | None:
    """Figures of a candidate that was trained with these settings, whatever its learning rate, on these X-rays."""
    found = _read(workspace.candidates_dir / label_of(config) / "figures.json")
    if found is None or found.get("key") != key:
        return None
    asked = json.loads(json.dumps(asdict(config)))
    return found if {**found["config"], "lr": 0} == {**asked, "lr": 0} else None


def _train_all(
    workspace: Workspace,
    plan: _Plan,
    todo: list[SaeConfig],
    material: Material,
    training: _Training,
    key: str,
    progress: Progress,
) -> None:
    rates_file = workspace.candidates_dir / "rates.json"
    rates: dict[str, float] = _read(rates_file) or {}

    def name(config: SaeConfig) -> str:
        return f"{config.architecture}-{config.d_sae}-{config.tokens}-{plan.settings.trial}-{key}"

    trials = {name(config) for config in todo} - set(rates)
    trial = len(SWEEP) * min(plan.settings.trial, plan.settings.steps)
    first = {one: next(config for config in todo if name(config) == one) for one in trials}
    total = sum(plan.units(config) for config in todo) + sum(trial * plan.cost(config) for config in first.values())
    progress.stage(f"Training {len(todo)} candidates", total)
    for config in todo:
        course = _Course(progress, plan.cost(config))
        train, check = training.of(config.tokens, "train"), training.of(config.tokens, "validate")
        planned = plan.units(config)
        label = label_of(config)
        try:
            if name(config) not in rates:
                log = workspace.runs_dir / f"{label}-rates"
                found = sweep_rates(train, check, config, course, steps=plan.settings.trial, log=log)
                rates[name(config)] = found.lr
                _write_json(rates_file, rates)
                planned += trial * plan.cost(config)
            config = replace(config, lr=rates[name(config)])
            trained = train_run(train, check, config, course, workspace, label, sweep=False)
        except TrainingError as error:
            logger.warning("%s is left out: %s", label, error)
            course.end(planned)
            continue
        folder = workspace.candidates_dir / label
        write_trained(trained, folder)
        found = {"key": key, "config": asdict(config), "best_step": trained.best_step}
        _write_json(folder / "figures.json", found | measure(trained.sae, material, config.tokens))
        course.end(planned)


def _figures(workspace: Workspace, plan: _Plan, material: Material, key: str) -> dict[str, Any]:
    """Everything that frontier.json holds."""
    manifest = workspace.manifest
    candidates = []
    for config in plan.configs:
        found = _finished(workspace, config, key)
        if found is not None:
            candidates.append({"label": label_of(config)} | _shape(found["config"]) | found)
    own = load(workspace.sae_dir)
    tokens = manifest.sae.tokens
    shape = {name: getattr(own.config, name) for name in ("architecture", "d_sae", "k", "target_l0", "lr")}
    present = {"label": OWN} | _shape(shape | {"tokens": tokens}) | measure(own, material, tokens)
    recommended = recommend([*candidates, present], plan.settings.k)
    return {
        "format": FORMAT,
        "notice": NOTICE,
        "workspace": manifest.name,
        "simulated": manifest.dataset.simulated,
        "pseudo_reports": manifest.dataset.pseudo_reports,
        "n_images": {split: int((material.splits == split).sum()) for split in ("train", "validate", "test")},
        "n_patients": {split: len(np.unique(material.patients[material.splits == split])) for split in ("train", "validate", "test")},
        "labels": [material.names[i] for i in material.labels],
        "k": plan.settings.k,
        "settings": asdict(plan.settings),
        "missing": [label_of(config) for config in plan.configs if _finished(workspace, config, key) is None],
        "pca": {
            kind: {split: [round(float(one), 4) for one in material.pca(kind, split)[: 2 * max(plan.settings.l0s)]] for split in material.scored}
            for kind in plan.settings.tokens
        },
        "candidates": [_without_samples(one) for one in (*candidates, present)],
        "recommended": recommended,
    }  # fmt: skip


def _shape(config: dict[str, Any]) -> dict[str, Any]:
    return {
        "architecture": config["architecture"],
        "tokens": config["tokens"],
        "width": config["d_sae"],
        "target_l0": config["target_l0"] or config["k"],
        "lr": config["lr"],
    }


def _without_samples(value: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold
    if isinstance(value, dict):
        return {name: _without_samples(one) for name, one in value.items() if name not in ("samples", "config", "key")}
    return value


def write(workspace: Workspace, figures: dict[str, Any]) -> None:
    """frontier.json, frontier.md and frontier.html into the workspace, each in one step."""
    from saerad_core.evaluation.frontier_plot import as_html
    from saerad_core.evaluation.frontier_text import markdown
    from saerad_core.evaluation.sae_report import as_json

    texts: dict[str, Callable[[dict[str, Any]], str]] = {
        "frontier.json": as_json,
        "frontier.md": markdown,
        "frontier.html": as_html,
    }
    for name, made in texts.items():
        part = workspace.root / f"{name}.part"
        part.write_text(made(figures), encoding="utf-8")
        part.replace(workspace.root / name)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(value), encoding="utf-8")
    part.replace(path)
