"""The build: every stage leaves what it owes, a killed build goes on, a finished one isn't run again."""

from __future__ import annotations

import numpy as np
import pytest

from saerad_core import pipeline
from saerad_core.errors import WorkspaceError
from saerad_core.locks import only_one
from saerad_core.pipeline import BuildSettings, build, demo_settings
from saerad_core.sae.codes import open_codes
from saerad_core.sae.width import recommended_width
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
    for path in ("activations_db", "embeddings", "codes", "faiss_index", "atlas_file", "evidence_file"):
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
