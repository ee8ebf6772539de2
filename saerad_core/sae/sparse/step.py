"""What the steppers without a dense backward share; what a step does is in saerad_core.sae.step.

Screen (products in bfloat16 where the processor has it), choose exactly the features that the architecture makes active,
rebuild, sort the slots by feature; then one pass measures the gradients (for clipping) and one computes them again and
applies them, so that no gradient is ever written to memory. The result doesn't depend on the number of threads.

Where so many features are active that dense products are faster, the step is the dense one, from the same state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from saerad_core.sae import parallel
from saerad_core.sae.adam import BETAS, EPS
from saerad_core.sae.base import Sae
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.dense import DenseStepper
from saerad_core.sae.sparse.slots import Slots, Sorted, by_feature, nothing, slots_of
from saerad_core.sae.sparse.threads import spans, team
from saerad_core.sae.sparse.topk import screened, top_k
from saerad_core.sae.sparse.update import PARTS, measure, remainder, update
from saerad_core.sae.step import StepStats

ROWS = 128
"""Tokens rebuilt at once."""


class _Gradient(NamedTuple):
    """What a step's measuring leaves for its update; the names are those of saerad_core.sae.sparse.update."""

    pulls: np.ndarray
    slopes: np.ndarray
    sums: np.ndarray
    """[S, F], of the scalars."""
    to_b_dec: np.ndarray
    """float64 [d]."""
    clip: float


