"""Another dictionary from what a finished workspace keeps."""

from __future__ import annotations

import json
import shutil

import pytest
from typer.testing import CliRunner

from saerad_core.cli import app
from saerad_core.errors import SaeRadError, WorkspaceError
from saerad_core.explorer import Explorer
from saerad_core.sae.files import load
from saerad_core.sae.runlog import read_run
from saerad_core.ui.charts import training_curve
from saerad_core.workspace import Workspace


@pytest.fixture
def copy(tiny_workspace, tmp_path) -> Workspace:
    shutil.copytree(tiny_workspace.root, tmp_path / "tiny")
    return Workspace.open(tmp_path / "tiny")


def test_a_build_logs_its_training(tiny_workspace) -> None:
    kinds = {line["kind"] for line in read_run(tiny_workspace.runs_dir / "build.jsonl")}
    assert kinds == {"start", "step", "look", "end"}


def test_pages_can_read_a_training_that_still_runs(copy) -> None:
    with (copy.runs_dir / "other.jsonl").open("w") as file:
        file.write('{"kind": "step", "step": 20, "loss": 0.5, "explained_variance": 0.5}\n{"kind": "st')
    runs = Explorer(copy).trainings()
    assert set(runs) == {"build", "other"}
    assert len(runs["other"]) == 1
    figure = training_curve(runs["build"], "explained_variance", "explained variance")
    assert [len(trace.x) > 0 for trace in figure.data] == [True, True]


def test_the_command_trains_beside_the_workspaces_own(copy) -> None:
    before = (copy.sae_dir / "sae_weights.safetensors").read_bytes()
    arguments = ["train", str(copy.root), "--architecture", "batch_topk", "--width", "48", "--k", "4", "--steps", "200"]
    result = CliRunner().invoke(app, [*arguments, "--no-rates"], catch_exceptions=False)
    assert result.exit_code == 0
    figures = json.loads(result.stdout)
    sae = load(copy.root / "candidates" / "batch_topk-48-patch-k4-0")
    assert sae.config.architecture == "batch_topk"
    assert 0 < figures["explained_variance"] <= 1
    assert 0 <= figures["dead_share"] < 1
    assert (copy.sae_dir / "sae_weights.safetensors").read_bytes() == before
    assert read_run(copy.runs_dir / "batch_topk-48-patch-k4-0.jsonl")


def test_what_is_missing_is_said(copy) -> None:
    with pytest.raises(SaeRadError, match="transcoder"):
        CliRunner().invoke(app, ["train", str(copy.root), "--architecture", "transcoder"], catch_exceptions=False)
    copy.tokens.unlink()
    with pytest.raises(WorkspaceError, match="keeps no tokens"):
        CliRunner().invoke(app, ["train", str(copy.root)], catch_exceptions=False)
