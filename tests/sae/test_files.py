"""Dictionaries on disk: ours, SAELens', old ones; and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from saerad_core.errors import WorkspaceError
from saerad_core.sae.files import load, save
from saerad_core.sae.registry import REGISTRY
from tests.sae.examples import random_sae
from tests.sae.saelens import make as fixtures

HERE = Path(__file__).parent / "saelens"
BEFORE = ("lr", "steps", "batch", "warmup", "aux_k", "aux_weight", "dead_after", "check_every", "patience", "seed")
"""What a dictionary's settings were beside its sizes before there were architectures."""


@pytest.mark.parametrize("architecture", REGISTRY)
def test_files_round_trip(tmp_path, architecture) -> None:
    sae = random_sae(tokens="cls", architecture=architecture)
    save(sae, tmp_path / "sae", notes={"trained_on": "nothing"})
    again = load(tmp_path / "sae")
    assert again.config == sae.config
    for name, value in sae.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name


@pytest.mark.parametrize("name", [f"theirs-{n}" for n in fixtures.THEIRS] + [f"ours-{n}" for n in fixtures.OURS])
def test_features_are_those_that_saelens_computed(name) -> None:
    sae, expected = load(HERE / name), load_file(HERE / name / "expected.safetensors")
    with torch.no_grad():
        torch.testing.assert_close(sae.dense(expected["x"]), expected["features"], rtol=1e-5, atol=1e-5)
        rebuilt = sae.decode(sae.encode(expected["x"]))
    torch.testing.assert_close(rebuilt, expected["rebuilt"], rtol=1e-5, atol=1e-5)
    assert (expected["features"] > 0).any()


@pytest.mark.parametrize("name", fixtures.OURS)
def test_what_is_written_is_what_saelens_read(tmp_path, name) -> None:
    save(random_sae(fixtures.D, fixtures.M, fixtures.K, seed=3, architecture=name), tmp_path)
    kept = HERE / f"ours-{name}"
    old, new = (json.loads((folder / "cfg.json").read_text()) for folder in (kept, tmp_path))
    ours = ("saerad_training", "metadata")
    assert {k: v for k, v in old.items() if k not in ours} == {k: v for k, v in new.items() if k not in ours}
    weights = load_file(tmp_path / "sae_weights.safetensors")
    for key, value in load_file(kept / "sae_weights.safetensors").items():
        assert torch.equal(weights.pop(key), value)
    assert not weights


def test_saelens_reads_ours_and_we_theirs(tmp_path) -> None:
    sae_lens = pytest.importorskip(
        "sae_lens", reason="needs sae-lens: pip install -r requirements-bench.txt into an environment of its own"
    )
    x = fixtures.tokens()
    with torch.no_grad():
        for name in fixtures.OURS:
            sae = random_sae(fixtures.D, fixtures.M, fixtures.K, seed=5, architecture=name)
            save(sae, tmp_path / name)
            codes = sae_lens.SAE.load_from_disk(tmp_path / name).encode(x)
            torch.testing.assert_close(sae.dense(x), codes, rtol=1e-5, atol=1e-5)
        for name, options in fixtures.THEIRS.items():
            theirs = fixtures.theirs(**options)
            theirs.save_model(tmp_path / f"theirs-{name}")
            torch.testing.assert_close(
                load(tmp_path / f"theirs-{name}").dense(x), theirs.encode(x), rtol=1e-5, atol=1e-5
            )


def test_a_dictionary_from_before_there_were_architectures_still_loads(tmp_path) -> None:
    save(random_sae(), tmp_path, half=True)
    told = json.loads((tmp_path / "cfg.json").read_text())
    del told["saerad_architecture"]
    told["saerad_training"] = {
        name: told["saerad_training"][name] for name in ("d_in", "d_sae", "k", "tokens", *BEFORE)
    }
    (tmp_path / "cfg.json").write_text(json.dumps(told))
    weights = {name: value.float() for name, value in load_file(tmp_path / "sae_weights.safetensors").items()}
    sae = load(tmp_path)
    x = weights["b_dec"] + 3 * torch.randn(7, sae.config.d_in, generator=torch.Generator().manual_seed(0))
    pre = (x - weights["b_dec"]) @ weights["W_enc"] + weights["b_enc"]
    values, indices = pre.topk(sae.config.k)
    with torch.no_grad():
        expected = torch.zeros_like(pre).scatter(1, indices, values.relu())
        torch.testing.assert_close(sae.dense(x), expected, rtol=1e-4, atol=1e-4)
    assert sae.config.architecture == "topk"


def test_the_demos_dictionary_is_the_one_that_its_card_names() -> None:
    sae = load(Path(__file__).resolve().parents[2] / "data" / "demo" / "sae")
    assert (sae.config.architecture, sae.config.d_sae, sae.config.tokens) == ("gated", 2048, "patch")


def test_damaged_or_foreign_dictionary_is_refused(tmp_path) -> None:
    with pytest.raises(WorkspaceError, match="no readable dictionary"):
        load(tmp_path)
    (tmp_path / "ae.pt").write_bytes(b"anything")
    with pytest.raises(WorkspaceError, match="pickle"):
        load(tmp_path)
    save(random_sae(), tmp_path)
    config = json.loads((tmp_path / "cfg.json").read_text())
    for change, words in (
        ({"saerad_architecture": "transcoder"}, "transcoder"),
        ({"saerad_architecture": "gated"}, "not those"),
        ({"normalize_activations": "layer_norm"}, "layer_norm"),
    ):
        (tmp_path / "cfg.json").write_text(json.dumps(config | change))
        with pytest.raises(WorkspaceError, match=words):
            load(tmp_path)
    (tmp_path / "sae_weights.safetensors").write_bytes(b"broken")
    with pytest.raises(WorkspaceError, match="no readable dictionary"):
        load(tmp_path)
