"""The stepper for any architecture: the dense loss and autograd."""

from __future__ import annotations

import torch
from torch.nn.utils import parametrize

from saerad_core.sae import parallel
from saerad_core.sae.adam import LazyAdam
from saerad_core.sae.base import Context, Sae
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.controller import L0Controller
from saerad_core.sae.step import StepStats


class DenseStepper:
    """See saerad_core.sae.step; several processes (torchrun) each take their share of a batch and learn as one."""

    def __init__(self, sae: Sae, config: SaeConfig) -> None:
        self.sae = sae
        self.config = config
        self.adam = LazyAdam(sae)
        self.silent_for = torch.zeros(config.d_sae, device=sae.b_dec.device)
        """Tokens since each feature fired."""
        self.controller = L0Controller(config.target_l0 or config.k, config.penalty, config.warmup)

    def step(self, x: torch.Tensor, lr: float) -> StepStats:
        """Learn from this process's share of the batch, float32 [B, d]."""
        sae = self.sae.train()
        dead = self.silent_for >= self.config.dead_after
        penalty = self.controller.penalty
        with parametrize.cached():
            loss = sae.loss(x, Context(dead, penalty))
            for parameter in self.adam.parameters.values():
                parameter.grad = None
            loss.total.backward()
        with torch.no_grad():
            for parameter in self.adam.parameters.values():
                if parameter.grad is not None and parallel.world() > 1:
                    parameter.grad.copy_(parallel.mean(parameter.grad))
            if self.config.clip:
                torch.nn.utils.clip_grad_norm_(self.adam.parameters.values(), self.config.clip)
            if sae.unit_decoder:
                _project(sae)
            self.adam.step(lr, parallel.any_of(loss.touched))
            if sae.unit_decoder:
                sae.normalise()
            sae.coax(dead, lr)
            self.silent_for += len(x) * parallel.world()
            self.silent_for[parallel.any_of(loss.fired)] = 0
        l0 = float(parallel.mean(loss.l0))
        if sae.steered:
            self.controller.update(l0, lr / self.config.lr)
        return StepStats(
            float(parallel.mean(loss.total.detach())), float(loss.explained), l0, int(dead.sum()), penalty * sae.steered
        )

    def sync(self) -> None:
        """Nothing to do: the parameters are trained in place."""

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Parameters, Adam's state, silence and the controller's."""
        state = {f"sae.{name}": value for name, value in self.sae.state_dict().items()}
        state |= {f"adam.{name}": value for name, value in self.adam.state_dict().items()}
        steering = [self.controller.integral, self.controller.mean, self.controller.updates, self.controller.unseen]
        return state | {"silent_for": self.silent_for, "controller": torch.tensor(steering, dtype=torch.float64)}

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Go on exactly where state_dict() was taken."""
        self.sae.load_state_dict({k.removeprefix("sae."): v for k, v in state.items() if k.startswith("sae.")})
        self.adam.load_state_dict({k.removeprefix("adam."): v for k, v in state.items() if k.startswith("adam.")})
        self.silent_for.copy_(state["silent_for"])
        controller = self.controller
        controller.integral, controller.mean, updates, controller.unseen = state["controller"].tolist()
        controller.updates = int(updates)


@torch.no_grad()
def _project(sae: Sae) -> None:
    """Take the part along each decoder row out of its gradient: the row's length is fixed."""
    gradient = sae.W_dec.grad
    assert gradient is not None
    gradient -= (gradient * sae.W_dec).sum(1, keepdim=True) * sae.W_dec
