"""Time and memory of one training step, beside the libraries people use; 1 = one fp32 encoder GEMM.

    python -m benchmarks.sae_speed --peer-python PYTHON --json benchmarks/results/sae_speed.json

Every method lives in a process of its own (peers in PYTHON, which has requirements-bench.txt) and is asked in turn for a
round: the unit [1024, 768] x [768, m] before and after two steps, by torch on as many threads as the steps have. A ratio
is of one process and one round; the medians of the rounds are reported. In odd rounds nothing is dead; before even
rounds every method is told that one feature in sixteen is, so that its auxiliary loss works. Everyone clips at 1, counts
silence and returns its loss. Ours and dictionary-learning take aux_k = 64, the others their fixed d / 2. Adam for all.
Peers without clipping of their own get torch's; dictionary-learning's gated trainer has no clipping and no dead features.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time

from benchmarks.common import Results, arguments

D, BATCH, K, AUX_K = 768, 1_024, 15, 64
OURS = ("topk", "gated")
PEERS = ("sparsify", "saelens", "dictionary_learning", "dictionary_learning_gated")


def ours(architecture: str, m: int):
    """Our stepper as trainings use it."""
    import torch

    from saerad_core.sae.config import SaeConfig
    from saerad_core.sae.registry import make, stepper_for

    config = SaeConfig(D, m, k=K, aux_k=AUX_K, architecture=architecture)
    sae = make(config)
    with torch.no_grad():
        sae.W_dec.normal_()
        sae.normalise()
        sae.tie()
    stepper = stepper_for(sae, config)

    def dead(share):
        stepper.silent_for[: int(m * share)] = 10.0**6

    return lambda x: stepper.step(x, 1e-4).loss, dead


def sparsify(m: int):
    """eai-sparsify's SparseCoder in the order of its trainer, with Adam and clipping."""
    os.environ["SPARSIFY_DISABLE_TRITON"] = "1"
    import torch
    from sparsify.config import SparseCoderConfig
    from sparsify.sparse_coder import SparseCoder

    sae = SparseCoder(D, SparseCoderConfig(num_latents=m, k=K))
    adam = torch.optim.Adam(sae.parameters(), lr=1e-4)
    silent = torch.zeros(m, dtype=torch.long)

    def step(x):
        sae.set_decoder_norm_to_unit_norm()
        out = sae(x, dead_mask=silent > 200_000)
        loss = out.fvu + out.auxk_loss / 32
        loss.backward()
        sae.remove_gradient_parallel_to_decoder_directions()
        torch.nn.utils.clip_grad_norm_(sae.parameters(), 1.0)
        adam.step()
        adam.zero_grad()
        silent.add_(len(x))
        silent[out.latent_indices.flatten()] = 0
        return float(loss)

    def dead(share):
        silent[: int(m * share)] = 10**6

    return step, dead


def saelens(m: int):
    """SAELens' trainer's own step."""
    import torch
    from sae_lens.config import SAETrainerConfig
    from sae_lens.saes.topk_sae import TopKTrainingSAE, TopKTrainingSAEConfig
    from sae_lens.training.sae_trainer import SAETrainer

    sae = TopKTrainingSAE(TopKTrainingSAEConfig(d_in=D, d_sae=m, k=K))
    config = SAETrainerConfig(total_training_samples=10**7, train_batch_size_samples=BATCH, lr=1e-4, lr_end=1e-5)
    trainer = SAETrainer(cfg=config, sae=sae, data_provider=iter(()))
    trainer.act_freq_scores = torch.zeros(m)

    def dead(share):
        trainer.n_forward_passes_since_fired[: int(m * share)] = 10**6

    return lambda x: float(trainer._train_step(sae=sae, sae_in=x).loss), dead


def dictionary_learning(m: int):
    """dictionary-learning's TopKTrainer.update."""
    from dictionary_learning.trainers.top_k import TopKTrainer

    trainer = TopKTrainer(steps=10**5, activation_dim=D, dict_size=m, k=K, layer=0, lm_name="", lr=1e-4, device="cpu")
    trainer.top_k_aux = AUX_K

    def dead(share):
        trainer.num_tokens_since_fired[: int(m * share)] = 10**8

    return lambda x: trainer.update(5, x), dead


def dictionary_learning_gated(m: int):
    """dictionary-learning's GatedSAETrainer.update."""
    from dictionary_learning.trainers.gdm import GatedSAETrainer

    trainer = GatedSAETrainer(steps=10**5, activation_dim=D, dict_size=m, layer=0, lm_name="", lr=1e-4, device="cpu")
    return lambda x: trainer.update(5, x), lambda share: None


