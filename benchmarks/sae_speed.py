"""Time and memory of one training step, beside the libraries people use; 1 = one fp32 encoder GEMM.

    python -m benchmarks.sae_speed --json benchmarks/results/sae_speed.json

in the environment of requirements-bench.txt; or, from another, with --peer-python PYTHON (peers are left out without).

Every method lives in a process of its own and is asked in turn, with the others of its kind, for a round: the unit
[1024, 768] x [768, m] before and after its steps, by torch on as many threads as the steps have. A ratio is of one
process and one round; the medians of the rounds are reported. In odd rounds nothing is dead; before even rounds every method
is told that one feature in sixteen is, so that its auxiliary loss works. Everyone clips at 1, counts silence and returns its
loss. Ours and dictionary-learning take aux_k = 64, the others their fixed d / 2. Adam for all. Peers without clipping of
their own get torch's; dictionary-learning's gated trainer has no clipping and no dead features.

At m = 12,288 there are up to five rounds, at 49,152 up to two, as far as --minutes goes; the row "rounds" says how many.

The time of our gated and jumprelu steps depends on how many features are active (the peers' doesn't): gates and thresholds start
where 15 a token are, the target that a controller keeps them at. "gated at the start" has every second gate open, as
with all biases at 0 (ours start at twice the target since): then it is the dense step.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from importlib.util import find_spec

from benchmarks.common import Results, arguments

D, BATCH, K, AUX_K = 768, 1_024, 15, 64
FAMILIES = {
    "topk": ("topk", "sparsify", "saelens", "dictionary_learning"),
    "gated": ("gated", "gated_at_the_start", "dictionary_learning_gated", "saelens_gated"),
    "batch_topk": ("batch_topk", "matryoshka", "jumprelu", "dictionary_learning_batch_topk", "saelens_batch_topk"),
}
OURS = ("topk", "gated", "gated_at_the_start", "batch_topk", "matryoshka", "jumprelu")
ROUNDS = {12_288: 5, 49_152: 2}
GPU_WIDTH, GPU_BATCH, PATCHES = 49_152, 8_192, 256
GPU_GOALS = ("<= 4 ms a step at m=49,152, batch 8192", "images/s to encode")


def ours(name: str, m: int, device: str = "cpu"):
    """Our stepper as trainings use it."""
    import torch

    from saerad_core.sae.config import SaeConfig
    from saerad_core.sae.registry import make, stepper_for

    config = SaeConfig(D, m, k=K, aux_k=AUX_K, architecture=name.removesuffix("_at_the_start"))
    sae = make(config)
    # Pre-activations of the tokens drawn here are normal with deviation 1.
    bound = statistics.NormalDist().inv_cdf(1 - K / m)
    with torch.no_grad():
        sae.W_dec.normal_()
        sae.normalise()
        sae.tie()
        if name == "gated":
            sae.get_parameter("b_gate").fill_(-bound)
        elif name == "jumprelu":
            sae.get_parameter("threshold").fill_(bound)
    stepper = stepper_for(sae.to(device), config)

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


def saelens(m: int, kind: str = "topk"):
    """SAELens' trainer's own step."""
    import torch
    from sae_lens.config import SAETrainerConfig
    from sae_lens.saes import batchtopk_sae, gated_sae, topk_sae
    from sae_lens.training.sae_trainer import SAETrainer

    if kind == "topk":
        sae = topk_sae.TopKTrainingSAE(topk_sae.TopKTrainingSAEConfig(d_in=D, d_sae=m, k=K))
    elif kind == "batch_topk":
        sae = batchtopk_sae.BatchTopKTrainingSAE(batchtopk_sae.BatchTopKTrainingSAEConfig(d_in=D, d_sae=m, k=K))
    else:
        sae = gated_sae.GatedTrainingSAE(gated_sae.GatedTrainingSAEConfig(d_in=D, d_sae=m))
    config = SAETrainerConfig(total_training_samples=10**7, train_batch_size_samples=BATCH, lr=1e-4, lr_end=1e-5)
    trainer = SAETrainer(cfg=config, sae=sae, data_provider=iter(()))
    trainer.act_freq_scores = torch.zeros(m)

    def dead(share):
        trainer.n_forward_passes_since_fired[: int(m * share)] = 10**6

    return lambda x: float(trainer._train_step(sae=sae, sae_in=x).loss), dead


def saelens_batch_topk(m: int):
    """SAELens' BatchTopK."""
    return saelens(m, "batch_topk")


