"""Sparse encoding gives the dense codes, in whatever chunks."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from saerad_core.sae.config import SaeConfig
from saerad_core.sae.registry import make
from saerad_core.sae.sparse.encode import encode_images, encode_tokens, joined


def dictionary(architecture="topk", d=24, m=130, k=6):
    torch.manual_seed(1)
    sae = make(SaeConfig(d, m, k=k, architecture=architecture))
    with torch.no_grad():
        sae.W_dec.normal_()
        sae.normalise()
        sae.tie()
        sae.b_dec.normal_(0, 0.3)
    return sae.eval()


@torch.no_grad()
def dense(sae, tokens):
    return sae.dense(torch.from_numpy(tokens.astype(np.float32))).numpy()


@settings(max_examples=25, deadline=None)
@given(n=st.integers(0, 60), chunk=st.integers(1, 70), k=st.sampled_from([1, 6, 130]), seed=st.integers(0, 99))
def test_tokens_agree_with_the_dense_code(n, chunk, k, seed):
    sae = dictionary(k=k)
    tokens = np.random.default_rng(seed).standard_normal((n, 24)).astype(np.float32)
    found = joined(encode_tokens(sae, tokens, chunk), 130).toarray()
    np.testing.assert_allclose(found, dense(sae, tokens).reshape(n, 130), rtol=1e-4, atol=2e-6)


@settings(max_examples=25, deadline=None)
@given(n=st.integers(0, 9), patches=st.integers(1, 12), chunk=st.integers(1, 50), seed=st.integers(0, 99))
def test_images_are_maxima_over_patches(n, patches, chunk, seed):
    sae = dictionary()
    tokens = np.random.default_rng(seed).standard_normal((n, patches, 24)).astype(np.float32)
    found = joined(encode_images(sae, tokens, chunk), 130).toarray()
    expected = dense(sae, tokens.reshape(-1, 24)).reshape(n, patches, 130).max(1)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize("architecture", ["batch_topk", "matryoshka", "jumprelu", "gated"])
def test_other_architectures_agree_too(architecture):
    sae = dictionary(architecture)
    tokens = np.random.default_rng(0).standard_normal((40, 24)).astype(np.float32)
    found = joined(encode_tokens(sae, tokens, 16), 130).toarray()
    np.testing.assert_allclose(found, dense(sae, tokens), rtol=1e-4, atol=2e-6)


def test_reads_half_precision_from_a_memory_map(tmp_path):
    sae = dictionary()
    kept = np.lib.format.open_memmap(tmp_path / "tokens.npy", "w+", np.float16, (50, 24))
    kept[:] = np.random.default_rng(0).standard_normal((50, 24))
    tokens = np.load(tmp_path / "tokens.npy", mmap_mode="r")
    found = joined(encode_tokens(sae, tokens, 20), 130)
    assert found.dtype == np.float32
    assert found.has_sorted_indices
    np.testing.assert_allclose(found.toarray(), dense(sae, np.array(tokens)), rtol=1e-4, atol=2e-6)
