"""The patches kept for each feature's strongest X-rays are those, and all of those, on which it fires."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from saerad_core.errors import WorkspaceError
from saerad_core.sae import strongest_patches as kept
from saerad_core.sae.image_code import patch_activations
from saerad_core.sae.sparse.encode import TokenEncoder
from tests.sae.examples import random_sae


@given(seed=st.integers(0, 1_000), top=st.integers(1, 4), cut=st.integers(1, 5))
@settings(max_examples=20, deadline=None)
def test_they_are_the_dense_activations_of_the_strongest_x_rays(
    tmp_path_factory, seed: int, top: int, cut: int
) -> None:
    sae = random_sae(seed=seed)
    x = torch.randn(7, 9, 8, generator=torch.Generator().manual_seed(seed))
    encoder = TokenEncoder(sae)
    parts = [kept.entries_of(encoder.find(x[at : at + cut].reshape(-1, 8)), 9, at) for at in range(0, 7, cut)]
    # Letting go in between changes nothing.
    entries = kept.gathered((kept.strongest(part, top) for part in parts), top)
    path = tmp_path_factory.mktemp("patches") / "patches.safetensors"
    kept.write(path, entries, sae.config.d_sae, 9)
    reader = kept.StrongestPatches(path)
    dense = torch.stack([sae.dense(image) for image in x]).detach().numpy().astype(np.float16)
    for feature in range(sae.config.d_sae):
        peaks = dense[:, :, feature].max(1)
        wanted = [int(row) for row in np.argsort(-peaks.astype(np.float32), kind="stable")[:top] if peaks[row] > 0]
        for row in range(7):
            found = reader.of(feature, row)
            assert (found is not None) == (row in wanted)
            if found is not None:
                live = patch_activations(sae, x[row], feature).numpy()
                np.testing.assert_allclose(found, live, rtol=2e-3, atol=1e-4)


def test_nothing_fires_and_a_damaged_file(tmp_path) -> None:
    path = tmp_path / "patches.safetensors"
    kept.write(path, kept.gathered([]), 3, 4)
    assert kept.StrongestPatches(path).of(2, 0) is None
    path.write_bytes(b"nothing")
    with pytest.raises(WorkspaceError, match="can't be read"):
        kept.StrongestPatches(path).of(2, 0)