def saelens_gated(m: int):
    """SAELens' gated SAE; its trainer has no auxiliary loss for dead features."""
    return saelens(m, "gated")


def dictionary_learning(m: int, kind: str = "topk"):
    """dictionary-learning's TopKTrainer.update, or BatchTopKTrainer's."""
    from dictionary_learning.trainers.batch_top_k import BatchTopKTrainer
    from dictionary_learning.trainers.top_k import TopKTrainer

    trainer_of = TopKTrainer if kind == "topk" else BatchTopKTrainer
    trainer = trainer_of(steps=10**5, activation_dim=D, dict_size=m, k=K, layer=0, lm_name="", lr=1e-4, device="cpu")
    trainer.top_k_aux = AUX_K

    def dead(share):
        trainer.num_tokens_since_fired[: int(m * share)] = 10**8

    return lambda x: trainer.update(5, x), dead


def dictionary_learning_batch_topk(m: int):
    """dictionary-learning's BatchTopK."""
    return dictionary_learning(m, "batch_topk")


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
    # Compiles, and allocates moments and what the auxiliary loss needs.
    for share in (0, 1 / 16) if name in OURS else (1 / 16,):
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


def measure(names: list[str], m: int, rounds: int, peer_python: str, until: float) -> dict[str, list[dict]]:
    """Rounds of every method in turn, at least one and none begun after ``until``: two a round, without and with dead features."""
    processes, found = {}, {name: [] for name in names}
    try:
        for name in names:
            python = sys.executable if name in OURS else peer_python
            steps = 2 if name in OURS and name != "gated_at_the_start" else 1
            command = [python, "-m", "benchmarks.sae_speed", "--worker", name, "--width", str(m), "--steps", str(steps)]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            processes[name] = process
        for name, process in processes.items():
            if not process.stdout.readline():
                raise SystemExit(f"{name} doesn't run; install requirements-bench.txt where it is to.")
        for at in range(2 * rounds):
            if at >= 2 and at % 2 == 0 and time.monotonic() > until:
                break
            for name, process in processes.items():
                process.stdin.write(f"{(at % 2) / 16}\n")
                process.stdin.flush()
                found[name].append(json.loads(process.stdout.readline()) | {"dead": bool(at % 2)})
    finally:
        for process in processes.values():
            process.kill()
            process.wait()
    return found


def units(rows: list[dict], dead: bool) -> float:
    """Median over the rounds of step / unit."""
    return statistics.median(row["step"] / row["unit"] for row in rows if row["dead"] == dead)


GOALS = {12_288: ("topk <= 1.1 at 12,288", 1.1), 49_152: ("topk <= 0.75 at 49,152", 0.75)}
TOPK_GOAL = "at least 3x sparsify and 8x SAELens and dictionary-learning"
PAIRS = (
    ("sparsify", "topk", 3, TOPK_GOAL),
    ("saelens", "topk", 8, TOPK_GOAL),
    ("dictionary_learning", "topk", 8, TOPK_GOAL),
    ("dictionary_learning_gated", "gated", 5, "gated >= 5x theirs"),
    ("saelens_gated", "gated", 5, "gated >= 5x theirs"),
    ("dictionary_learning_gated", "gated_at_the_start", None, ""),
    ("dictionary_learning_batch_topk", "batch_topk", None, ""),
    ("saelens_batch_topk", "batch_topk", None, ""),
)