class SparseStepper(DenseStepper):
    """On the CPU; float32, or float64 for checks. Updates the SAE's parameters in place; state as DenseStepper's.

    Whoever changes the parameters from outside calls ``refresh``. An architecture says in a subclass which features are
    active and, where its loss isn't the plain one, how that is computed.
    """

    bias = "b_enc"
    """Parameter in the pre-activations."""
    scalars = ("b_enc",)
    """Parameters with one entry a feature, in the order in which gradients fills them."""
    losses = 1
    """Times that a batch is rebuilt, not counting the auxiliary loss."""
    whole = 0
    """Which of them is the code's."""
    crowded = 1 / 3
    """Share of the dictionary active on a token above which the dense step is faster, for architectures that can be so."""

    def __init__(self, sae: Sae, config: SaeConfig, *, half: bool | None = None, threads: int | None = None) -> None:
        """``half``: screen in bfloat16 (None: where it is fast); ``threads``: None: as many as torch uses."""
        # A feature a row in memory, as Sae lays it out.
        sae.W_enc.data = sae.W_enc.data.T.contiguous().T
        sae.W_dec.data = sae.W_dec.data.contiguous()
        super().__init__(sae, config)
        self._half, self.team = half, team(threads)
        self.refresh()

    @classmethod
    def where_it_fits(cls, sae: Sae, config: SaeConfig) -> SparseStepper | None:
        """The sparse stepper, where it can stand in for the dense one: on the CPU, in one process, with a free decoder."""
        fits = sae.b_dec.device.type == "cpu" and parallel.world() == 1 and not config.archetypes
        return cls(sae, config) if fits else None

    def refresh(self) -> None:
        """Take in parameters that were changed from outside."""
        first, second = self.adam.first, self.adam.second
        self.enc, self.dec = self.sae.W_enc.detach().T.numpy(), self.sae.W_dec.detach().numpy()
        self.encoder = screened(self.enc, self.parameter(self.bias), self._half)
        half = self.encoder.half
        self._copy = np.empty((0, 1), np.int16) if half is None else half.view(torch.int16).numpy()
        self._moments = (
            first["W_enc"].T.numpy(), second["W_enc"].T.numpy(), first["W_dec"].numpy(), second["W_dec"].numpy(),
        )  # fmt: skip

    def parameter(self, name: str) -> np.ndarray:
        """A parameter's own memory."""
        return self.sae.get_parameter(name).detach().numpy()

    # What an architecture says.

    def choose(self, x: np.ndarray) -> Slots | None:
        """The slots of tokens [B, d] (less the decoder's bias); None where the dense step is to do it."""
        raise NotImplementedError

    def code(self, slots: Slots) -> np.ndarray:
        """[n] activations, the values themselves unless the architecture makes them otherwise."""
        return slots.values

    def rebuild(self, x: np.ndarray, slots: Slots, errors: np.ndarray) -> np.ndarray:
        """Fill errors [losses, B, d] with what is left over of x; mean squared lengths float64 [losses]."""
        return np.array([self.remainder(x, slots, self.code(slots), errors[0])])

    def loss(self, squares: np.ndarray, spread: float, slots: Slots) -> float:
        """Total but for the auxiliary loss; ``spread``: the batch's variance."""
        return float(squares.sum()) / spread

    def fold(self, errors: np.ndarray) -> None:
        """Change errors [losses, B, d] from what is left over to what features learn from."""

    def rows(self, found: Sorted, batch: int) -> np.ndarray:
        """Error rows of the slots."""
        return found.rows

    def gradients(self, batch: int) -> Callable[..., float]:
        """A kernel as measure (lo, hi, features, ..., pulls, slopes, sums, shift)."""
        return measure

    # The step.

    def step(self, x: torch.Tensor, lr: float) -> StepStats:
        """Learn from scaled tokens [B, d]."""
        config, tokens = self.config, np.ascontiguousarray(x.detach().numpy())
        batch, d = tokens.shape
        centred = tokens - self.parameter("b_dec")
        slots = self.choose(centred)
        if slots is None:
            stats = super().step(x, lr)
            self.refresh()
            return stats
        silent = self.silent_for >= config.dead_after
        dead = np.flatnonzero(silent.numpy()).astype(np.int32)
        aux = bool(len(dead) and config.aux_k)
        errors = np.empty((self.losses + aux, batch, d), tokens.dtype)
        squares = self.rebuild(centred, slots, errors[: self.losses])
        spread = max(float(((tokens - tokens.mean(0)) ** 2).sum(1, dtype=np.float64).mean()), 1e-8)
        loss, scales = self.loss(squares, spread, slots), np.full(len(errors), -2 / (batch * spread), tokens.dtype)
        revived, left = nothing(tokens.dtype), squares[self.whole]
        if aux:
            revived = slots_of(top_k(centred, self.encoder, config.aux_k, dead, threads=self.team.size))
            size = max(left, 1e-8)
            rest = self.remainder(errors[self.whole], revived, revived.values, errors[-1])
            loss += config.aux_weight * rest / size
            scales[-1] = -2 * config.aux_weight / (batch * size)
        self.fold(errors[: self.losses])
        # Before the parameters that make the code change.
        fired, count = self._fired(slots)
        penalty = self.controller.penalty * self.sae.steered
        self._learn(centred, by_feature(config.d_sae, slots, revived, self.losses * batch), errors, scales, lr)
        self.sae.coax(silent, lr)
        self.silent_for += batch
        self.silent_for[torch.from_numpy(fired)] = 0
        if self.sae.steered:
            self.controller.update(count / batch, lr / config.lr)
        return StepStats(float(loss), float(1 - left / spread), count / batch, len(dead), penalty)

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Go on exactly where state_dict() was taken, of this or of a DenseStepper."""
        super().load_state_dict(state)
        self.refresh()

    def remainder(self, x: np.ndarray, slots: Slots, values: np.ndarray, out: np.ndarray) -> float:
        """Fill ``out`` with what ``values`` in the slots leave over of x; its mean squared length."""
        squares = np.empty(len(x))
        self.team.run(
            lambda lo, hi: remainder(
                x[lo:hi], self.dec, slots.first[lo:hi], slots.active[lo:hi], slots.indices, values, out[lo:hi],
                squares[lo:hi],
            ),
            spans(len(x), ROWS),
        )  # fmt: skip
        return float(squares.mean())

    def _fired(self, slots: Slots) -> tuple[np.ndarray, int]:
        """bool [m]: features active on a token; and how many activations there are."""
        ends = np.cumsum(slots.active, dtype=np.int64)
        at = np.arange(ends[-1]) + np.repeat(slots.first - ends + slots.active, slots.active)
        on = slots.indices[at[self.code(slots)[at] > 0]]
        fired = np.zeros(self.config.d_sae, bool)
        fired[on] = True
        return fired, len(on)

    def _learn(self, x: np.ndarray, found: Sorted, errors: np.ndarray, scales: np.ndarray, lr: float) -> None:
        found = found._replace(rows=self.rows(found, len(x)))
        gradient = self._measure(x, found, errors, scales)
        self._update(x, found, errors, gradient, lr)

    def _measure(self, x: np.ndarray, found: Sorted, errors: np.ndarray, scales: np.ndarray) -> _Gradient:
        d, features, starts = x.shape[1], found.features, found.starts
        pulls, slopes = np.zeros_like(found.values), np.zeros_like(found.values)
        sums = np.zeros((len(self.scalars), len(features)), x.dtype)
        flat = errors.reshape(-1, d)
        kernel = self.gradients(len(x))

        def look(lo: int, hi: int) -> tuple[float, np.ndarray]:
            shift = np.zeros(d)
            squares = kernel(
                lo, hi, features, starts, found.rows, found.values, scales, flat, x, self.enc, self.dec, pulls, slopes, sums,
                shift,
            )  # fmt: skip
            return squares, shift

        measured = self.team.run(look, _parts(found))
        to_b_dec = errors[0].sum(0, dtype=np.float64) * float(scales[0])
        for _, shift in measured:
            to_b_dec += shift
        squares = sum(square for square, _ in measured) + float(np.square(sums, dtype=np.float64).sum())
        norm = (squares + float(to_b_dec @ to_b_dec)) ** 0.5
        clip = min(1.0, self.config.clip / (norm + 1e-6)) if self.config.clip else 1.0
        if not np.isfinite(norm):
            clip = float("nan")
        return _Gradient(pulls, slopes, sums, to_b_dec, clip)

    def _update(self, x: np.ndarray, found: Sorted, errors: np.ndarray, gradient: _Gradient, lr: float) -> None:
        features, clip, flat = found.features, gradient.clip, errors.reshape(-1, x.shape[1])
        keep = np.array([BETAS[0], 1 - BETAS[0], BETAS[1], 1 - BETAS[1]], x.dtype)
        kind = x.dtype.type
        self.team.run(
            lambda lo, hi: update(
                lo, hi, features, found.starts, found.rows, gradient.pulls, gradient.slopes, flat, x,
                kind(clip), lr, keep, kind(EPS), self.enc, self.dec, self._moments, self.adam.updates.numpy(), self._copy, self.encoder.norm,
                self.sae.unit_decoder,
            ),
            _parts(found),
        )  # fmt: skip
        self.adam.steps += 1
        counts = self.adam.updates.numpy()[features].astype(np.float64)
        for name, sums in zip(self.scalars, gradient.sums, strict=True):
            rate = lr * self.sae.pace.get(name, 1.0)
            self._adam(name, features, sums * kind(clip), counts, rate, keep)
        self._adam("b_dec", slice(None), (gradient.to_b_dec * clip).astype(x.dtype), float(self.adam.steps), lr, keep)

    def _adam(
        self,
        name: str,
        at: np.ndarray | slice,
        gradient: np.ndarray,
        counts: np.ndarray | float,
        lr: float,
        keep: np.ndarray,
    ) -> None:
        """Adam's step of the entries ``at`` of a parameter [m] or [d], ``counts`` updates after this one."""
        weight, first, second = self.parameter(name), self.adam.first[name].numpy(), self.adam.second[name].numpy()
        first[at] += keep[1] * (gradient - first[at])
        second[at] = second[at] * keep[2] + keep[3] * gradient * gradient
        size = np.sqrt(second[at] / (1 - BETAS[1] ** counts)) + EPS
        weight[at] -= (lr / (1 - BETAS[0] ** counts) * (first[at] / size)).astype(weight.dtype)


def _parts(found: Sorted) -> list[tuple[int, int]]:
    """Ranges of features with about as many slots each."""
    features = len(found.features)
    edges = np.searchsorted(found.starts, np.linspace(0, found.starts[-1], PARTS + 1)).clip(0, features)
    return [(int(lo), int(hi)) for lo, hi in zip(edges, edges[1:], strict=False) if hi > lo]
