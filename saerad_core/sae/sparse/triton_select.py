"""The true top k of every token on a GPU: a bfloat16 product, what it can't rule out, and that again in float64.

The bounds are those of saerad_core.sae.sparse.select; the k-th largest of the maxima of groups of features stands for the
k-th largest lower bound, since it can't be larger.
"""

# A machine without a GPU needn't have triton, and a kernel is called as kernel[grid](...).
# pyright: reportMissingImports=false, reportIndexIssue=false, reportCallIssue=false

from __future__ import annotations

import torch
import triton
import triton.language as tl

from saerad_core.sae.sparse.topk import error_bound

PRODUCTS = 2**29
"""bfloat16 products held at once: 1 GiB."""
CANDIDATES = 128
"""A token that keeps more is scored against every feature."""
GROUP = 64
"""Features of a group, at most."""
GROUPS = 64
"""Groups looked at together."""
EPS = tl.constexpr(2.0**-8)


@triton.jit
def _maxima(products, low, norm, beta, maxima, m, groups, TOGETHER: tl.constexpr, SIZE: tl.constexpr):  # noqa: ANN001, ANN202, N803
    """maxima [R, groups]: the greatest lower bound of each group of a row, and 0 where none is positive."""
    r = tl.program_id(0).to(tl.int64)
    b = tl.load(beta + r)
    for begin in range(0, groups, TOGETHER):
        group = begin + tl.arange(0, TOGETHER)
        at = group[:, None] * SIZE + tl.arange(0, SIZE)[None, :]
        inside = at < m
        s = tl.load(products + r * m + at, mask=inside, other=0).to(tl.float32)
        lower = (
            s - tl.abs(s) * EPS + tl.load(low + at, mask=inside, other=0) - b * tl.load(norm + at, mask=inside, other=0)
        )
        tl.store(maxima + r * groups + group, tl.max(tl.where(inside, lower, 0.0), 1), mask=group < groups)


@triton.jit
def _gather(products, high, norm, beta, bound, cand, count, m, most, BLOCK: tl.constexpr):  # noqa: ANN001, ANN202, N803
    """cand int32 [R, most]: features whose upper bound is above the row's bound; count int32 [R], also of those that didn't fit."""
    r = tl.program_id(0).to(tl.int64)
    b, least, n = tl.load(beta + r), tl.load(bound + r), 0
    for begin in range(0, m, BLOCK):
        at = begin + tl.arange(0, BLOCK)
        inside = at < m
        s = tl.load(products + r * m + at, mask=inside, other=0).to(tl.float32)
        upper = (
            s
            + tl.abs(s) * EPS
            + tl.load(high + at, mask=inside, other=0)
            + b * tl.load(norm + at, mask=inside, other=0)
        )
        hit = (inside & (upper > least)).to(tl.int32)
        place = n + tl.cumsum(hit, 0) - hit
        tl.store(cand + r * most + place, at, mask=(hit > 0) & (place < most))
        n += tl.sum(hit, 0)
    tl.store(count + r, n)


@triton.jit
def _score(x, weights, bias, cand, count, scores, d, most, D: tl.constexpr):  # noqa: ANN001, ANN202, N803
    """scores float64 [R, most]: pre-activations of the candidates."""
    r = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, D)
    token = tl.load(x + r * d + column, mask=column < d, other=0).to(tl.float64)
    for i in range(0, tl.minimum(tl.load(count + r), most)):
        f = tl.load(cand + r * most + i).to(tl.int64)
        weight = tl.load(weights + f * d + column, mask=column < d, other=0).to(tl.float64)
        tl.store(scores + r * most + i, tl.sum(token * weight, 0) + tl.load(bias + f).to(tl.float64))


def lengths_up(weights: torch.Tensor) -> torch.Tensor:
    """Lengths of rows [m, d] as float32, rounded up."""
    return (weights.double().norm(dim=1) * (1 + 1e-6) + 1e-17).float()


def top_k(
    x: torch.Tensor, weights: torch.Tensor, half: torch.Tensor, bias: torch.Tensor, norm: torch.Tensor, k: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The k largest pre-activations x . weight + bias of each token, exactly, where positive.

    Args:
        x: [B, d], contiguous, less the decoder's bias.
        weights: [m, d], contiguous; half: its bfloat16 copy.
        bias: [m].
        norm: float32 [m], see lengths_up.
        k: slots.

    Returns:
        int64 [B, k] features and [B, k] values, 0 where silent.
    """
    rows = max(1, PRODUCTS // len(weights))
    parts = [_top_k(part, weights, half, bias, norm, min(k, len(weights))) for part in x.split(rows)]
    return torch.cat([indices for indices, _ in parts]), torch.cat([values for _, values in parts])


def _top_k(
    x: torch.Tensor, weights: torch.Tensor, half: torch.Tensor, bias: torch.Tensor, norm: torch.Tensor, k: int
) -> tuple[torch.Tensor, torch.Tensor]:
    (count, d), m = x.shape, len(weights)
    narrow = x.bfloat16()
    products, beta = _product(narrow, half), error_bound(x, narrow, True)
    slack = bias.abs().float() * 2.0**-21
    # Small groups where the dictionary is small: at least 4 k of them.
    size = min(GROUP, 1 << max(0, (m // (4 * k)).bit_length() - 1))
    groups = triton.cdiv(m, size)
    maxima = torch.empty(count, groups, device=x.device)
    _maxima[(count,)](products, bias.float() - slack, norm, beta, maxima, m, groups, TOGETHER=GROUPS, SIZE=size)
    # What isn't positive is silent.
    bound = maxima.topk(k, sorted=True).values[:, -1].clamp_min(0).contiguous()
    most = max(CANDIDATES, triton.next_power_of_2(2 * k))
    cand = torch.zeros(count, most, dtype=torch.int32, device=x.device)
    found = torch.empty(count, dtype=torch.int32, device=x.device)
    _gather[(count,)](products, bias.float() + slack, norm, beta, bound, cand, found, m, most, BLOCK=1_024)
    scores = torch.full((count, most), -torch.inf, dtype=torch.float64, device=x.device)
    _score[(count,)](x, weights, bias, cand, found, scores, d, most, D=triton.next_power_of_2(d))
    values, slots = scores.topk(k, sorted=True)
    indices = cand.gather(1, slots).long()
    crowded = (found > most).nonzero()[:, 0]
    for some in crowded.split(64):
        every = x[some].double() @ weights.double().T + bias.double()
        values[some], indices[some] = every.topk(k, sorted=True)
    return indices, values.clamp_min(0).to(x.dtype)


def _product(narrow: torch.Tensor, half: torch.Tensor) -> torch.Tensor:
    """bfloat16 [R, m], summed in float32 as the bounds assume."""
    settings = torch.backends.cuda.matmul
    before = settings.allow_bf16_reduced_precision_reduction
    settings.allow_bf16_reduced_precision_reduction = False
    try:
        return narrow @ half.T
    finally:
        settings.allow_bf16_reduced_precision_reduction = before
