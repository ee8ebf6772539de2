"""A sweep over the tiny workspace: what it writes, that it goes on, that nothing of the workspace's own changes."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from saerad_core.cli import app
from saerad_core.errors import SaeRadError
from saerad_core.evaluation import frontier
from saerad_core.evaluation.frontier import SweepSettings, sweep
from saerad_core.progress import Silent
from saerad_core.sae.files import load
from saerad_core.sae.metrics import explained_variance, pca_curve
from saerad_core.sae.runlog import read_run
from saerad_core.workspace import Workspace

SETTINGS = SweepSettings(("topk", "batch_topk"), (4, 6), k=6, width=32, steps=60, trial=20, batch=128, check_every=20)


@pytest.fixture(scope="module")
def copy(tiny_workspace, tmp_path_factory) -> Workspace:
    root = tmp_path_factory.mktemp("sweep") / "tiny"
    shutil.copytree(tiny_workspace.root, root)
    return Workspace.open(root)


class Counted(Silent):
    def __init__(self) -> None:
        self.stages: list[tuple[str, int]] = []
        self.done = 0

    def stage(self, name: str, total: int, number: int = 0, of: int = 0) -> None:
        self.stages.append((name, total))
        self.done = 0

    def advance(self, n: int = 1) -> None:
        self.done += n


def test_a_sweep_measures_every_candidate_and_goes_on_where_it_was(copy, monkeypatch) -> None:
    before = (copy.sae_dir / "sae_weights.safetensors").read_bytes()
    progress = Counted()
    figures = sweep(copy, SETTINGS, progress)
    assert {one["label"] for one in figures["candidates"]} == {
        "own", *(f"{a}-32-{t}-k{k}-0" for a in ("topk", "batch_topk") for t in ("patch", "cls") for k in (4, 6))
    }  # fmt: skip
    assert progress.stages[-1][0] == "Training 8 candidates" and progress.done == progress.stages[-1][1]
    assert (copy.sae_dir / "sae_weights.safetensors").read_bytes() == before
    first = next(one for one in figures["candidates"] if one["label"] == "topk-32-patch-k6-0")
    assert first["test"]["l0"] == pytest.approx(6, abs=0.1) and first["test"]["explained_variance"] < 1
    assert read_run(copy.runs_dir / "topk-32-patch-k6-0.jsonl")
    assert json.loads((copy.root / "frontier.json").read_text())["recommended"]["label"]
    words = (copy.root / "frontier.md").read_text()
    assert figures["recommended"]["sentence"] in words and "PCA at equal k" in words
    assert (
        "plotly" in (copy.root / "frontier.html").read_text()
        and "cdn" not in (copy.root / "frontier.html").read_text()[:2_000]
    )

    def never(*_: object, **__: object) -> None:
        raise AssertionError("a finished candidate was trained again")

    monkeypatch.setattr(frontier, "train_run", never)
    monkeypatch.setattr(frontier, "sweep_rates", never)
    again = sweep(copy, SETTINGS)
    assert again["candidates"] == json.loads(json.dumps(again["candidates"])) and not again["missing"]
    assert again["recommended"] == figures["recommended"]


def test_figures_are_what_the_metrics_say(copy) -> None:
    shards = frontier.Shards(copy.cache_dir / "sweep")
    material = frontier.material_of(copy, shards)
    sae = load(copy.candidates_dir / "topk-32-patch-k6-0")
    found = frontier.measure(sae, material, "patch")["test"]
    test = torch.from_numpy(
        np.concatenate(list(material.each("patch")))[material.splits == "test"].astype(np.float32)
    ).flatten(0, 1)
    train = torch.from_numpy(
        np.concatenate(list(material.each("patch")))[material.splits == "train"].astype(np.float32)
    ).flatten(0, 1)
    with torch.no_grad():
        rebuilt = sae.decode(sae.encode(test))
    assert found["explained_variance"] == pytest.approx(explained_variance(test, rebuilt, train.mean(0)), abs=1e-5)
    assert found["pca_explained_variance"] == pytest.approx(pca_curve(train, test)[5], abs=1e-5)


def test_odd_settings_are_one_sentence(copy) -> None:
    for arguments, says in (
        (["--l0s", "4,x"], "whole numbers"),
        (["--l0s", "4"], "one of --l0s"),
        (["--tokens", "word"], "patch, cls"),
    ):
        with pytest.raises(SaeRadError, match=says):
            CliRunner().invoke(app, ["train", str(copy.root), "--sweep", *arguments], catch_exceptions=False)
