"""How well dictionaries recover a known one: ours beside SAELens' and sparsify's, at equal steps.

    python -m benchmarks.sae_quality --json benchmarks/results/sae_quality.json      (with requirements-bench.txt)

Tokens are sums of 512 true directions in 128 dimensions: Zipf frequencies, correlated through a few common causes, a
quarter of them children that fire only with their parent; about 10 fire at once. m = 768, k = 10. Every method's learning
rate is chosen by explained variance on one split (seed 0) and its figures are from another. The generator is this
file's own reading of that description. PCA has as many components as a token has active features.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from benchmarks.common import Results, arguments
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.metrics import explained_variance, pca_explained_variance
from saerad_core.sae.registry import REGISTRY, stepper_for
from saerad_core.sae.start import initial
from saerad_core.sae.tokens import Batches
from saerad_core.sae.train import learning_rate

D, TRUE, M, K, BATCH = 128, 512, 768, 10, 1_024
RATES = (1e-3, 3e-3, 1e-2)
PEERS = ("SAELens topk", "SAELens batchtopk", "sparsify topk")


class Data(NamedTuple):
    """Tokens [N, D] of three splits and what they are made of."""

    train: np.ndarray
    choose: np.ndarray
    report: np.ndarray
    directions: np.ndarray
    frequency: np.ndarray


@cache
def known(n: int = 120_000) -> Data:
    """The same data in every process, made once in each."""
    rng = np.random.default_rng(7)
    directions = rng.normal(size=(TRUE, D)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    wanted = 1 / np.arange(1, TRUE + 1) ** 0.7
    parents = np.arange(TRUE)
    children = rng.permutation(np.arange(TRUE // 4, TRUE))[: TRUE // 4]
    parents[children] = rng.integers(0, TRUE // 4, len(children))
    causes = rng.normal(size=(8, TRUE)).astype(np.float32) * 0.2
    chance = np.clip(wanted * 11 / wanted.sum(), 0, 0.5)
    total = n + 20_000
    from scipy.stats import norm

    cut = norm.ppf(1 - chance) * np.sqrt(1 + np.square(causes).sum(0))
    tokens, fires = [], np.zeros(TRUE)
    for _ in range(total // 10_000):
        noise = rng.normal(size=(10_000, TRUE)).astype(np.float32)
        on = rng.normal(size=(10_000, 8)).astype(np.float32) @ causes + noise > cut
        on &= on[:, parents]
        fires += on.sum(0)
        size = on * np.exp(rng.normal(0, 0.3, (10_000, TRUE))).astype(np.float32)
        tokens.append(size @ directions + rng.normal(0, 0.02, (10_000, D)).astype(np.float32))
    x = np.concatenate(tokens).astype(np.float32)
    return Data(x[:n], x[n : n + 10_000], x[n + 10_000 :], directions, fires / total)


def ours(data: Data, architecture: str, lr: float, seed: int, steps: int, oracle: bool = False):
    """(decoder [M, D], function tokens -> (rebuilt, codes [B, M])) of our architecture."""
    config = SaeConfig(
        D, M, k=K, lr=lr, steps=steps, batch=BATCH, seed=seed, architecture=architecture, dead_after=50_000
    )
    sae, scale = initial(data.train, config, torch.device("cpu"))
    if oracle:
        with torch.no_grad():
            sae.W_dec[:TRUE] = torch.from_numpy(data.directions)
            sae.tie()
    stepper, batches = stepper_for(sae, config), Batches(data.train, BATCH, seed, torch.device("cpu"))
    for step in range(steps):
        stepper.step(batches.at(step) * scale, learning_rate(step, config))
    stepper.sync()
    sae.unscale(scale)
    sae.eval()
    return sae.W_dec.detach().numpy(), lambda x: (sae.decode(sae.encode(x)), sae.dense(x))


def saelens(data: Data, kind: str, lr: float, seed: int, steps: int):
    """SAELens' training SAE with its own loss, Adam, clipping at 1 and the same schedule."""
    from sae_lens.saes.batchtopk_sae import BatchTopKTrainingSAE, BatchTopKTrainingSAEConfig
    from sae_lens.saes.sae import TrainStepInput
    from sae_lens.saes.topk_sae import TopKTrainingSAE, TopKTrainingSAEConfig

    torch.manual_seed(seed)
    sizes = {"d_in": D, "d_sae": M, "k": K}
    if kind == "topk":
        sae = TopKTrainingSAE(TopKTrainingSAEConfig(**sizes))
    else:
        sae = BatchTopKTrainingSAE(BatchTopKTrainingSAEConfig(**sizes))
    config = SaeConfig(D, M, k=K, lr=lr, steps=steps)
    scale = D**0.5 / float(np.linalg.norm(data.train[:10_000], axis=1).mean())
    adam = torch.optim.Adam(sae.parameters(), lr=lr)
    batches, silent = Batches(data.train, BATCH, seed, torch.device("cpu")), torch.zeros(M)
    for step in range(steps):
        for group in adam.param_groups:
            group["lr"] = learning_rate(step, config)
        given = TrainStepInput(batches.at(step) * scale, {}, silent >= 50_000, step, False)
        out = sae.training_forward_pass(given)
        adam.zero_grad()
        out.loss.backward()
        torch.nn.utils.clip_grad_norm_(sae.parameters(), 1.0)
        adam.step()
        silent += BATCH
        acts = out.feature_acts.to_dense() if out.feature_acts.is_sparse else out.feature_acts
        silent[acts.detach().bool().any(0)] = 0
    return sae.W_dec.detach().numpy(), lambda x: _saelens_codes(sae, x, scale)


