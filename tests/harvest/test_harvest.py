"""The harvest: nothing lost, nothing twice, nothing mixed, whatever is killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from saerad_core.errors import WorkspaceError
from saerad_core.harvest import pool as pools
from saerad_core.harvest.estimate import Estimate, describe_build
from saerad_core.harvest.pool import DecodePool
from saerad_core.harvest.sample import sample_patients
from saerad_core.harvest.shards import Shards
from saerad_core.harvest.worker import Job
from saerad_core.progress import Silent
from tests.harvest import small
from tests.test_encoder import write_encoder

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("harvest")
    small.prepare(root)
    return root


@pytest.fixture(scope="module")
def whole(films: Path) -> Shards:
    return small.run(films, films / "whole")


def same(one: Shards, other: Shards) -> None:
    assert one.numbers() == other.numbers() and all(one.is_whole(number) for number in one.numbers())
    assert one.records().equals(other.records()) and one.refused() == other.refused()
    for name in ("pooled", "tokens", "patches", "markers"):
        np.testing.assert_array_equal(one.array(name), other.array(name))


def test_every_x_ray_once_and_in_order(whole: Shards) -> None:
    ids = [row["image_id"] for row in whole.rows()]
    assert ids == [f"film{number:03d}" for number in range(small.IMAGES)]
    assert [one["image_id"] for one in whole.refused()] == ["broken"]
    assert whole.array("pooled").shape == (small.IMAGES, 64) == (len(whole), 64)
    assert whole.array("patches").shape == (small.IMAGES, 16, 32)


def test_arrays_are_mapped_not_held(whole: Shards, tmp_path) -> None:
    mapped = whole.array("pooled", out=tmp_path / "pooled.npy")
    assert isinstance(mapped, np.memmap)
    np.testing.assert_array_equal(mapped, whole.array("pooled"))


def killed_again_and_again(films: Path, out: Path, kills: int, seed: int) -> None:
    rng = random.Random(seed)
    shards = Shards(out / "cache")
    kept: dict[int, int] = {}
    for _ in range(kills):
        process = subprocess.Popen([sys.executable, "-m", "tests.harvest.small", str(films), str(out)], cwd=ROOT)
        have = len(shards.numbers())
        until, began = have + rng.randint(0, 3), time.monotonic()
        while process.poll() is None and len(shards.numbers()) <= until and time.monotonic() - began < 100:
            time.sleep(0.002)
        time.sleep(rng.random() * 0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        for number, stamp in kept.items():
            assert shards.arrays_path(number).stat().st_mtime_ns == stamp, "a sealed shard was computed again"
        kept = {number: shards.arrays_path(number).stat().st_mtime_ns for number in shards.numbers()}
    small.run(films, out)
    for number, stamp in kept.items():
        assert shards.arrays_path(number).stat().st_mtime_ns == stamp


def test_kill_9_loses_nothing(films: Path, whole: Shards, tmp_path) -> None:
    killed_again_and_again(films, tmp_path / "torn", kills=2, seed=0)
    same(Shards(tmp_path / "torn" / "cache"), whole)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 6))
def test_kill_9_again_and_again(films: Path, whole: Shards, tmp_path, seed: int) -> None:
    killed_again_and_again(films, tmp_path / "torn", kills=5, seed=seed)
    same(Shards(tmp_path / "torn" / "cache"), whole)


@pytest.mark.parametrize("kind", ["safetensors", "jsonl", "json", "gone"])
def test_a_damaged_shard_is_made_again(films: Path, whole: Shards, tmp_path, kind: str) -> None:
    shards = small.run(films, tmp_path / "w")
    stamps = [shards.arrays_path(number).stat().st_mtime_ns for number in shards.numbers()]
    if kind == "gone":
        shards.arrays_path(3).unlink()
    else:
        path = shards.arrays_path(3).with_suffix("." + kind)
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 0xFF
        path.write_bytes(bytes(data))
    shards = small.run(films, tmp_path / "w")
    same(shards, whole)
    again = [shards.arrays_path(number).stat().st_mtime_ns for number in shards.numbers()]
    assert [number for number, (a, b) in enumerate(zip(stamps, again, strict=True)) if a != b] == [3]


def test_what_does_not_fit_is_refused(films: Path, tmp_path) -> None:
    root, out = tmp_path, tmp_path / "w"
    (root / "films").symlink_to(films / "films")
    write_encoder(root / "encoder")
    small.run(root, out)
    with pytest.raises(WorkspaceError, match="another settings"):
        small.run(root, out, batch=5)
    write_encoder(root / "encoder", edge=80)
    with pytest.raises(WorkspaceError, match=r"other images or another encoder"):
        small.run(root, out)
    stamp = out / "cache" / "made-with.json"
    write_encoder(root / "encoder")
    stamp.write_text(json.dumps(json.loads(stamp.read_text()) | {"model": "x"}))
    with pytest.raises(WorkspaceError, match="another model"):
        small.run(root, out)


def test_another_listing_is_refused(tmp_path) -> None:
    small.prepare(tmp_path)
    small.run(tmp_path, tmp_path / "w")
    path = tmp_path / "films" / "metadata.csv"
    path.write_text(path.read_text().replace("Shortness of breath", "Cough", 1))
    with pytest.raises(WorkspaceError, match="another listing"):
        small.run(tmp_path, tmp_path / "w")


def test_a_file_that_breaks_its_decoder_is_the_only_one_lost(films: Path, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(pools, "serve", small.serve_that_breaks)
    monkeypatch.setattr(pools, "START_SECONDS", 20.0)
    shards = small.run(films, tmp_path / "w", seconds=6.0)
    assert {one["image_id"] for one in shards.refused()} == {"film005", "film009", "broken"}
    assert len(shards) == small.IMAGES - 2


def test_killed_decoders_are_replaced(films: Path, tmp_path) -> None:
    workspace, dataset, encoder = small.parts(films, tmp_path / "w")
    job = Job(dataset.info, encoder.preprocessing, None)
    with DecodePool(job, 2) as pool:
        loaded = []
        for record, square in pool.map(dataset.records(), 6):
            loaded.append((record.image_id, isinstance(square, str)))
            if len(loaded) == 10:
                for pid in pool.pids:
                    os.kill(pid, signal.SIGKILL)
        assert pool.replaced >= 1
    assert [name for name, refused in loaded if refused] == ["broken"]
    assert len(loaded) == small.IMAGES + 1


def test_the_sample_is_of_whole_patients_that_may_be_learned_from(films: Path, tmp_path) -> None:
    _, dataset, _ = small.parts(films, tmp_path / "w")
    chosen = sample_patients(dataset, seed=0, wanted=12)
    splits = {record.split for record in dataset.records() if record.patient_id in chosen}
    taken = sum(record.patient_id in chosen for record in dataset.records())
    assert "test" not in splits and 12 <= taken < 16
    assert chosen == sample_patients(dataset, seed=0, wanted=12) != sample_patients(dataset, seed=1, wanted=12)


def test_the_plan_says_what_and_how_long(films: Path, tmp_path) -> None:
    _, dataset, encoder = small.parts(films, tmp_path / "w")
    estimate = Estimate.probe(dataset, encoder, small.settings(), 64, 0)
    text = describe_build(dataset, encoder, small.settings(), "local", tmp_path / "w", estimate)
    assert "41 X-rays listed" in text and "Time" in text and "Disk" in text
    assert estimate.encode_seconds > 0


def test_progress_counts_every_listed_file(films: Path, whole: Shards) -> None:
    class Counted(Silent):
        n = 0

        def advance(self, n: int = 1) -> None:
            self.n += n

    counted = Counted()
    small.run(films, films / "whole", progress=counted)
    assert counted.n == small.IMAGES + 1
