"""The build: every stage leaves what it owes, a killed build goes on, a finished one isn't run again."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest

from saerad_core import pipeline
from saerad_core.engine import Engine
from saerad_core.errors import WorkspaceError
from saerad_core.locks import only_one
from saerad_core.pipeline import BuildSettings, build, demo_settings
from saerad_core.sae.codes import open_codes
from saerad_core.sae.width import recommended_width
from saerad_core.store.activations import ActivationStore
from saerad_core.workspace import EncoderInfo, Workspace
from tests.tiny import make_tiny_workspace


def settings_of(workspace: Workspace) -> BuildSettings:
    manifest = workspace.manifest
    return BuildSettings(
        manifest.dataset, manifest.encoder.id, workspace.root, tokens=manifest.sae.tokens, width=manifest.sae.width
    )


def test_every_stage_leaves_what_it_owes(tiny_workspace: Workspace) -> None:
    manifest = tiny_workspace.manifest
    assert list(manifest.stages) == [name for name in pipeline.STAGES if name != "sample"]
    for path in (
        "activations_db",
        "embeddings",
        "codes",
        "faiss_index",
        "atlas_file",
        "evidence_file",
        "maps_file",
        "markers_file",
    ):
        assert getattr(tiny_workspace, path).exists(), path
    assert not tiny_workspace.cache_dir.exists()
    codes = open_codes(tiny_workspace.codes).rows(slice(None)).toarray()
    assert codes.shape == (manifest.counts.images, manifest.sae.width)
    assert manifest.metrics.l0 <= manifest.sae.k
    assert manifest.provenance["program"].startswith("SAE-Rad")


def test_unreadable_files_are_counted_not_fatal(tiny_workspace: Workspace) -> None:
    funnel = tiny_workspace.manifest.funnel
    assert funnel["embedded"] == tiny_workspace.manifest.counts.images
    assert funnel["embedded"] + funnel["refused files"] == funnel["patient known"]


def test_a_demo_of_an_earlier_encoder_is_not_mixed_with_the_new(tmp_path) -> None:
    settings = demo_settings(tmp_path / "demo", patients=1)
    encoder = EncoderInfo(id=settings.encoder, fingerprint="of an earlier one")
    Workspace.create(settings.out, settings.dataset, encoder)
    with pytest.raises(WorkspaceError, match=r"earlier encoder .*curation\.jsonl"):
        demo_settings(tmp_path / "demo", patients=1)


def test_two_builds_never_write_one_workspace(tiny_workspace: Workspace) -> None:
    with (
        only_one(tiny_workspace.root / "build.lock", AssertionError()),
        pytest.raises(WorkspaceError, match="Another build"),
    ):
        build(settings_of(tiny_workspace))


def test_a_wider_dictionary_needs_more_x_rays() -> None:
    for tokens in ("cls", "patch"):
        widths = [recommended_width(n, tokens) for n in (500, 5_000, 240_000)]
        assert widths == sorted(widths)


@pytest.fixture(scope="module")
def in_two_passes(tmp_path_factory) -> tuple[Workspace, list[str]]:
    """The tiny workspace with no room for its patches, on a device that isn't the one by default; and where things ran."""
    root, where = tmp_path_factory.mktemp("two"), []
    with pytest.MonkeyPatch.context() as patch:
        real = pipeline.train_sae, pipeline.activate

        def train_sae(*args, **kwargs):
            where.append(str(kwargs["device"]))
            return real[0](*args, **kwargs)

        def activate(workspace, shards, sae, *rest):
            where.append(str(sae.b_dec.device))
            assert shards.has("code_counts") and not shards.has("patches")
            return real[1](workspace, shards, sae, *rest)

        patch.setattr(pipeline, "train_sae", train_sae)
        patch.setattr(pipeline, "activate", activate)
        return make_tiny_workspace(root / "tiny", patch_budget=0, device="cpu:0"), where


def test_training_on_a_sample_first_ends_where_one_pass_does(in_two_passes, tiny_workspace: Workspace) -> None:
    """Films have fewer patches than a sample takes, so both train on the same ones: as float16 here, as float32 there."""
    two, one = in_two_passes[0].manifest, tiny_workspace.manifest
    assert list(two.stages) == ["sample", "train", "encode", "activate", "describe", "index", "atlas", "maps", "score"]
    assert not in_two_passes[0].cache_dir.exists()
    assert two.counts.images == one.counts.images and two.funnel == one.funnel
    assert two.metrics.explained_variance == pytest.approx(one.metrics.explained_variance, abs=1e-4)
    assert two.counts.described == pytest.approx(one.counts.described, abs=2)
    ours, theirs = (open_codes(w.codes).rows(slice(None)).toarray() for w in (in_two_passes[0], tiny_workspace))
    # Where two features of a patch are all but equally strong, the rounding decides which is among its k.
    assert (np.abs(ours - theirs) > 0.01).mean() < 0.005


