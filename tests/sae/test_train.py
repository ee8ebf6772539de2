"""Training: targets are met, a killed run goes on to the same weights, runaways stop, two processes learn as one."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import multiprocessing

from saerad_core.errors import TrainingError
from saerad_core.progress import Silent
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.registry import REGISTRY
from saerad_core.sae.runlog import read_run
from saerad_core.sae.start import geometric_median
from saerad_core.sae.tokens import Batches
from saerad_core.sae.train import learning_rate, sweep, train
from tests.sae.examples import known_directions, planted

SMALL = SaeConfig(16, 48, k=3, lr=1e-2, steps=60, batch=64, check_every=20, warmup=5, dead_after=2_000)


@pytest.fixture(scope="module")
def tokens() -> tuple[np.ndarray, np.ndarray]:
    directions = known_directions()
    return planted(2_000, 1, directions), planted(500, 2, directions)


class Killed(Exception):
    pass


class KillAt(Silent):
    def __init__(self, step: int) -> None:
        self.left = step

    def advance(self, n: int = 1) -> None:
        self.left -= n
        if self.left <= 0:
            raise Killed


@pytest.mark.parametrize("architecture", REGISTRY)
def test_a_killed_training_goes_on_to_the_same_weights(tmp_path, tokens, architecture) -> None:
    config = replace(SMALL, architecture=architecture, patience=10)
    whole = train(*tokens, config)
    path = tmp_path / "checkpoint.safetensors"
    with pytest.raises(Killed):
        train(*tokens, config, KillAt(47), resume=path)
    assert path.exists()
    again = train(*tokens, config, resume=path)
    assert not path.exists()
    assert again.log == whole.log
    for name, value in whole.sae.state_dict().items():
        assert torch.equal(value, again.sae.state_dict()[name]), name


def test_a_checkpoint_of_other_settings_or_damaged_is_refused(tmp_path, tokens) -> None:
    path = tmp_path / "checkpoint.safetensors"
    with pytest.raises(Killed):
        train(*tokens, SMALL, KillAt(30), resume=path)
    with pytest.raises(TrainingError, match="other settings"):
        train(*tokens, replace(SMALL, lr=1.0), resume=path)
    path.write_bytes(b"broken")
    with pytest.raises(TrainingError, match="can't be read"):
        train(*tokens, SMALL, resume=path)


def test_a_runaway_stops_with_one_sentence(tokens) -> None:
    bad = tokens[0].copy()
    bad[::7] = np.nan
    with pytest.raises(TrainingError, match="step 1"):
        train(bad, tokens[1], SMALL)


@pytest.mark.parametrize("architecture", ["gated", "jumprelu"])
def test_the_controller_reaches_the_target(tokens, architecture) -> None:
    config = replace(SMALL, architecture=architecture, target_l0=4.0, steps=1_200, batch=256, lr=5e-3, check_every=100)
    trained = train(*tokens, config)
    sae, unseen = trained.sae, torch.from_numpy(planted(1_000, 3, known_directions()))
    l0 = float((sae.dense(unseen) > 0).sum(1).float().mean())
    assert l0 == pytest.approx(4, rel=0.05)


def test_the_same_seed_gives_the_same_weights_and_another_others(tokens) -> None:
    a, b, c = (train(*tokens, replace(SMALL, seed=seed)).sae.W_dec for seed in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_a_mapped_file_is_streamed_in_shuffled_chunks(tmp_path, tokens) -> None:
    np.save(tmp_path / "x.npy", np.arange(5_000, dtype=np.float32)[:, None])
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    batches = Batches(mapped, 100, 0, torch.device("cpu"), resident=False)
    first, later = batches.at(0)[:, 0], batches.at(70)[:, 0]
    assert len(first.unique()) > 80
    assert first.diff().abs().median() > 100
    assert torch.equal(batches.at(0)[:, 0], first)
    assert not torch.equal(first, later)
    trained = train(*tokens, replace(SMALL, steps=200), resident=False)
    assert trained.log[-1]["explained_variance"] > 0.5


def test_the_run_is_logged_and_a_torn_line_is_passed_over(tmp_path, tokens) -> None:
    path = tmp_path / "runs" / "a.jsonl"
    train(*tokens, SMALL, log=path)
    with path.open("a") as file:
        file.write('{"kind": "st')
    lines = read_run(path)
    steps = [line for line in lines if line["kind"] == "step"]
    assert [line["step"] for line in steps] == [20, 40, 60]
    assert {"loss", "explained_variance", "l0", "dead", "lr"} <= set(steps[0])
    assert [line["kind"] for line in lines if line["kind"] != "step"] == ["start", "look", "look", "look", "end"]
    assert json.dumps(lines)
    assert read_run(tmp_path / "none.jsonl") == []


def test_the_sweep_leaves_a_bad_rate(tmp_path, tokens) -> None:
    chosen = sweep(*tokens, replace(SMALL, lr=2e-5, steps=100), steps=100, log=tmp_path)
    assert chosen.lr == pytest.approx(4e-5)
    assert len(list(tmp_path.glob("lr-*.jsonl"))) == 3


def test_learning_rate_rises_stays_and_falls() -> None:
    rates = [learning_rate(step, replace(SMALL, steps=100, warmup=10, lr=1.0)) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[10:80] == [1.0] * 70
    assert rates[90] == pytest.approx(0.5)


def test_the_geometric_median_is_not_moved_by_an_outlier() -> None:
    x = torch.randn(101, 3, generator=torch.Generator().manual_seed(0))
    x[0] = 1e4
    assert geometric_median(x).norm() < 0.5
    assert x.mean(0).norm() > 50


def _one_of_two(rank: int, folder: str, architecture: str) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meet-{architecture}", rank=rank, world_size=2
    )
    directions = known_directions()
    config = replace(SMALL, architecture=architecture, steps=20)
    trained = train(planted(2_000, 1, directions), planted(500, 2, directions), config)
    if rank == 0:
        np.save(f"{folder}/{architecture}.npy", trained.sae.W_dec.detach().numpy())
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize("architecture", ["topk", "batch_topk", "gated"])
def test_two_processes_learn_as_one(tmp_path, tokens, architecture) -> None:
    multiprocessing.spawn(_one_of_two, (str(tmp_path), architecture), nprocs=2)
    alone = train(*tokens, replace(SMALL, architecture=architecture, steps=20)).sae.W_dec.detach().numpy()
    off = np.abs(np.load(tmp_path / f"{architecture}.npy") - alone)
    # Adam's first steps have one size whatever the gradient's: where rounding decides a sign, they go opposite ways.
    assert off.max() < 3e-2
    assert off.mean() < 1e-3
