"""Another dictionary for a finished workspace."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from saerad_core import switching
from saerad_core.cli import app
from saerad_core.engine import Engine
from saerad_core.errors import WorkspaceError
from saerad_core.explorer import Explorer
from saerad_core.heatmap.methods import feature_heatmap
from saerad_core.sae.files import load, save
from saerad_core.sae.strongest_patches import StrongestPatches
from saerad_core.stages.carry import pairs
from saerad_core.store.activations import ActivationStore
from saerad_core.store.curation.store import CurationStore
from saerad_core.workspace import Workspace

NEW = "turned"
"""The tiny workspace's dictionary with its features in another order and one of them replaced."""


@pytest.fixture
def copy(tiny_workspace, tmp_path) -> Workspace:
    shutil.copytree(tiny_workspace.root, tmp_path / "tiny")
    for name in ("films", "encoder"):
        (tmp_path / name).symlink_to(tiny_workspace.root.parent / name)
    return Workspace.open(tmp_path / "tiny")


@pytest.fixture
def order(copy) -> list[int]:
    """Writes the candidate; old feature -> its place in it."""
    sae = load(copy.sae_dir)
    places = torch.randperm(sae.config.d_sae, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        for weight in (sae.W_dec, sae.b_enc):
            weight.copy_(weight[places.argsort()])
        sae.W_enc.copy_(sae.W_enc[:, places.argsort()])
        new = int(places[7])
        sae.W_dec[new] = torch.nn.functional.normalize(
            torch.randn(sae.config.d_in, generator=torch.Generator().manual_seed(4)), dim=0
        )
        sae.W_enc[:, new] = sae.W_dec[new]
    save(sae, copy.candidates_dir / NEW)
    return places.tolist()


def told(workspace: Workspace) -> dict[int, list[str]]:
    return {
        i: [one.text for one in state.proposals]
        for i, state in CurationStore(workspace).snapshot().all().items()
        if state.proposals
    }


def test_words_are_offered_on_the_features_that_point_the_same_way_and_nothing_is_lost(copy, order) -> None:
    curation = CurationStore(copy)
    curation.edit(2, "A disc on the left", "Ada", 0)
    event = curation.edit(3, "A disc on the right", "Ada", 0)
    curation.accept(3, "Ben", event.number)
    curation.edit(7, "Lost", "Ada", 0)
    curation.reject(9, "Ada", 0, "nonsense")
    before = copy.curation_journal.read_bytes()
    old = ActivationStore(copy.activations_db).top_images(2, 3, one_per_patient=False)

    result = CliRunner().invoke(app, ["switch", str(copy.root), NEW], catch_exceptions=False)
    assert result.exit_code == 0 and "A disc on the left" in result.stdout
    now = Workspace.open(copy.root)
    assert now.manifest.sae.candidate == NEW
    assert told(now) == {order[2]: ["A disc on the left"], order[3]: ["A disc on the right"]}
    assert not CurationStore(now).all_current()  # Suggestions: nothing counts, least of all as accepted.
    assert now.curation_journal.read_bytes().startswith(before)
    (kept,) = now.root.glob("carried-*.json")
    carried = json.loads(kept.read_text())
    assert [one["feature_id"] for one in carried["unmatched"]] == [7] and carried["unmatched"][0]["text"] == "Lost"
    assert [one["feature_id"] for one in carried["not_offered"]] == [9]
    new = ActivationStore(now.activations_db).top_images(order[2], 3, one_per_patient=False)
    assert new.rows.tolist() == old.rows.tolist()
    np.testing.assert_allclose(new.activations, old.activations, rtol=2e-3)
    assert not (now.root / "switching").exists()

    # Where the strongest X-rays show a feature is kept, and is what the encoder would say.
    row = int(new.rows[0])
    stored = StrongestPatches(now.strongest_patches).of(order[2], row)
    assert stored is not None and stored.max() == pytest.approx(float(new.activations[0]), rel=2e-3)
    live = Engine(now)
    pixels = live.pixels_of(ActivationStore(now.activations_db).images()["image_id"][row])
    heat = feature_heatmap(live.encoder, live.sae, "patch", pixels, order[2])
    assert int(stored.argmax()) == int(heat.values.argmax())

    # Mean maps are the new dictionary's.
    maps = Explorer(now).maps
    assert maps is not None and maps.mean(order[2]) is not None

    # A live X-ray is read with the new dictionary, as the store has it.
    store = ActivationStore(now.activations_db)
    engine = Engine(now)
    live = {feature for feature, _ in engine.analyse_pixels(engine.pixels_of(store.images()["image_id"][0])).active}
    stored = {feature for feature, *_ in store.features_of_row(0)}
    assert len(live ^ stored) <= 1  # The picture is smaller than the film.

    back = switching.switch(now, f"topk-{copy.manifest.sae.width}-patch-k6-0-first")
    assert back["carried"] == []
    there = CurationStore(Workspace.open(copy.root)).all_current()
    assert there[3].status == "accepted" and there[2].text == "A disc on the left" and set(there) == {2, 3, 7, 9}


def test_words_of_a_journal_without_the_dictionarys_name_do_not_count_for_the_new_one(copy, order) -> None:
    line = {
        "feature_id": 5,
        "number": 1,
        "kind": "description",
        "text": "Old words",
        "status": "edited",
        "author": "Ada",
        "at": "2026-01-01T00:00:00+00:00",
        "base": 0,
    }
    copy.curation_journal.write_text(json.dumps(line) + "\n")
    switching.switch(copy, NEW)
    now = Workspace.open(copy.root)
    assert not CurationStore(now).all_current()
    assert told(now) == {order[5]: ["Old words"]}


def test_a_killed_switch_leaves_the_old_dictionary_and_goes_on(copy, order, monkeypatch) -> None:
    weights = (copy.sae_dir / "sae_weights.safetensors").read_bytes()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(switching, "draw_atlas", killed)
        with pytest.raises(KeyboardInterrupt):
            switching.switch(copy, NEW)
    assert (copy.sae_dir / "sae_weights.safetensors").read_bytes() == weights
    assert not Workspace.open(copy.root).manifest.sae.candidate
    with monkeypatch.context() as patch:
        patch.setattr(switching, "offer", killed)
        with pytest.raises(KeyboardInterrupt):
            switching.switch(Workspace.open(copy.root), NEW)
    switching.switch(Workspace.open(copy.root), NEW)
    now = Workspace.open(copy.root)
    assert now.manifest.sae.candidate == NEW and not (copy.root / "switching").exists()
    assert ActivationStore(now.activations_db).images()["image_id"].is_unique


def test_what_can_not_be_switched_to_is_said(copy, order) -> None:
    with pytest.raises(WorkspaceError, match="take one of turned"):
        switching.switch(copy, "../sae")
    shutil.copytree(copy.sae_dir, copy.candidates_dir / "same")
    with pytest.raises(WorkspaceError, match="already"):
        switching.switch(copy, "same")


def test_opposite_and_unlike_directions_are_no_partners() -> None:
    old = np.eye(4, 6)
    new = np.stack([-old[0], old[1], (old[2] + old[3]) / 2**0.5 * 1.0, np.eye(6)[5]])
    found = pairs(old, new, [0, 1, 2])
    assert [pair.new for pair in found] == [None, 1, 2]
    assert found[2].cosine == pytest.approx(2**-0.5)
    assert pairs(old, new, []) == []
