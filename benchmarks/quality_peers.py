"""Other libraries' dictionaries, each trained by its own loop and loss, for benchmarks.sae_quality.

What is taken from each library is said at its function; the learning rate is swept, batches have the same size and number,
and where a schedule is the caller's to give it is ours: 100 steps of warm-up, linear decay over the last fifth.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from benchmarks.quality_data import Data
from saerad_core.sae.tokens import Batches

Rebuild = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
"""Tokens [B, d] -> (rebuilt [B, d], codes [B, m])."""
WARMUP = 100


def saelens(data: Data, kind: str, m: int, k: int, lr: float, seed: int, steps: int, batch: int, sparsity: float):
    """SAELens' SAETrainer. Activations are scaled to a mean length of sqrt(d) as its guides do; the rest are its defaults.

    jumprelu: its quadratic loss, which takes a target L0 (GemmaScope 2), times ``sparsity``.
    matryoshka: prefixes of the same shares as ours.

    Returns:
        Decoder [m, d] and what rebuilds tokens.
    """
    from sae_lens.config import LoggingConfig, SAETrainerConfig
    from sae_lens.saes.batchtopk_sae import BatchTopKTrainingSAE, BatchTopKTrainingSAEConfig
    from sae_lens.saes.jumprelu_sae import JumpReLUTrainingSAE, JumpReLUTrainingSAEConfig
    from sae_lens.saes.matryoshka_batchtopk_sae import (
        MatryoshkaBatchTopKTrainingSAE,
        MatryoshkaBatchTopKTrainingSAEConfig,
    )
    from sae_lens.saes.topk_sae import TopKTrainingSAE, TopKTrainingSAEConfig
    from sae_lens.training.sae_trainer import SAETrainer

    torch.manual_seed(seed)
    d = data.train.shape[1]
    sizes = {"d_in": d, "d_sae": m, "normalize_activations": "expected_average_only_in"}
    if kind == "topk":
        sae = TopKTrainingSAE(TopKTrainingSAEConfig(k=k, **sizes))
    elif kind == "batchtopk":
        sae = BatchTopKTrainingSAE(BatchTopKTrainingSAEConfig(k=k, **sizes))
    elif kind == "matryoshka":
        widths = [round(m * share) for share in (1 / 32, 3 / 32, 7 / 32, 15 / 32, 1)]
        sae = MatryoshkaBatchTopKTrainingSAE(
            MatryoshkaBatchTopKTrainingSAEConfig(k=k, matryoshka_widths=widths, **sizes)
        )
    else:
        config = JumpReLUTrainingSAEConfig(
            jumprelu_sparsity_loss_mode="quadratic", target_l0=k, l0_coefficient=sparsity, **sizes
        )
        sae = JumpReLUTrainingSAE(config)
    trainer = SAETrainer(
        cfg=SAETrainerConfig(
            total_training_samples=steps * batch,
            train_batch_size_samples=batch,
            lr=lr,
            lr_end=lr,
            lr_warm_up_steps=WARMUP,
            lr_decay_steps=steps // 5,
            n_batches_for_norm_estimate=20,
            logger=LoggingConfig(log_to_wandb=False),
        ),
        sae=sae,
        data_provider=_endless(data, batch, seed),
    )
    with _quiet():
        trainer.fit()
    sae.eval()

    def rebuild(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if kind in ("batchtopk", "matryoshka"):
            # What its inference SAE does: the threshold that training kept.
            code, pre = sae.encode_with_hidden_pre(x)
            code = torch.where(pre > sae.topk_threshold, torch.relu(pre), 0.0).to(x.dtype)
        else:
            code = sae.encode(x)
        return sae.decode(code), code

    return sae.W_dec.detach().numpy(), rebuild


def dictionary_learning(
    data: Data, kind: str, m: int, k: int, lr: float, seed: int, steps: int, batch: int, sparsity: float
):
    """dictionary-learning's trainSAE with normalised activations; gated: ``sparsity`` is its l1_penalty."""
    from dictionary_learning.dictionary import GatedAutoEncoder
    from dictionary_learning.trainers.batch_top_k import BatchTopKSAE, BatchTopKTrainer
    from dictionary_learning.trainers.gdm import GatedSAETrainer
    from dictionary_learning.trainers.top_k import AutoEncoderTopK, TopKTrainer
    from dictionary_learning.training import trainSAE

    d = data.train.shape[1]
    trainer: dict = {
        "steps": steps,
        "activation_dim": d,
        "dict_size": m,
        "lr": lr,
        "seed": seed,
        "device": "cpu",
        "layer": 0,
        "lm_name": "known dictionary",
        "warmup_steps": WARMUP,
        "decay_start": steps * 4 // 5,
    }
    if kind == "gated":
        trainer |= {"trainer": GatedSAETrainer, "l1_penalty": sparsity, "sparsity_warmup_steps": steps // 5}
    else:
        trainer |= {"trainer": TopKTrainer if kind == "topk" else BatchTopKTrainer, "k": k}
        trainer["threshold_start_step"] = steps // 2
    with tempfile.TemporaryDirectory() as folder, _quiet():
        trainSAE(
            _endless(data, batch, seed), [trainer], steps, save_dir=folder, normalize_activations=True, device="cpu"
        )
        # Written just now by the library, whose trainer keeps it to itself.
        state = torch.load(Path(folder) / "trainer_0" / "ae.pt", weights_only=True)
    if kind == "gated":
        sae = GatedAutoEncoder(d, m)
    else:
        sae = (AutoEncoderTopK if kind == "topk" else BatchTopKSAE)(d, m, k)
    sae.load_state_dict(state)

    def rebuild(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        code = sae.encode(x)
        return sae.decode(code), code

    return sae.decoder.weight.detach().T.numpy(), rebuild


class _Given(torch.nn.Module):
    """What sparsify takes for a language model: "token" number i has row i of the data as its hidden state."""

    def __init__(self, tokens: torch.Tensor) -> None:
        super().__init__()
        self.hidden = torch.nn.Embedding.from_pretrained(tokens)
        self.base_model = _Base(self.hidden)
        self.device = torch.device("cpu")
        self.dummy_inputs = {"input_ids": torch.zeros(1, 1, dtype=torch.int64)}

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.hidden(input_ids)


class _Base(torch.nn.Module):
    def __init__(self, hidden: torch.nn.Module) -> None:
        super().__init__()
        self.hidden = hidden


def sparsify(data: Data, kind: str, m: int, k: int, lr: float, seed: int, steps: int, batch: int, sparsity: float):
    """sparsify's Trainer with its default optimiser (schedule-free sign descent), on data scaled to a mean length of sqrt(d).

    Its Triton kernels need a GPU; SPARSIFY_DISABLE_TRITON=1 is its own switch to the plain ones.
    """
    os.environ["SPARSIFY_DISABLE_TRITON"] = "1"
    precision = torch.get_float32_matmul_precision()
    with _quiet():
        from sparsify import SparseCoderConfig, TrainConfig, Trainer

        d = data.train.shape[1]
        scale = float(d**0.5 / np.linalg.norm(data.train[:20_000], axis=1).mean())
        rng = np.random.default_rng(seed)
        batches = [{"input_ids": torch.from_numpy(rng.integers(0, len(data.train), batch))} for _ in range(steps)]
        with tempfile.TemporaryDirectory() as folder:
            config = TrainConfig(
                SparseCoderConfig(num_latents=m, k=k),
                # A "sequence" is a batch of ours.
                batch_size=1,
                optimizer=kind if kind in ("adam", "signum") else "signum",
                lr=lr,
                lr_warmup_steps=WARMUP,
                auxk_alpha=1 / 32,
                dead_feature_threshold=DEAD,
                hookpoints=["hidden"],
                init_seeds=[seed],
                log_to_wandb=False,
                save_every=10**9,
                save_dir=folder,
            )
            model = _Given(torch.from_numpy(np.array(data.train)) * scale)
            trainer = Trainer(config, batches, model)
            trainer.fit()
            for optimizer in trainer.optimizers:
                # Schedule-free optimisers evaluate at an average of their iterates.
                if hasattr(optimizer, "eval"):
                    optimizer.eval()
    torch.set_float32_matmul_precision(precision)
    sae = trainer.saes["hidden"]

    def rebuild(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        out = sae(x * scale)
        code = torch.zeros(len(x), m).scatter(1, out.latent_indices, out.latent_acts)
        return out.sae_out / scale, code

    return sae.W_dec.detach().numpy(), rebuild


DEAD = 50_000
"""Tokens of silence, as in ours: sparsify's own 10 million are more than the whole training."""


def _endless(data: Data, batch: int, seed: int) -> Iterator[torch.Tensor]:
    batches, step = Batches(data.train, batch, seed, torch.device("cpu"), resident=True), 0
    while True:
        yield batches.at(step)
        step += 1


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the libraries' progress bars and remarks."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