def work(name: str, m: int, steps: int) -> None:
    """The process of one method: a line of JSON for every line read."""
    answers, sys.stdout = sys.stdout, sys.stderr
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(2)
    x = torch.randn(BATCH, D)
    weight, out = torch.randn(m, D), torch.empty(BATCH, m)

    def unit() -> float:
        start = time.perf_counter()
        torch.mm(x, weight.T, out=out)
        return time.perf_counter() - start

    step, dead = ours(name, m) if name in OURS else globals()[name](m)
    for share in (0, 1 / 16):
        dead(share)
        step(x)
    unit()
    print("{}", file=answers, flush=True)
    for line in sys.stdin:
        dead(float(line))
        units, times = [unit(), unit()], []
        for _ in range(steps):
            start = time.perf_counter()
            step(torch.randn(BATCH, D))
            times.append(time.perf_counter() - start)
        units += [unit(), unit()]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        found = {"step": statistics.median(times), "unit": statistics.median(units), "peak": peak}
        print(json.dumps(found), file=answers, flush=True)


def measure(names: list[str], m: int, rounds: int, peer_python: str) -> dict[str, list[dict]]:
    """Rounds of every method in turn: two a round, without and with dead features."""
    processes, found = {}, {name: [] for name in names}
    try:
        for name in names:
            python = sys.executable if name in OURS else peer_python
            command = [python, "-m", "benchmarks.sae_speed", "--worker", name, "--width", str(m)]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            processes[name] = process
            if not process.stdout.readline():
                raise SystemExit(f"{name} doesn't run in {python}; install requirements-bench.txt there.")
        for at in range(2 * rounds):
            for name, process in processes.items():
                process.stdin.write(f"{(at % 2) / 16}\n")
                process.stdin.flush()
                found[name].append(json.loads(process.stdout.readline()) | {"dead": bool(at % 2)})
    finally:
        for process in processes.values():
            process.kill()
    return found


def units(rows: list[dict], dead: bool) -> float:
    """Median over the rounds of step / unit."""
    return statistics.median(row["step"] / row["unit"] for row in rows if row["dead"] == dead)


def report(results: Results, m: int, found: dict[str, list[dict]]) -> None:
    """Rows of one width; goals are held against the worse of the two kinds of round."""
    words = {12_288: ("topk <= 1.1 at 12,288", 1.1), 49_152: ("topk <= 0.75 at 49,152", 0.75)}
    worst = {name: max(units(rows, False), units(rows, True)) for name, rows in found.items()}
    for name, rows in found.items():
        for dead in (False, True):
            kind = "1 in 16 dead" if dead else "none dead"
            goal, limit = words.get(m, ("", 0.0)) if name == "topk" else ("", 0.0)
            met = worst[name] <= limit if goal else None
            results.add(f"{name}, m={m}, {kind}", units(rows, dead), "GEMM units", goal, met)
            seconds = statistics.median(row["step"] for row in rows if row["dead"] == dead)
            results.add(f"{name}, m={m}, {kind}, time", seconds * 1e3, "ms a step")
        results.add(f"{name}, m={m}, peak memory", rows[-1]["peak"], "GiB resident")
        results.add(f"{name}, m={m}, unit", statistics.median(row["unit"] for row in rows) * 1e3, "ms")
    goal = "at least 3x sparsify and 8x SAELens and dictionary-learning"
    pairs = [("sparsify", "topk", 3, goal), ("saelens", "topk", 8, goal), ("dictionary_learning", "topk", 8, goal)]
    pairs.append(("dictionary_learning_gated", "gated", 5, "gated >= 5x theirs"))
    for peer, mine, times, words_ in pairs:
        if peer in found and mine in found:
            ratio = min(units(found[peer], dead) / units(found[mine], dead) for dead in (False, True))
            results.add(f"{mine} against {peer}, m={m}", ratio, "times as fast", words_, ratio >= times)


def main() -> None:
    """Run it."""
    parser = arguments(__doc__)
    parser.add_argument("--worker", help="used by the benchmark itself")
    parser.add_argument("--width", type=int, help="used by the benchmark itself")
    parser.add_argument(
        "--peer-python", default="", help="interpreter with requirements-bench.txt; peers are left out without"
    )
    parser.add_argument("--widths", type=int, nargs="+", default=[12_288, 49_152])
    parser.add_argument("--peers-up-to", type=int, default=49_152, help="above this width only topk runs")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=2, help="steps a round")
    options = parser.parse_args()
    if options.worker:
        work(options.worker, options.width, options.steps)
        return
    results = Results()
    for m in [1_024] if options.quick else options.widths:
        peers = PEERS if options.peer_python and m <= options.peers_up_to else ()
        names = ["topk", *peers[:3], *(("gated", *peers[3:]) if m <= options.peers_up_to else ())]
        report(results, m, measure(names, m, 1 if options.quick else options.rounds, options.peer_python))
        results.write(options.json)
    import torch

    if not torch.cuda.is_available():
        print("GPU (batch 8192, images/s to encode): not run: no GPU")
    results.write(options.json)


if __name__ == "__main__":
    main()
