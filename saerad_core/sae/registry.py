"""Which architectures there are. A new one is a file and a line here."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from saerad_core.errors import SaeRadError
from saerad_core.sae.base import Sae
from saerad_core.sae.batch_topk import BatchTopKSae
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.dense import DenseStepper
from saerad_core.sae.gated import GatedSae
from saerad_core.sae.jumprelu import JumpReluSae
from saerad_core.sae.matryoshka import MatryoshkaSae
from saerad_core.sae.sparse.step_batch_topk import BatchTopKStepper
from saerad_core.sae.sparse.step_gated import GatedStepper
from saerad_core.sae.sparse.step_jumprelu import JumpReluStepper
from saerad_core.sae.sparse.step_matryoshka import MatryoshkaStepper
from saerad_core.sae.sparse.step_topk import topk_stepper
from saerad_core.sae.step import Stepper
from saerad_core.sae.topk import TopKSae


class Architecture(NamedTuple):
    """An SAE and what trains it fast."""

    sae: type[Sae]
    sparse_stepper: Callable[[Sae, SaeConfig], Stepper | None] | None = None
    """Makes the stepper that skips the dense backward, or None where the device or the settings have none."""


REGISTRY: dict[str, Architecture] = {
    "topk": Architecture(TopKSae, topk_stepper),
    "batch_topk": Architecture(BatchTopKSae, BatchTopKStepper.where_it_fits),
    "matryoshka": Architecture(MatryoshkaSae, MatryoshkaStepper.where_it_fits),
    "jumprelu": Architecture(JumpReluSae, JumpReluStepper.where_it_fits),
    "gated": Architecture(GatedSae, GatedStepper.where_it_fits),
}


def make(config: SaeConfig) -> Sae:
    """An untrained SAE of config.architecture.

    Raises:
        SaeRadError: there is no such architecture.
    """
    if config.architecture not in REGISTRY:
        raise SaeRadError(f"There is no architecture {config.architecture!r}; take one of {', '.join(REGISTRY)}.")
    return REGISTRY[config.architecture].sae(config)


def stepper_for(sae: Sae, config: SaeConfig) -> Stepper:
    """The sparse stepper where there is one for the architecture, the settings and the device; else the dense one."""
    sparse = REGISTRY[config.architecture].sparse_stepper
    stepper = sparse(sae, config) if sparse is not None else None
    return stepper or DenseStepper(sae, config)
