"""The stepper for TopK without a dense backward; what it does is in saerad_core.sae.step.

Screen (products in bfloat16 where the processor has it), choose the true top k, rebuild, sort the slots by feature; then
one pass measures the gradients (for clipping) and one computes them again and applies them, so that no gradient is
ever written to memory. The result doesn't depend on the number of threads.
"""

from __future__ import annotations

import numpy as np
import torch

from saerad_core.sae import parallel
from saerad_core.sae.adam import BETAS, EPS, LazyAdam
from saerad_core.sae.base import Sae
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.sparse.threads import spans, team
from saerad_core.sae.sparse.topk import Found, screened, top_k
from saerad_core.sae.sparse.update import PARTS, by_feature, measure, remainder, update
from saerad_core.sae.step import StepStats


def sparse_stepper(sae: Sae, config: SaeConfig) -> SparseStepper | None:
    """The sparse stepper, where it can stand in for the dense one: on the CPU, in one process, with a free decoder."""
    fits = sae.b_dec.device.type == "cpu" and parallel.world() == 1 and not config.archetypes
    return SparseStepper(sae, config) if fits else None


class SparseStepper:
    """For TopKSae on the CPU; float32, or float64 for checks. Updates the SAE's parameters in place.

    Whoever changes the parameters from outside calls ``refresh``.
    """

    def __init__(self, sae: Sae, config: SaeConfig, *, half: bool | None = None, threads: int | None = None) -> None:
        """``half``: screen in bfloat16 (None: where it is fast); ``threads``: None: as many as torch uses."""
        self.sae = sae
        self.config = config
        self._half, self._team = half, team(threads)
        # A feature a row in memory, as Sae lays it out.
        sae.W_enc.data = sae.W_enc.data.T.contiguous().T
        sae.W_dec.data = sae.W_dec.data.contiguous()
        self.adam = LazyAdam(sae)
        self.silent_for = torch.zeros(config.d_sae)
        """Tokens since each feature fired."""
        self.refresh()

    def refresh(self) -> None:
        """Take in parameters that were changed from outside."""
        sae, first, second = self.sae, self.adam.first, self.adam.second
        self._enc, self._dec = sae.W_enc.detach().T.numpy(), sae.W_dec.detach().numpy()
        self._bias, self._b_dec = sae.b_enc.detach().numpy(), sae.b_dec.detach().numpy()
        self._encoder = screened(self._enc, self._bias, self._half)
        half = self._encoder.half
        self._copy = np.empty((0, 1), np.int16) if half is None else half.view(torch.int16).numpy()
        self._moments = (
            first["W_enc"].T.numpy(), second["W_enc"].T.numpy(), first["W_dec"].numpy(), second["W_dec"].numpy(),
            first["b_enc"].numpy(), second["b_enc"].numpy(),
        )  # fmt: skip

    def step(self, x: torch.Tensor, lr: float) -> StepStats:
        """Learn from scaled tokens [B, d]."""
        config, tokens = self.config, np.ascontiguousarray(x.detach().numpy())
        batch, d = tokens.shape
        dead = np.flatnonzero(self.silent_for.numpy() >= config.dead_after).astype(np.int32)
        centred = tokens - self._b_dec
        aux = bool(len(dead) and config.aux_k)
        errors = np.empty((2 * batch if aux else batch, d), tokens.dtype)
        found = top_k(centred, self._encoder, config.k, threads=self._team.size)
        squares = self._remainder(centred, np.zeros_like(self._b_dec), found, errors[:batch])
        spread = max(float(((tokens - tokens.mean(0)) ** 2).sum(1, dtype=np.float64).mean()), 1e-8)
        main = squares / spread
        loss, scales = main, np.array([-2 / (batch * spread), 0.0], tokens.dtype)
        revived = Found(np.empty((0, 0), np.int32), np.empty((0, 0), tokens.dtype), np.empty(0, np.int32))
        if aux:
            revived = top_k(centred, self._encoder, config.aux_k, dead, threads=self._team.size)
            left = self._remainder(errors[:batch], np.zeros_like(self._b_dec), revived, errors[batch:])
            size = max(squares, 1e-8)
            loss += config.aux_weight * left / size
            scales[1] = -2 * config.aux_weight / (batch * size)
        self._learn(centred, found, revived, errors, scales, lr)
        fired = np.unique(found.indices[np.arange(found.indices.shape[1]) < found.active[:, None]])
        self.silent_for += batch
        self.silent_for[torch.from_numpy(fired).long()] = 0
        return StepStats(float(loss), float(1 - main), float(found.active.mean()), len(dead))

    def _remainder(self, x: np.ndarray, bias: np.ndarray, found: Found, out: np.ndarray) -> float:
        """Fill ``out`` with what the codes leave over of x; its mean squared length."""
        squares = np.empty(len(x))
        self._team.run(
            lambda lo, hi: remainder(
                x[lo:hi], self._dec, bias, found.indices[lo:hi], found.values[lo:hi], found.active[lo:hi], out[lo:hi],
                squares[lo:hi],
            ),
            spans(len(x), 128),
        )  # fmt: skip
        return float(squares.mean())

    def _learn(
        self, x: np.ndarray, found: Found, revived: Found, errors: np.ndarray, scales: np.ndarray, lr: float
    ) -> None:
        features, starts, rows, values = by_feature(len(self._bias), *found, *revived)
        slopes, sums = np.zeros_like(values), np.zeros(len(features), values.dtype)
        edges = np.searchsorted(starts, np.linspace(0, starts[-1], PARTS + 1)).clip(0, len(features))
        parts = [(lo, hi) for lo, hi in zip(edges, edges[1:], strict=False) if hi > lo]
        slots = (features, starts, rows, values, scales, errors, x)

        def look(lo: int, hi: int) -> tuple[float, np.ndarray]:
            shift = np.zeros(x.shape[1])
            return measure(lo, hi, *slots, self._enc, self._dec, slopes, sums, shift), shift

        measured = self._team.run(look, parts)
        to_b_dec = errors[: len(x)].sum(0, dtype=np.float64) * float(scales[0])
        for _, shift in measured:
            to_b_dec += shift
        norm = (sum(square for square, _ in measured) + float(to_b_dec @ to_b_dec)) ** 0.5
        clip = min(1.0, self.config.clip / (norm + 1e-6)) if self.config.clip else 1.0
        if not np.isfinite(norm):
            clip = float("nan")
        keep = np.array([BETAS[0], 1 - BETAS[0], BETAS[1], 1 - BETAS[1]], x.dtype)
        kind = x.dtype.type
        self._team.run(
            lambda lo, hi: update(
                lo, hi, *slots, slopes, sums, kind(clip), lr, keep, kind(EPS), self._enc, self._dec, self._bias,
                self._moments, self.adam.updates.numpy(), self._copy, self._encoder.norm, self.sae.unit_decoder,
            ),
            parts,
        )  # fmt: skip
        self.adam.steps += 1
        first, second = self.adam.first["b_dec"].numpy(), self.adam.second["b_dec"].numpy()
        gradient = (to_b_dec * clip).astype(x.dtype)
        first += keep[1] * (gradient - first)
        second *= keep[2]
        second += keep[3] * gradient * gradient
        size = np.sqrt(second / (1 - BETAS[1] ** self.adam.steps)) + EPS
        self._b_dec -= (lr / (1 - BETAS[0] ** self.adam.steps) * (first / size)).astype(x.dtype)

    def sync(self) -> None:
        """Nothing to do: the parameters are trained in place."""

    def state_dict(self) -> dict[str, torch.Tensor]:
        """As DenseStepper's for TopK: either goes on from the other's."""
        state = {f"sae.{name}": value for name, value in self.sae.state_dict().items()}
        state |= {f"adam.{name}": value for name, value in self.adam.state_dict().items()}
        return state | {"silent_for": self.silent_for}

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Go on exactly where state_dict() was taken."""
        self.sae.load_state_dict({k.removeprefix("sae."): v for k, v in state.items() if k.startswith("sae.")})
        self.adam.load_state_dict({k.removeprefix("adam."): v for k, v in state.items() if k.startswith("adam.")})
        self.silent_for.copy_(state["silent_for"])
        self.refresh()
