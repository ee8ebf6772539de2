"""Settings of a sparse autoencoder and of its training."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class SaeConfig:
    """A TopK SAE (Gao et al. 2024, "Scaling and evaluating sparse autoencoders")."""

    d_in: int
    """Width of the embedding."""
    d_sae: int
    """Features of the dictionary."""
    k: int = 15
    """Active features a token."""
    tokens: str = "patch"
    """cls or patch: which tokens it reads."""
    lr: float = 2e-3
    """Adam's, reached after the warm-up, falling linearly over the last fifth."""
    steps: int = 3_000
    """At most; training stops early when validation patients stop gaining."""
    batch: int = 2_048
    """Tokens a step; fewer where the training split is small."""
    warmup: int = 100
    aux_k: int = 64
    """Dead features that rebuild the residual, so that they come back to life."""
    aux_weight: float = 1 / 32
    dead_after: int = 200_000
    """Tokens without firing after which a feature counts as dead in training."""
    check_every: int = 200
    """Steps between looks at the validation patients."""
    patience: int = 3
    """Looks without gain before training stops."""
    seed: int = 0
