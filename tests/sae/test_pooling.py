import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from saerad_core.sae.pooling import POOLS, pool_codes
from tests.sae.examples import random_sae


@pytest.mark.parametrize("pool", POOLS)
@given(seed=st.integers(0, 1_000), patches=st.integers(1, 12))
@settings(max_examples=15, deadline=None)
def test_a_pooled_code_is_the_dense_codes_maximum_or_mean(pool: str, seed: int, patches: int) -> None:
    sae = random_sae(seed=seed)
    x = torch.randn(3, patches, 8, generator=torch.Generator().manual_seed(seed))
    found = pool_codes(sae.encode(x.flatten(0, 1)), 3, sae.config.d_sae, pool)
    dense = sae.dense(x.flatten(0, 1)).reshape(3, patches, -1)
    torch.testing.assert_close(found, dense.amax(1) if pool == "max" else dense.mean(1))
