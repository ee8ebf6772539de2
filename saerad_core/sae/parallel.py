"""Several processes that train as one (torchrun): what must be agreed on. Without them everything here does nothing."""

from __future__ import annotations

import torch
from torch import distributed


def world() -> int:
    """Processes that train together."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def rank() -> int:
    """This process's number among them."""
    return distributed.get_rank() if world() > 1 else 0


def mean(value: torch.Tensor) -> torch.Tensor:
    """Mean over the processes; for values that no gradient flows through."""
    if world() == 1:
        return value
    value = value.detach().clone()
    distributed.all_reduce(value)
    return value / world()


def any_of(mask: torch.Tensor) -> torch.Tensor:
    """Where a bool mask is true in any process."""
    if world() == 1:
        return mask
    count = mask.to(torch.int32)
    distributed.all_reduce(count)
    return count > 0


def gathered(value: torch.Tensor) -> torch.Tensor:
    """The processes' tensors of one shape, one after another along the first axis."""
    if world() == 1:
        return value
    parts = [torch.empty_like(value) for _ in range(world())]
    distributed.all_gather(parts, value.contiguous())
    return torch.cat(parts)
