"""A Dinov2 model run so that gradient x token is a relevance that adds up (layer-wise relevance propagation, LRP).

Bach et al. 2015 define the conservation law: what the tokens and the biases contribute sums to the output. Two sets of rules make a
transformer obey it, both written as gradients of a forward pass whose values are unchanged:

- ``cp`` (Ali et al. 2022, "XAI for Transformers: better explanations through conservative propagation"): attention weights and the
  scale of each layer norm are constants, GELU and SiLU multiply by a constant. The law holds exactly.
- ``attn`` (Achtibat et al. 2024, "AttnLRP"): relevance also goes through the softmax (its Taylor expansion, which is gradient x input),
  and every product of two activations is split half and half. The softmax doesn't conserve; the rest does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from transformers import Dinov2Model

RULES = ("cp", "attn")


class Run(NamedTuple):
    """One forward pass."""

    tokens: torch.Tensor
    """[B, 1 + P, d]: after patch and position embedding; gradients are kept."""
    last: torch.Tensor
    """[B, 1 + P, d]: after the final layer norm, the same numbers as the model's last_hidden_state."""
    attention: list[torch.Tensor]
    """[B, heads, 1 + P, 1 + P] of every layer, gradients kept where they were asked for."""
    values: list[torch.Tensor]
    """[B, heads, 1 + P, d / heads] of every layer."""


def run(model: Dinov2Model, batch: torch.Tensor, rule: str = "", keep_attention: bool = False) -> Run:
    """Run the model's own layers one after the other.

    Args:
        model: a Dinov2Model; its parameters need no gradient.
        batch: [B, C, S, S], as the encoder's preprocessing makes it.
        rule: one of RULES; "" for the plain gradient.
        keep_attention: keep gradients of the attention weights too; not with a rule that detaches them.
    """
    assert rule in ("", *RULES), rule
    with torch.no_grad():
        embedded = model.embeddings(batch)
    tokens = embedded.detach().requires_grad_()
    x, attention, values = tokens, [], []
    with torch.enable_grad():
        layer: Any  # transformers' layers have no types that a checker could use
        for layer in model.encoder.layer:
            attended, weights, value = _attend(layer.attention, _norm(layer.norm1, x, rule), rule)
            if keep_attention:
                weights.retain_grad()
            attention.append(weights)
            values.append(value)
            x = x + layer.layer_scale1(attended)
            x = x + layer.layer_scale2(_feed(layer.mlp, _norm(layer.norm2, x, rule), rule))
        last = _norm(model.layernorm, x, rule)
    return Run(tokens, last, attention, values)


def _norm(norm: nn.LayerNorm, x: torch.Tensor, rule: str) -> torch.Tensor:
    if not rule:
        return norm(x)
    centred = x - x.mean(-1, keepdim=True)
    scale = (centred.square().mean(-1, keepdim=True) + norm.eps).sqrt()
    return centred / scale.detach() * norm.weight + norm.bias


def _attend(attention: Any, x: torch.Tensor, rule: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    batch, length, _ = x.shape
    heads = (batch, length, attention.num_attention_heads, attention.head_dim)

    def split(projection: nn.Module) -> torch.Tensor:
        return projection(x).view(heads).transpose(1, 2)

    value = split(attention.v_proj)
    if rule == "cp":
        with torch.no_grad():
            scores = split(attention.q_proj) @ split(attention.k_proj).transpose(2, 3)
        weights = torch.softmax(scores * attention.scaling, dim=-1)
        mixed = weights @ value
    else:
        scores = _product(split(attention.q_proj), split(attention.k_proj).transpose(2, 3), rule)
        weights = torch.softmax(scores * attention.scaling, dim=-1)
        mixed = _product(weights, value, rule)
    return attention.o_proj(mixed.transpose(1, 2).reshape(batch, length, -1)), weights, value


def _product(left: torch.Tensor, right: torch.Tensor, rule: str) -> torch.Tensor:
    """Matrix product; under ``attn`` each factor is given half of the relevance."""
    if rule != "attn":
        return left @ right
    return (left.detach() @ right + left @ right.detach()) / 2


def _feed(mlp: Any, x: torch.Tensor, rule: str) -> torch.Tensor:
    if not rule:
        return mlp(x)
    if hasattr(mlp, "gate_proj"):
        gated = _gain(mlp.act_fn, mlp.gate_proj(x))
        up = mlp.up_proj(x)
        # A product of two activations: half of the relevance each.
        return mlp.down_proj((gated.detach() * up + gated * up.detach()) / 2)
    return mlp.fc2(_gain(mlp.activation_fn, mlp.fc1(x)))


def _gain(function: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """An activation function that is 0 at 0, as a multiplication by a constant."""
    with torch.no_grad():
        y = function(x)
        # f(x) / x at 0 is the slope there; of GELU and SiLU it is a half.
        gain = torch.where(x.abs() > 1e-6, y / x, torch.full_like(x, 0.5))
    return x * gain


def relevance(run: Run, target: torch.Tensor) -> torch.Tensor:
    """Relevance of every token for a scalar ``target`` made from ``run.last``: gradient times token, float32 [B, 1 + P]."""
    (gradient,) = torch.autograd.grad(target, run.tokens, retain_graph=True)
    return (gradient * run.tokens).sum(-1).detach()


def bias_relevance(model: Dinov2Model, run: Run, target: torch.Tensor) -> torch.Tensor:
    """What all biases contribute to ``target``: the rest of the conservation law, a scalar. The parameters must take gradients."""
    biases = [p for name, p in model.named_parameters() if name.endswith("bias") and not name.startswith("embeddings")]
    found = torch.autograd.grad(target, biases, retain_graph=True, allow_unused=True)
    return torch.stack([(b * g).sum() for b, g in zip(biases, found, strict=True) if g is not None]).sum().detach()


def rolled_out(run: Run, target: torch.Tensor) -> torch.Tensor:
    """Gradient-weighted attention rolled out over the layers (Chefer et al. 2021, "Generic attention-model explainability", eq. 5-6).

    Returns:
        float32 [P]: of the first image's patches, for its CLS token.
    """
    gradients = torch.autograd.grad(target, run.attention, retain_graph=True)
    length = run.tokens.shape[1]
    rolled = torch.eye(length, device=run.tokens.device)
    for weights, gradient in zip(run.attention, gradients, strict=True):
        rolled = rolled + (weights[0] * gradient[0]).clamp_min(0).mean(0).detach() @ rolled
    return F.relu(rolled[0, 1:])
