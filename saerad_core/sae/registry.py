"""Which architectures there are. A new one is a file and a line here."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from saerad_core.sae.base import Sae
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.step import Stepper
from saerad_core.sae.topk import TopKSae


class Architecture(NamedTuple):
    """An SAE and what trains it fast."""

    sae: type[Sae]
    sparse_stepper: Callable[[Sae, SaeConfig], Stepper | None] | None = None
    """Makes the stepper that skips the dense backward, or None where the device or the settings have none."""


REGISTRY: dict[str, Architecture] = {
    "topk": Architecture(TopKSae),
}
