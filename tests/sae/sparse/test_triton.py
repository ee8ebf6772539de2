"""The GPU's step is the dense one. Without a GPU its kernels are interpreted on the CPU, where triton is installed:

pip install --no-deps --target DIR triton==3.9.0; PYTHONPATH=DIR python -m pytest tests/sae/sparse/test_triton.py
"""

import copy
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from saerad_core.sae.dense import DenseStepper
from saerad_core.sae.registry import stepper_for
from tests.sae.sparse.test_step import made

INTERPRETED = not torch.cuda.is_available()
if INTERPRETED:
    # Read when triton is imported.
    os.environ.setdefault("TRITON_INTERPRET", "1")
pytest.importorskip("triton", reason="triton isn't installed")
DEVICE = "cpu" if INTERPRETED else "cuda"

from saerad_core.sae.sparse.triton_select import lengths_up, top_k  # noqa: E402
from saerad_core.sae.sparse.triton_step import TritonStepper  # noqa: E402


@pytest.mark.parametrize(("m", "d", "k"), [(1, 3, 1), (40, 16, 40), (200, 70, 5), (1_500, 48, 12)])
@pytest.mark.parametrize("case", ["plain", "near ties", "biased"])
def test_true_top_k(m, d, k, case):
    torch.manual_seed(m + k)
    x, weights, bias = torch.randn(5, d), torch.randn(m, d), torch.zeros(m)
    if case == "near ties":
        weights = weights[:1] + 1e-4 * weights
    elif case == "biased":
        bias.normal_(-2, 2)
    x, weights, bias = x.to(DEVICE), weights.to(DEVICE), bias.to(DEVICE)
    indices, values = top_k(x, weights, weights.bfloat16(), bias, lengths_up(weights), k)
    pre = x.double() @ weights.double().T + bias.double()
    truth = pre.topk(k).values.clamp_min(0)
    torch.testing.assert_close(values.double(), truth, rtol=1e-6, atol=1e-12)
    chosen = pre.gather(1, indices)
    torch.testing.assert_close(torch.where(values > 0, chosen, 0.0), truth, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("batch", "d", "m", "k", "aux_k", "share_dead", "clip"),
    [
        (1, 2, 3, 1, 1, 0.3, 0.0),
        (12, 24, 70, 4, 6, 0.3, 0.05),
        (9, 50, 17, 17, 1, 1.0, 1e6),
        (14, 5, 40, 9, 0, 0.3, 1.0),
    ],
)
def test_agrees_with_autograd_in_float64(batch, d, m, k, aux_k, share_dead, clip):
    sae, config = made("topk", d, m, torch.float64, k=k, aux_k=aux_k, dead_after=1_000, clip=clip)
    sae = sae.to(DEVICE)
    dense, stepper = DenseStepper(copy.deepcopy(sae), config), TritonStepper(copy.deepcopy(sae), config)
    # Counts in float32 would round the bias corrections of the dense one.
    dense.adam.updates = dense.adam.updates.double()
    dead = torch.rand(m, device=DEVICE) < share_dead
    dense.silent_for[dead] = 5_000
    stepper.silent_for[dead] = 5_000
    for _ in range(2):
        x = torch.randn(batch, d, dtype=torch.float64, device=DEVICE)
        assert np.allclose(stepper.step(x, 1e-3), dense.step(x, 1e-3), rtol=1e-6, atol=1e-8)
    wanted, found = dense.state_dict(), stepper.state_dict()
    assert set(found) == set(wanted)
    for name in found:
        if name.startswith("adam.second"):
            torch.testing.assert_close(found[name].sqrt(), wanted[name].sqrt(), rtol=1e-6, atol=1e-8, msg=name)
        else:
            torch.testing.assert_close(found[name].double(), wanted[name].double(), rtol=1e-6, atol=2e-6, msg=name)


def test_float32_goes_on_from_a_checkpoint_and_stays_near_the_dense_step():
    sae, config = made("topk", 20, 60, torch.float32, k=4, aux_k=3, dead_after=30)
    sae = sae.to(DEVICE)
    dense, stepper = DenseStepper(copy.deepcopy(sae), config), TritonStepper(copy.deepcopy(sae), config)
    batches = [torch.randn(12, 20, device=DEVICE) for _ in range(4)]
    for x in batches[:2]:
        dense.step(x, 1e-3)
        stepper.step(x, 1e-3)
    again = TritonStepper(copy.deepcopy(sae), config)
    again.load_state_dict(copy.deepcopy(stepper.state_dict()))
    for x in batches[2:]:
        expected = dense.step(x, 1e-3)
        assert np.allclose(stepper.step(x, 1e-3), expected, rtol=1e-4)
        again.step(x, 1e-3)
    for name, value in stepper.sae.named_parameters():
        torch.testing.assert_close(value, dense.sae.get_parameter(name), rtol=0, atol=2e-4, msg=name)
        torch.testing.assert_close(again.sae.get_parameter(name), value, rtol=1e-6, atol=1e-7, msg=name)


@pytest.mark.skipif(INTERPRETED, reason="no GPU")
def test_the_registry_takes_it_on_a_gpu():
    sae, config = made("topk", 32, 200, torch.float32, k=5)
    assert isinstance(stepper_for(sae.to("cuda"), config), TritonStepper)


def test_kernels_compile_for_a_gpu_that_is_not_here(tmp_path):
    surroundings = os.environ | {"TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "tests.sae.sparse.compile_triton"]
    found = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert len(found.stdout.splitlines()) == 6
