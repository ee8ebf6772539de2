"""TopK's sparse step on a GPU; what it does is in saerad_core.sae.step.

Only imported where there is a GPU and triton is installed. With TRITON_INTERPRET=1 the kernels run on the CPU, for tests.
"""

# A machine without a GPU needn't have triton, and a kernel is called as kernel[grid](...).
# pyright: reportMissingImports=false, reportIndexIssue=false, reportCallIssue=false

from __future__ import annotations

import torch
import triton

from saerad_core.sae.adam import BETAS, EPS
from saerad_core.sae.base import Sae
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.dense import DenseStepper
from saerad_core.sae.sparse import triton_update as kernels
from saerad_core.sae.sparse.triton_select import lengths_up, top_k
from saerad_core.sae.step import StepStats


class TritonStepper(DenseStepper):
    """For TopKSae; state as DenseStepper's. Whoever changes the parameters from outside calls ``refresh``."""

    def __init__(self, sae: Sae, config: SaeConfig) -> None:
        # A feature a row in memory, as Sae lays it out.
        sae.W_enc.data = sae.W_enc.data.T.contiguous().T
        sae.W_dec.data = sae.W_dec.data.contiguous()
        super().__init__(sae, config)
        self.refresh()

    def refresh(self) -> None:
        """Take in parameters that were changed from outside."""
        self._enc = self.sae.W_enc.detach().T
        self._half, self._norm = self._enc.bfloat16(), lengths_up(self._enc)

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Go on exactly where state_dict() was taken, of this or of a DenseStepper."""
        super().load_state_dict(state)
        self.refresh()

    @torch.no_grad()
    def step(self, x: torch.Tensor, lr: float) -> StepStats:
        """Learn from scaled tokens [B, d]."""
        config, sae, batch = self.config, self.sae, len(x)
        dead = (self.silent_for >= config.dead_after).nonzero()[:, 0]
        aux = min(config.aux_k, len(dead))
        centred = (x - sae.b_dec).contiguous()
        errors = x.new_empty((1 + bool(aux)) * batch, config.d_in)
        slots = [top_k(centred, self._enc, self._half, sae.b_enc, self._norm, config.k)]
        left = self._remainder(centred, *slots[0], errors[:batch])
        spread = (x - x.mean(0)).square().sum(1).mean().clamp_min(1e-8)
        explained = left / spread
        loss, scales = explained, [-2 / (batch * spread)]
        if aux:
            pre = torch.addmm(sae.b_enc[dead], centred, self._enc[dead].T)
            values, picks = pre.topk(aux, sorted=False)
            slots.append((dead[picks], values.clamp_min(0)))
            size = left.clamp_min(1e-8)
            loss = loss + config.aux_weight * self._remainder(errors[:batch], *slots[1], errors[batch:]) / size
            scales.append(-2 * config.aux_weight / (batch * size))
        self._learn(centred, slots, errors, torch.stack(scales), lr)
        indices, values = slots[0]
        self.silent_for += batch
        self.silent_for[indices[values > 0]] = 0
        figures = torch.stack([loss, 1 - explained, (values > 0).sum() / batch]).tolist()
        return StepStats(*figures, len(dead))

    def _remainder(
        self, x: torch.Tensor, indices: torch.Tensor, values: torch.Tensor, out: torch.Tensor
    ) -> torch.Tensor:
        """Fill ``out`` with what the slots leave over of x; its mean squared length."""
        squares = x.new_empty(len(x))
        width = triton.next_power_of_2(x.shape[1])
        shape = x.shape[1], indices.shape[1]
        kernels.remainder[(len(x),)](
            x, self.sae.W_dec, indices.contiguous(), values.contiguous(), out, squares, *shape, D=width
        )
        return squares.mean()

    def _learn(
        self,
        x: torch.Tensor,
        slots: list[tuple[torch.Tensor, torch.Tensor]],
        errors: torch.Tensor,
        scales: torch.Tensor,
        lr: float,
    ) -> None:
        sae, adam, m, (batch, d) = self.sae, self.adam, self.config.d_sae, x.shape
        starts, rows, values = _by_feature(slots, m, batch)
        slopes, sums, squares = torch.empty_like(values), x.new_zeros(m), x.new_zeros(m)
        shape = {"SLOTS": kernels.SLOTS, "D": triton.next_power_of_2(d)}
        kernels.measure[(m,)](
            starts, rows, values, scales, errors, x, sae.W_dec, slopes, sums, squares, batch, d, **shape
        )
        to_b_dec = errors[:batch].sum(0) * scales[0] - sums @ self._enc
        norm = (squares.sum() + sums.square().sum() + to_b_dec.square().sum()).sqrt()
        clip = (self.config.clip / (norm + 1e-6)).clamp_max(1.0) if self.config.clip else torch.ones_like(norm)
        adam.steps += 1
        touched = starts[1:] > starts[:-1]
        adam.updates += touched
        counts = adam.updates.double().clamp_min(1)
        rates = (lr / (1 - BETAS[0] ** counts)).to(x.dtype)
        roots = (1 - BETAS[1] ** counts).rsqrt().to(x.dtype)
        first, second = adam.first, adam.second
        kernels.update[(m,)](
            starts, rows, values, slopes, scales, errors, x, clip, rates, roots, self._enc, sae.W_dec,
            first["W_enc"].T, second["W_enc"].T, first["W_dec"], second["W_dec"], self._half, self._norm, batch, d,
            B1=BETAS[0], B2=BETAS[1], EPS=EPS, **shape,
        )  # fmt: skip
        self._adam("b_enc", sums * clip, rates, roots, touched)
        one = 1 - BETAS[0] ** adam.steps, (1 - BETAS[1] ** adam.steps) ** -0.5
        self._adam("b_dec", to_b_dec * clip, lr / one[0], one[1], torch.ones_like(to_b_dec, dtype=torch.bool))

    def _adam(
        self,
        name: str,
        gradient: torch.Tensor,
        rate: torch.Tensor | float,
        root: torch.Tensor | float,
        touched: torch.Tensor,
    ) -> None:
        weight, first, second = self.sae.get_parameter(name), self.adam.first[name], self.adam.second[name]
        first.copy_(torch.where(touched, BETAS[0] * first + (1 - BETAS[0]) * gradient, first))
        second.copy_(torch.where(touched, BETAS[1] * second + (1 - BETAS[1]) * gradient * gradient, second))
        weight.sub_(torch.where(touched, rate * first / (second.sqrt() * root + EPS), 0.0))


def _by_feature(
    slots: list[tuple[torch.Tensor, torch.Tensor]], m: int, batch: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """int64 [m + 1] where each feature's slots begin, int64 [n] rows of the errors, [n] values; silent slots come last."""
    features, rows, values = [], [], []
    for loss, (indices, strengths) in enumerate(slots):
        features.append(torch.where(strengths > 0, indices, m).flatten())
        tokens = torch.arange(batch, device=indices.device) + loss * batch
        rows.append(tokens.repeat_interleave(indices.shape[1]))
        values.append(strengths.flatten())
    keys, order = torch.cat(features).sort(stable=True)
    starts = torch.searchsorted(keys, torch.arange(m + 1, device=keys.device))
    return starts, torch.cat(rows)[order], torch.cat(values)[order]
