"""A sentence model in a folder: meanings have length 1, don't depend on the company, and a bad folder is one sentence."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from saerad_core.llm import ModelError
from saerad_core.llm.sentences import VARIABLE, SentenceModel, sentence_model
from tests.llm.tiny_bert import make_tiny_bert


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_bert(tmp_path_factory.mktemp("bert") / "tiny")


def test_a_text_s_meaning_doesn_t_depend_on_what_it_is_read_with(folder: Path):
    model = SentenceModel(folder)
    texts = ["small left pleural effusion", "no nodule", "there is a large rib fracture in the right upper zone", ""]
    together = model.embed(texts)
    assert together.shape == (4, 16) and together.dtype == np.float32
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    # Padding has no part in the mean.
    for text, vector in zip(texts, together, strict=True):
        assert np.allclose(model.embed([text])[0], vector, atol=1e-5)
    assert model.embed([]).shape[0] == 0


def test_a_longer_text_than_the_model_reads_is_cut(folder: Path):
    assert np.isfinite(SentenceModel(folder).embed(["pleural effusion " * 1_000])).all()


def test_two_models_have_two_fingerprints(folder: Path, tmp_path: Path):
    other = SentenceModel(make_tiny_bert(tmp_path / "other", seed=1))
    assert other.fingerprint != SentenceModel(folder).fingerprint == SentenceModel(folder).fingerprint


def test_nothing_is_read_unless_somebody_set_it_up(folder: Path, tmp_path: Path):
    assert sentence_model({}) is None and sentence_model({VARIABLE: " "}) is None
    with pytest.raises(ModelError, match="names no folder"):
        sentence_model({VARIABLE: str(tmp_path / "none")})
    assert sentence_model({VARIABLE: str(folder)}) is sentence_model({VARIABLE: str(folder)})


@pytest.mark.parametrize("fault", ["empty", "no weights", "pickle only", "cut weights", "no config"])
def test_a_folder_without_such_a_model_is_one_sentence(folder: Path, tmp_path: Path, fault: str):
    bad = tmp_path / "bad"
    shutil.copytree(folder, bad)
    weights = bad / "model.safetensors"
    if fault == "empty":
        shutil.rmtree(bad)
        bad.mkdir()
    elif fault == "no config":
        (bad / "config.json").unlink()
    elif fault == "cut weights":
        weights.write_bytes(weights.read_bytes()[:100])
    else:
        weights.unlink()
        if fault == "pickle only":
            (bad / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(ModelError, match="holds no model"):
        SentenceModel(bad).embed(["effusion"])