def _saelens_codes(sae, x: torch.Tensor, scale: float):
    acts = sae.encode(x * scale)
    dense = acts.to_dense() if acts.is_sparse else acts
    return sae.decode(acts) / scale, dense


def sparsify(data: Data, lr: float, seed: int, steps: int):
    """sparsify's SparseCoder with aux-k and its own loss; Adam and the same schedule."""
    # Without a GPU its Triton kernels stop it; this is its own switch to the plain ones.
    os.environ.setdefault("SPARSIFY_DISABLE_TRITON", "1")
    from sparsify import SparseCoder, SparseCoderConfig

    torch.manual_seed(seed)
    sae = SparseCoder(D, SparseCoderConfig(num_latents=M, k=K), device="cpu", dtype=torch.float32)
    config = SaeConfig(D, M, k=K, lr=lr, steps=steps)
    scale = D**0.5 / float(np.linalg.norm(data.train[:10_000], axis=1).mean())
    with torch.no_grad():
        sae.b_dec.copy_(torch.from_numpy(data.train[:10_000].mean(0) * scale))
    adam = torch.optim.Adam(sae.parameters(), lr=lr)
    batches, silent = Batches(data.train, BATCH, seed, torch.device("cpu")), torch.zeros(M)
    for step in range(steps):
        for group in adam.param_groups:
            group["lr"] = learning_rate(step, config)
        sae.set_decoder_norm_to_unit_norm()
        out = sae(batches.at(step) * scale, dead_mask=silent >= 50_000)
        adam.zero_grad()
        (out.fvu + out.auxk_loss / 32).backward()
        torch.nn.utils.clip_grad_norm_(sae.parameters(), 1.0)
        sae.remove_gradient_parallel_to_decoder_directions()
        adam.step()
        silent += BATCH
        silent[out.latent_indices.flatten().unique()] = 0
    return sae.W_dec.detach().numpy(), lambda x: _sparsify_codes(sae, x, scale)


def _sparsify_codes(sae, x: torch.Tensor, scale: float):
    out = sae(x * scale)
    dense = torch.zeros(len(x), M).scatter(1, out.latent_indices, out.latent_acts)
    return out.sae_out / scale, dense


