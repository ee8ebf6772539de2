"""Settings of a sparse autoencoder and of its training."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class SaeConfig:
    """One dictionary and how it is trained; the architecture's own module says what it takes from here."""

    d_in: int
    """Width of the embedding."""
    d_sae: int
    """Features of the dictionary."""
    k: int = 15
    """Active features a token: exactly (topk) or on average (batch_topk, matryoshka). gated and jumprelu aim at target_l0."""
    tokens: str = "patch"
    """cls or patch: which tokens it reads."""
    pool: str = "max"
    """max or mean: what of a patch dictionary's codes over an X-ray's patches is the X-ray's. Training doesn't depend on it."""
    lr: float = 2e-3
    """Adam's, reached after the warm-up, falling linearly over the last fifth."""
    steps: int = 3_000
    """At most; training stops early when validation patients stop gaining."""
    batch: int = 2_048
    """Tokens a step; fewer where the training split is small."""
    warmup: int = 100
    """Steps over which the learning rate rises."""
    aux_k: int = 64
    """Dead features that rebuild the residual, so that they come back to life."""
    aux_weight: float = 1 / 8
    """Of that loss, beside the squared error. On a known dictionary 1/8 with a short dead_after found more of the rare
    directions than Gao et al.'s 1/32 with a long one (benchmarks.sae_quality)."""
    dead_after: int = 15_000
    """Tokens without firing after which a feature counts as dead in training. A third of it left an eighth of the features dead
    for good: busy rebuilding what is left over, they never win a place among the k."""
    check_every: int = 200
    """Steps between looks at the validation patients."""
    patience: int = 3
    """Looks without gain before training stops."""
    seed: int = 0
    """Of the start, the order of tokens and nothing else: training draws no other random number."""
    architecture: str = "topk"
    """Name in saerad_core.sae.registry."""
    centre: str = "mean"
    """Where b_dec starts: mean, or median (the geometric one, which outliers don't move)."""
    clip: float = 1.0
    """Largest global norm of a step's gradients; 0 leaves them as they are."""
    target_l0: float | None = None
    """Mean active features a token that gated and jumprelu are steered to; None takes k."""
    penalty: float = 0.5
    """Steered weight of gated's and jumprelu's sparsity loss after the warm-up; the controller changes it (saerad_core.sae.controller)."""
    bandwidth: float = 0.1
    """Width of jumprelu's kernel around a threshold, in units of scaled pre-activations."""
    prefixes: tuple[float, ...] = (1 / 32, 3 / 32, 7 / 32, 15 / 32, 1.0)
    """Shares of the dictionary that matryoshka makes rebuild tokens by themselves."""
    archetypes: int = 0
    """Data points that an archetypal decoder mixes its rows from; 0 leaves the decoder free."""
    relaxation: float = 1.0
    """Longest distance of an archetypal decoder's row from its mix, in units of scaled tokens (their mean length is sqrt(d_in))."""
