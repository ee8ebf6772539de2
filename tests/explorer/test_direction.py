"""X-rays by features added and taken away: the words, the ranking by codes, and the exact one by the dictionary's inputs."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from saerad_core.errors import SaeRadError
from saerad_core.explorer.direction import Directions, Mix, parse_mix
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.files import save
from saerad_core.sae.topk import TopKSae
from saerad_core.store.activations import Firing


@pytest.mark.parametrize(
    ("text", "mix"),
    [
        ("12", Mix((12,), ())),
        ("12 + 90 - 44", Mix((12, 90), (44,))),
        (" #12, -#3,+4 ", Mix((12, 4), (3,))),
        ("5 - 5 + 6", Mix((6,), (5,))),
    ],
)
def test_combinations(text: str, mix: Mix) -> None:
    assert parse_mix(text, 100) == mix


@pytest.mark.parametrize("text", ["effusion", "12 + ", "12 * 3", "-4", "100", "1.5", "+".join(map(str, range(13)))])
def test_others_are_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(SaeRadError, match=r"\.$"):
        parse_mix(text, 100)


@given(signs=st.dictionaries(st.integers(0, 99), st.sampled_from("+-"), min_size=1, max_size=12))
def test_what_is_written_is_read(signs: dict[int, str]) -> None:
    text = " ".join(f"{sign} #{feature}" for feature, sign in signs.items())
    if "+" not in signs.values():
        return
    mix = parse_mix(text, 100)
    assert mix.weights == {feature: 1.0 if sign == "+" else -1.0 for feature, sign in signs.items()}


class Roster:
    """Who the five X-rays belong to."""

    def __len__(self) -> int:
        return 5

    def first_of_patients(self, rows: np.ndarray) -> np.ndarray:
        return np.sort(np.unique(np.array([0, 1, 2, 3, 3])[rows], return_index=True)[1])


class Store:
    """Five X-rays of four patients and two features."""

    roster = Roster()

    def firing(self, feature: int) -> Firing:
        rows, values = {0: ([0, 1, 4], [4.0, 2.0, 1.0]), 1: ([1, 2], [1.0, 3.0])}[feature]
        return Firing(np.array(rows, np.int32), np.array(values, np.float32))


def workspace_of(root, tokens: str) -> SimpleNamespace:  # noqa: ANN001
    manifest = SimpleNamespace(sae=SimpleNamespace(tokens=tokens))
    return SimpleNamespace(root=root, manifest=manifest, tokens=root / "tokens.npy", sae_dir=root / "sae")


def test_codes_are_added_up_in_shares_of_their_strongest(tmp_path) -> None:
    look = Directions(workspace_of(tmp_path, "patch"), Store())  # type: ignore[arg-type]
    most = {0: 4.0, 1: 3.0}
    assert look.strongest(Mix((0,), ()), most, 9) == [(0, 1.0), (1, 0.5), (4, 0.25)]
    added = dict(look.strongest(Mix((0, 1), ()), most, 9))
    assert added[1] == pytest.approx(0.5 + 1 / 3) and added[2] == pytest.approx(1)
    less = look.strongest(Mix((0,), (1,)), most, 2)
    assert [row for row, _ in less] == [0, 4]


def test_a_cls_dictionary_ranks_by_exact_pre_activations(tmp_path) -> None:
    torch.manual_seed(0)
    sae = TopKSae(SaeConfig(8, 6, k=2, tokens="cls"))
    with torch.no_grad():
        for parameter in sae.parameters():
            parameter.copy_(torch.randn_like(parameter))
    save(sae, tmp_path / "sae")
    tokens = torch.randn(5, 1, 8)
    np.save(tmp_path / "tokens.npy", tokens.half().numpy())
    look = Directions(workspace_of(tmp_path, "cls"), Store())  # type: ignore[arg-type]
    most = {0: 2.0, 3: 4.0}
    with torch.no_grad():
        pre = sae.pre_activations(tokens[:, 0])
    expected = (pre[:, 0] / 2 - pre[:, 3] / 4).detach().numpy()
    found = look.strongest(Mix((0,), (3,)), most, 9)
    best = dict(found)
    for row, value in best.items():
        assert value == pytest.approx(expected[row], abs=0.02)
    order = [row for row in np.argsort(-expected) if row in best]
    assert [row for row, _ in found] == order and len(found) == 4
