"""SAE-Rad's hybrid: a gate says which features are active, a tied magnitude path says how strongly.

Taken from the gated SAE (Rajamanoharan et al. 2024): the gate pi = (x - b_dec) W_enc + b_gate and its Heaviside step; the
magnitude ReLU((x - b_dec) (W_enc * exp(r_mag)) + b_mag), tied to the gate by one rescaling a feature; the penalty on
ReLU(pi); and the auxiliary reconstruction from ReLU(pi) through a frozen copy of the decoder.

Taken from Conerly et al. (2024): no unit norm; each feature's penalty is weighted by the norm of its decoder row, so that
a longer row can't buy a smaller activation; the penalty's weight rises over a warm-up.

Our reading, since SAE-Rad's Eq. 4 and 9 weren't at hand:

- the norm-weighted penalty falls on the gate's activations, and **no gradient goes to the norms**. In Conerly et al. a row that
  shrinks has to be made up for by a larger activation, which the same penalty sees. Here r_mag makes up for it, which no
  penalty sees, so that rows shrink without end: on the known dictionary of benchmarks.sae_quality to a tenth in 300 steps,
  with .48 of the variance explained by 23 active features, where frozen norms had .81 by 13;
- the frozen copy in the auxiliary loss is of decoder and b_dec alike, and its weight is 1;
- the penalty's weight is steered to target_l0 (saerad_core.sae.controller) and divided by sqrt(d), the tokens' length;
- a gate that has been silent for config.dead_after tokens is opened by the learning rate a step, until it fires: the bias's part of
  the loss on dead features' pre-activations of Conerly et al. 2025, whose sign is all that Adam goes by. The auxiliary loss teaches a
  dead feature's decoder row but can't open its gate: without, .08 of the known dictionary's features stayed dead (with: .001);
- every gate starts open on the same share of tokens, twice the wanted one in all, the encoder as long as rebuilds tokens best
  (saerad_core.sae.start); with biases at 0 half of all gates are open, hundreds of features overshoot together, and the first
  thing that they learn is to shrink.

SAE-Rad expands by 64 and has about 15 active features; width and target_l0 set both here.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from saerad_core.sae.base import Context, Loss, Sae
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.losses import auxiliary, error_loss

EXPANSION = 64
"""Features for each dimension of the embedding, in the paper."""
PENALTY = 0.3
"""Of a steered weight of 1, in the loss."""

COAX = 1.0
"""Learning rates by which a dead feature's gate is opened, a step. At .3 two in 768 features of the known dictionary stay dead, at 1 one."""


class GatedSae(Sae):
    """See the module. b_gate and b_mag stand in the place of b_enc, as in SAELens."""

    steered = True

    def __init__(self, config: SaeConfig) -> None:
        super().__init__(config)
        del self.b_enc
        self.b_gate = nn.Parameter(torch.zeros(config.d_sae))
        self.b_mag = nn.Parameter(torch.zeros(config.d_sae))
        self.r_mag = nn.Parameter(torch.zeros(config.d_sae))

    @property
    def unit_decoder(self) -> bool:
        return False

    def pre_activations(self, x: torch.Tensor) -> torch.Tensor:
        """The gate before its step, [B, d] -> [B, m]."""
        return F.linear(x - self.b_dec, self.W_enc.T, self.b_gate)

    def activate(self, pre: torch.Tensor) -> torch.Tensor:
        # The paths share the product with W_enc.
        magnitude = F.relu((pre - self.b_gate) * self.r_mag.exp() + self.b_mag)
        return torch.where(pre > 0, magnitude, 0.0)

    def loss(self, x: torch.Tensor, context: Context) -> Loss:
        """Squared error + penalty * sum of gate x decoder norm / sqrt(d) + error of rebuilding from the gate + aux-k."""
        pre = self.pre_activations(x)
        code, gate = self.activate(pre), F.relu(pre)
        rebuilt = code @ self.W_dec + self.b_dec
        loss, explained = error_loss(x, rebuilt)
        sparsity = PENALTY * (gate @ self.W_dec.detach().norm(dim=1)).mean() / self.config.d_in**0.5
        gated, _ = error_loss(x, gate @ self.W_dec.detach() + self.b_dec.detach())
        aux, revived = auxiliary(self, pre, x - rebuilt, context.dead)
        total = loss + context.penalty * sparsity + gated + self.config.aux_weight * aux
        active = code.detach() > 0
        opened = (pre.detach() > 0).any(0)
        return Loss(total, explained, active.sum(1).float().mean(), active.any(0), opened | revived)

    def feature_gradient(self, x: torch.Tensor, feature_id: int) -> torch.Tensor:
        weight = self.W_enc[:, feature_id][None]
        return F.linear(x - self.b_dec, weight, self.b_gate[feature_id : feature_id + 1])[:, 0]

    @torch.no_grad()
    def open(self, floor: torch.Tensor) -> None:
        self.b_gate.copy_(-floor)

    @torch.no_grad()
    def coax(self, dead: torch.Tensor, lr: float) -> None:
        self.b_gate[dead] += COAX * lr

    @torch.no_grad()
    def unscale(self, scale: float) -> None:
        self.b_gate.div_(scale)
        self.b_mag.div_(scale)
        self.b_dec.div_(scale)
