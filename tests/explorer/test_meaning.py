"""Search by meaning: nearest first, vectors made once, kept by what they say, and a killed run goes on."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from saerad_core.errors import WorkspaceError
from saerad_core.explorer.catalogue import Catalogue, Curated
from saerad_core.explorer.meaning import AT_ONCE, NEAREST, PIECE, Meanings
from saerad_core.explorer.rows import FeatureQuery


class Words:
    """A bag of words, each in a direction of its own: near means words in common."""

    fingerprint = "words"

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.most = 10**9

    def embed(self, texts: list[str]) -> np.ndarray:
        if len(self.asked) + len(texts) > self.most:
            raise KeyboardInterrupt
        self.asked += texts
        found = np.zeros((len(texts), 512), np.float32)
        for row, text in zip(found, texts, strict=True):
            for word in text.split():
                row += np.random.default_rng(zlib.crc32(word.encode())).standard_normal(512)
        return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)


TEXTS = np.array(["left effusion", "", "right nodule", "left effusion", "large heart"], dtype=object)


def test_nearest_texts_come_first_and_none_said_never_answers(tmp_path: Path):
    found = Meanings(tmp_path, Words()).near("effusion", TEXTS)
    assert found[0] == found[3] > max(found[2], found[4]) and found[1] == -np.inf
    assert np.isclose(found[0], 1 / np.sqrt(2), atol=0.1)


def test_vectors_are_made_once_for_good_and_an_edit_needs_one(tmp_path: Path):
    first = Words()
    Meanings(tmp_path, first).near("effusion", TEXTS)
    assert sorted(first.asked) == ["effusion", "large heart", "left effusion", "right nodule"]
    again = Words()
    kept = Meanings(tmp_path, again)
    kept.near("heart", TEXTS)
    assert again.asked == ["heart"]
    edited = TEXTS.copy()
    edited[2] = "left nodule"
    kept.near("heart", edited)
    assert again.asked == ["heart", "left nodule", "heart"]


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path):
    texts = [f"text {i}" for i in range(2 * PIECE + 10)]
    model = Words()
    model.most = PIECE + 100
    with pytest.raises(KeyboardInterrupt):
        Meanings(tmp_path, model).make(texts)
    # A file that isn't whole, as a kill in the middle of writing leaves it, and a damaged one.
    (tmp_path / "words" / "half.part").write_bytes(b"x")
    (tmp_path / "words" / "bad.safetensors").write_bytes(b"x")
    later = Words()
    kept = Meanings(tmp_path, later)
    assert len(kept.missing(texts)) == PIECE + 10
    assert kept.make(texts) == PIECE + 10 and later.asked == texts[PIECE:]
    assert kept.make(texts) == 0


def test_many_missing_ones_are_for_the_command(tmp_path: Path):
    texts = np.array([f"text {i}" for i in range(AT_ONCE + 1)], dtype=object)
    kept = Meanings(tmp_path, Words(), "data/x")
    with pytest.raises(WorkspaceError, match="run python -m saerad_core meanings data/x"):
        kept.near("text", texts)
    kept.make(texts)
    assert np.isfinite(kept.near("text", texts)).sum() == NEAREST


def catalogue(texts: list[str]) -> Catalogue:
    n = len(texts)
    features = pd.DataFrame({"feature_id": range(n), "n_images": 5, "n_patients": 5, "frequency": 0.1, "max": 1.0, "mean": 0.5, "threshold": 0.1, "best_label": "", "best_auroc": 0.5})  # fmt: skip
    said = pd.DataFrame({"feature_id": range(n), "text": texts, "side": ["left" if "left" in t else "" for t in texts], "z": range(n)})  # fmt: skip
    return Catalogue(features, said)


def test_the_list_ranks_by_meaning_under_its_filters_and_over_readers_words(tmp_path: Path):
    found = catalogue(["left effusion", "effusion", "right nodule", "left nodule"])
    found.near = Meanings(tmp_path, Words()).near
    asked = FeatureQuery(text="effusion", meaning=True)
    assert found.find(asked).tolist()[:2] == [1, 0]
    assert set(found.find(FeatureQuery(text="effusion", meaning=True, side="left"))) == {0, 3}
    found.lay_over([Curated(2, "effusion effusion", "edited")])
    assert set(found.find(asked).tolist()[:2]) == {1, 2}
    # Without a model words decide.
    found.near = None
    assert set(found.find(asked)) == {0, 1, 2}