def report(results: Results, m: int, found: dict[str, list[dict]]) -> None:
    """Rows of one width; goals are held against the worse of the two kinds of round."""
    worst = {name: max(units(rows, False), units(rows, True)) for name, rows in found.items()}
    for name, rows in found.items():
        for dead in (False, True):
            kind = "1 in 16 dead" if dead else "none dead"
            goal, limit = GOALS.get(m, ("", 0.0)) if name == "topk" else ("", 0.0)
            met = worst[name] <= limit if goal else None
            results.add(f"{name}, m={m}, {kind}", units(rows, dead), "GEMM units", goal, met)
            ms = statistics.median(row["step"] for row in rows if row["dead"] == dead) * 1e3
            results.add(f"{name}, m={m}, {kind}, time", ms, "ms a step")
        results.add(f"{name}, m={m}, peak memory", rows[-1]["peak"], "GiB resident")
        results.add(f"{name}, m={m}, unit", statistics.median(row["unit"] for row in rows) * 1e3, "ms")
        results.add(f"{name}, m={m}, rounds", len(rows) // 2, "rounds")
    for peer, mine, times, goal in PAIRS:
        if peer in found and mine in found:
            ratio = min(units(found[peer], dead) / units(found[mine], dead) for dead in (False, True))
            met = None if times is None else ratio >= times
            results.add(f"{mine} against {peer}, m={m}", ratio, "times as fast", goal, met)


def gpu(results: Results) -> None:
    """topk's step and encoding on the GPU, in float32 with a bfloat16 screen; X-rays of 256 patches."""
    import torch

    from saerad_core.sae.sparse.triton_select import lengths_up, top_k

    def timed(call, times: int) -> float:
        for _ in range(3):
            call()
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(times):
            call()
        torch.cuda.synchronize()
        return (time.perf_counter() - start) / times

    step, dead = ours("topk", GPU_WIDTH, "cuda")
    x = torch.randn(GPU_BATCH, D, device="cuda")
    for share, kind in ((0, "none dead"), (1 / 16, "1 in 16 dead")):

        def once(share: float = share) -> None:
            dead(share)
            step(x)

        ms = timed(once, 20) * 1e3
        results.add(f"GPU topk, m={GPU_WIDTH}, batch {GPU_BATCH}, {kind}", ms, "ms a step", GPU_GOALS[0], ms <= 4)
    results.add("GPU, peak memory", torch.cuda.max_memory_allocated() / 2**30, "GiB allocated")
    weights = torch.randn(GPU_WIDTH, D, device="cuda")
    bias, half, norm = torch.zeros(GPU_WIDTH, device="cuda"), weights.bfloat16(), lengths_up(weights)
    seconds = timed(lambda: top_k(x, weights, half, bias, norm, K), 20)
    results.add("GPU, encoding", GPU_BATCH / PATCHES / seconds, "images/s", GPU_GOALS[1])


def main() -> None:
    """Run it."""
    began = time.monotonic()
    parser = arguments(__doc__)
    parser.add_argument("--worker", help="used by the benchmark itself")
    parser.add_argument("--width", type=int, help="used by the benchmark itself")
    parser.add_argument("--steps", type=int, default=1, help="used by the benchmark itself")
    here = sys.executable if find_spec("sae_lens") else ""
    parser.add_argument("--peer-python", default=here, help="interpreter with requirements-bench.txt, if not this one")
    parser.add_argument("--widths", type=int, nargs="+", default=list(ROUNDS))
    parser.add_argument("--minutes", type=float, default=11.0, help="rounds stop early to take no longer")
    options = parser.parse_args()
    if options.worker:
        work(options.worker, options.width, options.steps)
        return
    results = Results()
    plan = [(m, family) for m in ([1_024] if options.quick else options.widths) for family in FAMILIES]
    # A step's time grows with the width, and so does what one round takes.
    weights = [m for m, _ in plan]
    for at, (m, family) in enumerate(plan):
        names = [name for name in FAMILIES[family] if name in OURS or options.peer_python]
        left = began + options.minutes * 60 - time.monotonic()
        until = time.monotonic() + 0.75 * left * weights[at] / sum(weights[at:])
        rounds = 1 if options.quick else ROUNDS.get(m, 2)
        report(results, m, measure(names, m, rounds, options.peer_python, until))
        results.write(options.json)
    if not options.peer_python:
        print("Peers are left out: they need --peer-python, an interpreter with requirements-bench.txt.")
    import torch

    if torch.cuda.is_available() and find_spec("triton"):
        gpu(results)
    else:
        results.unmeasured(f"GPU topk, m={GPU_WIDTH}, batch {GPU_BATCH}", "no GPU", GPU_GOALS[0])
        results.unmeasured("GPU, encoding", "no GPU", GPU_GOALS[1])
    results.add("the benchmark itself", (time.monotonic() - began) / 60, "minutes")
    results.write(options.json)


if __name__ == "__main__":
    main()