def one(job: tuple[str, float, int, int]) -> dict:
    """Train and score one dictionary."""
    method, lr, seed, steps = job
    torch.set_num_threads(1)
    data = known()
    began = time.process_time()
    if method.startswith("SAELens"):
        decoder, codes = saelens(data, method.split()[1], lr, seed, steps)
    elif method.startswith("sparsify"):
        decoder, codes = sparsify(data, lr, seed, steps)
    else:
        decoder, codes = ours(data, method.split()[0], lr, seed, steps, oracle="oracle" in method)
    seconds = time.process_time() - began
    mean = torch.from_numpy(data.train.mean(0))
    with torch.no_grad():
        found = {}
        for split in ("choose", "report"):
            x = torch.from_numpy(getattr(data, split))
            rebuilt, dense = codes(x)
            found[split] = explained_variance(x, rebuilt, mean)
            found["l0"] = float((dense > 0).sum(1).float().mean())
        fires = torch.zeros(M, dtype=torch.bool)
        for part in torch.from_numpy(data.train[:60_000]).split(4_096):
            fires |= (codes(part)[1] > 0).any(0)
    unit = decoder / np.linalg.norm(decoder, axis=1, keepdims=True).clip(1e-8)
    likeness = np.abs(data.directions @ unit.T)
    rows, columns = linear_sum_assignment(-likeness)
    matched = likeness[rows, columns]
    rare = data.frequency < np.median(data.frequency)
    return found | {
        "method": method,
        "lr": lr,
        "seed": seed,
        "seconds": seconds,
        "mcc": float(matched.mean()),
        "rare": float(matched[rare].mean()),
        "dead": float(1 - fires.float().mean()),
        "decoder": unit.astype(np.float32),
    }


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--methods", nargs="*", default=[*REGISTRY, "topk oracle", *PEERS])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=2_000)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    steps, seeds = (200, 2) if args.quick else (args.steps, args.seeds)
    results = Results()
    with ProcessPoolExecutor(args.workers) as pool:
        trials = list(pool.map(one, [(m, lr, 0, steps) for m in args.methods for lr in RATES]))
        best = {m: max((t for t in trials if t["method"] == m), key=lambda t: t["choose"]) for m in args.methods}
        again = [(m, best[m]["lr"], seed, steps) for m in args.methods for seed in range(1, seeds)]
        runs = list(best.values()) + list(pool.map(one, again))
    data = known()
    results.add("true features active at once", float(data.frequency.sum()), "features")
    pca = pca_explained_variance(torch.from_numpy(data.train), torch.from_numpy(data.report), K)
    results.add(f"PCA-{K}: explained variance", pca, "held-out tokens")
    for method in args.methods:
        mine = [run for run in runs if run["method"] == method]
        unit = f"mean of {seeds} seeds"

        def mean(name: str, mine: list[dict] = mine) -> float:
            return float(np.mean([run[name] for run in mine]))

        goal = method == "topk"
        mcc, dead, explained = mean("mcc"), mean("dead"), mean("report")
        results.add(f"{method}: learning rate chosen", best[method]["lr"], "")
        results.add(f"{method}: MCC", mcc, unit, *(("(a) MCC >= .955", mcc >= 0.955) if goal else ()))
        results.add(f"{method}: rare-half MCC", mean("rare"), unit)
        results.add(f"{method}: dead", dead, unit, *(("dead <= .02", dead <= 0.02) if goal else ()))
        results.add(
            f"{method}: explained variance",
            explained,
            unit,
            *(("explained variance >= .864", explained >= 0.864) if goal else ()),
        )
        results.add(f"{method}: L0", mean("l0"), "active features a token")
        results.add(f"{method}: CPU seconds", mean("seconds"), f"{steps} steps, one thread")
        pairs = [(a, b) for i, a in enumerate(mine) for b in mine[i + 1 :]]
        if pairs:
            likeness = [np.abs(a["decoder"] @ b["decoder"].T) for a, b in pairs]
            results.add(
                f"{method}: PW-MCC", float(np.mean([s[linear_sum_assignment(-s)].mean() for s in likeness])), "seeds"
            )
    results.write(args.json)


if __name__ == "__main__":
    main()
