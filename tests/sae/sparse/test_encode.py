"""Sparse encoding gives the dense codes, in whatever chunks."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from saerad_core.sae.config import SaeConfig
from saerad_core.sae.registry import make
from saerad_core.sae.sparse import encode
from saerad_core.sae.sparse.encode import TokenEncoder, strongest


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
    return sae.dense(tokens.float()).numpy()


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def same(found, expected):
    # Codes are rounded to float16.
    np.testing.assert_allclose(found.rows(slice(None)).toarray(), expected, rtol=1e-3, atol=2e-6)


@settings(max_examples=25, deadline=None)
@given(n=st.integers(0, 60), k=st.sampled_from([1, 6, 130]), seed=st.integers(0, 99))
def test_tokens_agree_with_the_dense_code(n, k, seed):
    sae = dictionary(k=k)
    tokens = drawn(n, 24, seed=seed)
    same(strongest(TokenEncoder(sae).find(tokens), 1, 130), dense(sae, tokens).reshape(n, 130))


@settings(max_examples=25, deadline=None)
@given(n=st.integers(0, 9), patches=st.integers(1, 12), seed=st.integers(0, 99))
def test_images_are_maxima_over_patches(n, patches, seed):
    sae = dictionary()
    tokens = drawn(n * patches, 24, seed=seed)
    expected = dense(sae, tokens).reshape(n, patches, 130).max(1, initial=0)
    same(strongest(TokenEncoder(sae).find(tokens), patches, 130), expected)


@pytest.mark.parametrize("architecture", ["topk", "batch_topk", "matryoshka", "jumprelu", "gated"])
def test_every_architecture_agrees_in_chunks_of_any_size(architecture, monkeypatch):
    sae, tokens = dictionary(architecture), drawn(40, 24).half()
    whole, code = TokenEncoder(sae), dense(sae, tokens)
    monkeypatch.setattr(encode, "PRODUCTS", {"cpu": 7 * 130})
    monkeypatch.setattr(encode, "TOKENS", 9)
    for encoder in (whole, TokenEncoder(sae)):
        found = encoder.find(tokens)
        same(strongest(found, 1, 130), code)
        rebuilt = (torch.from_numpy(code) @ sae.W_dec + sae.b_dec).detach()
        torch.testing.assert_close(encoder.rebuild(found), rebuilt, rtol=1e-4, atol=1e-4)
        x = tokens.float()
        expected = torch.stack([(x - rebuilt).square().sum(1), (x - sae.b_dec.detach()).square().sum(1)], 1)
        np.testing.assert_allclose(encoder.error(tokens, found), expected, rtol=1e-3, atol=1e-4)


def test_without_screening_the_same_features_come_out(monkeypatch):
    """What a GPU does, on the CPU: a dictionary that isn't taken for one on the CPU is encoded by its own encode."""
    sae, tokens = dictionary(), drawn(40, 24)
    screened = TokenEncoder(sae)
    plain = TokenEncoder(sae)
    monkeypatch.setattr(plain, "_screened", None)
    monkeypatch.setattr(
        sae, "encode", lambda x: pytest.fail("encoded densely") if len(x) > 20 else type(sae).encode(sae, x)
    )
    monkeypatch.setattr(encode, "PRODUCTS", {"cpu": 20 * 130})
    one, other = screened.find(tokens), plain.find(tokens)
    np.testing.assert_array_equal(np.sort(one.indices, 1), np.sort(other.indices, 1))
    np.testing.assert_allclose(one.values, other.values, rtol=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_finds_the_same():
    sae, tokens = dictionary(), drawn(40, 24)
    code = dense(sae, tokens)
    encoder = TokenEncoder(sae.to("cuda"))
    found = encoder.find(tokens)
    same(strongest(found, 1, 130), code)
    assert encoder.rebuild(found).device.type == "cuda"