def test_the_dictionary_goes_where_the_encoder_is(in_two_passes) -> None:
    # Training is told a device; a module that was moved to cpu:0 says cpu.
    assert in_two_passes[1] == ["cpu:0", "cpu"]


def test_an_earlier_versions_codes_are_turned_over_by_the_next_build(in_two_passes) -> None:
    workspace = in_two_passes[0]
    before = open_codes(workspace.codes).rows(slice(None)).toarray()
    stages = dict(workspace.manifest.stages)
    np.save(workspace.root / "codes.npy", before.astype(np.float16))
    shutil.rmtree(workspace.codes)
    with pytest.raises(WorkspaceError, match="run its build again"):
        open_codes(workspace.codes)
    again = make_tiny_workspace(workspace.root, patch_budget=0, device="cpu:0")
    np.testing.assert_array_equal(open_codes(again.codes).rows(slice(None)).toarray(), before)
    assert not (workspace.root / "codes.npy").exists() and again.manifest.stages == stages


def test_a_finished_build_with_another_rule_reads_the_x_rays_again_and_keeps_its_dictionary(in_two_passes) -> None:
    workspace = in_two_passes[0]
    weights = workspace.sae_dir / "sae_weights.safetensors"
    before, trained = Workspace.open(workspace.root).manifest, weights.stat().st_mtime_ns
    after = make_tiny_workspace(workspace.root, patch_budget=0, device="cpu:0", active=2).manifest
    assert after.counts.active_per_image < before.counts.active_per_image - 2
    assert after.counts.images == before.counts.images and weights.stat().st_mtime_ns == trained
    assert list(after.stages) == list(before.stages)


def test_a_finished_build_is_described_again_without_its_x_rays(in_two_passes, monkeypatch) -> None:
    workspace = in_two_passes[0]
    store = ActivationStore(workspace.activations_db)
    before = [store.images(), store.descriptions(), store.features()]
    store.close()
    del (manifest := Workspace.open(workspace.root)).manifest.stages["describe"]
    manifest.save()
    monkeypatch.setattr(pipeline, "harvest", lambda *_, **__: pytest.fail("X-rays were read again"))
    make_tiny_workspace(workspace.root, patch_budget=0, device="cpu:0", active=2)
    store = ActivationStore(workspace.activations_db)
    for one, other in zip(before, [store.images(), store.descriptions(), store.features()], strict=True):
        pd.testing.assert_frame_equal(one, other)


@pytest.mark.slow
def test_a_killed_build_goes_on_and_ends_the_same(tmp_path, monkeypatch) -> None:
    whole = make_tiny_workspace(tmp_path / "whole" / "tiny")
    real = pipeline.activate

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "activate", killed)
    with pytest.raises(KeyboardInterrupt):
        make_tiny_workspace(tmp_path / "torn" / "tiny")
    torn = Workspace.open(tmp_path / "torn" / "tiny")
    assert "train" in torn.manifest.stages and "activate" not in torn.manifest.stages
    monkeypatch.setattr(pipeline, "activate", real)
    trained = torn.sae_dir.joinpath("sae_weights.safetensors").stat().st_mtime_ns
    again = make_tiny_workspace(tmp_path / "torn" / "tiny")
    assert again.sae_dir.joinpath("sae_weights.safetensors").stat().st_mtime_ns == trained
    assert again.manifest.counts == whole.manifest.counts
    np.testing.assert_array_equal(*(open_codes(w.codes).rows(slice(None)).toarray() for w in (again, whole)))


def test_a_build_may_take_the_mean_over_patches(tmp_path, tiny_workspace: Workspace) -> None:
    """Stored codes, the rule in words, and the live path: all read the same way."""
    mean = make_tiny_workspace(tmp_path / "mean", pool="mean")
    assert mean.manifest.sae.pool == "mean" and tiny_workspace.manifest.sae.pool == "max"
    assert "mean over patches" in mean.manifest.sae.rule
    rows = {w.root: open_codes(w.codes).rows(slice(None)).toarray() for w in (mean, tiny_workspace)}
    fires = rows[tiny_workspace.root] > 0
    # The same dictionary: the pool is no part of training.
    assert ((rows[mean.root] > 0) <= fires).all() and fires.any()
    assert rows[mean.root][fires].mean() < 0.8 * rows[tiny_workspace.root][fires].mean()
    film = next((tmp_path / "films").glob("*0.png"))
    live = Engine(mean).analyse(film.read_bytes())
    images = ActivationStore(mean.activations_db).images()
    row = int(images.loc[images["path"].str.endswith(film.name), "row"].iloc[0])
    np.testing.assert_allclose(live.code, rows[mean.root][row], rtol=0.02, atol=1e-3)
