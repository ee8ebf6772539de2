"""Where the time of a sparse step goes, part by part, and which bound holds for each.

    python -m benchmarks.sae_profile --json benchmarks/results/sae_profile.json

Times are CPU seconds of both threads, so that other work on the machine counts for little. Every part's is set against what the
same run finds one core to do: float32 and bfloat16 products of the encoder's shape, and copying memory that no cache
holds. Bytes are those that a part reads and writes at least, were nothing cached between features.
"""

from __future__ import annotations

import statistics
import time

import torch

from benchmarks.common import Results, arguments
from benchmarks.sae_speed import BATCH, D, K
from saerad_core.sae.config import SaeConfig
from saerad_core.sae.registry import make
from saerad_core.sae.sparse.step import SparseStepper
from saerad_core.sae.sparse.step_gated import GatedStepper
from saerad_core.sae.sparse.step_topk import TopKStepper
from saerad_core.sae.sparse.topk import fast_half

PARTS = {"choose": "select", "rebuild": "decode", "_measure": "gradients", "_update": "update"}


def seconds(call, times: int) -> float:
    """Median of some calls after a first."""
    call()
    found = []
    for _ in range(times):
        start = time.process_time()
        call()
        found.append(time.process_time() - start)
    return statistics.median(found)


def made(name: str, m: int) -> SparseStepper:
    """A stepper whose tokens (normal, deviation 1) have about K active features each."""
    config = SaeConfig(D, m, k=K, architecture=name)
    sae = make(config)
    with torch.no_grad():
        sae.W_dec.normal_()
        sae.normalise()
        sae.tie()
        if name == "gated":
            sae.get_parameter("b_gate").fill_(-statistics.NormalDist().inv_cdf(1 - K / m))
    return (GatedStepper if name == "gated" else TopKStepper)(sae, config, threads=2)


def profile(results: Results, name: str, m: int, steps: int, peaks: dict[str, float]) -> None:
    """Rows of one architecture and width."""
    stepper, spent, touched, slots = made(name, m), {part: [] for part in PARTS}, [], []

    def timed(part: str):
        inner = getattr(stepper, part)

        def outer(*arguments):
            start = time.process_time()
            answer = inner(*arguments)
            spent[part].append(time.process_time() - start)
            if part == "choose":
                slots.append(int(answer.active.sum()))
            if part == "_update":
                touched.append(len(arguments[1].features))
            return answer

        setattr(stepper, part, outer)

    for part in PARTS:
        timed(part)
    whole = []
    for _ in range(steps + 1):
        x = torch.randn(BATCH, D)
        start = time.process_time()
        stepper.step(x, 1e-4)
        whole.append(time.process_time() - start)
    total = statistics.median(whole[1:])
    times = {part: statistics.median(values[1:]) for part, values in spent.items()}
    n, features, row = statistics.median(slots), statistics.median(touched), D * 4
    rebuilt = 2 if name == "gated" else 1
    traffic = {
        "rebuild": n * row + 2 * rebuilt * BATCH * row,
        "_measure": features * 2 * row + n * (1 + rebuilt) * row,
        # Two weights and four moments, read and written, and the bfloat16 copy.
        "_update": features * (12 * row + row / 2) + n * 2 * row,
    }
    label = f"{name}, m={m}"
    results.add(f"{label}, step", total * 1e3, "CPU ms")
    for part, word in PARTS.items():
        results.add(f"{label}, {word}, share", times[part] / total, "of the step")
        if part == "choose":
            rate = 2 * BATCH * D * m / times[part] / 1e9
            results.add(f"{label}, {word}, against the product alone", rate / peaks["product"], "of its GFLOP/s")
        else:
            rate = traffic[part] / times[part] / 1e9
            results.add(f"{label}, {word}, against copying memory", rate / peaks["copy"], "of its GB/s")
    rest = total - sum(times.values())
    results.add(f"{label}, sorting by feature and the rest, share", rest / total, "of the step")


def main() -> None:
    """Run it."""
    parser = arguments(__doc__)
    parser.add_argument("--widths", type=int, nargs="+", default=[12_288, 49_152])
    parser.add_argument("--steps", type=int, default=9)
    options = parser.parse_args()
    results, steps = Results(), 2 if options.quick else options.steps
    # The steppers' threads are their own; OpenMP's would spin.
    torch.set_num_threads(1)
    source, target = torch.ones(2**26), torch.empty(2**26)
    copied = 8 * len(source) / seconds(lambda: target.copy_(source), steps) / 1e9
    results.add("copying memory, one core", copied, "GB/s, read and written")
    for m in [1_024] if options.quick else options.widths:
        rates = {}
        for kind in (torch.float32, torch.bfloat16):
            x, weights = torch.randn(BATCH, D, dtype=kind), torch.randn(m, D, dtype=kind)
            out = torch.empty(BATCH, m, dtype=kind)
            rates[kind] = (
                2 * BATCH * D * m / seconds(lambda x=x, w=weights.T, o=out: torch.mm(x, w, out=o), steps) / 1e9
            )
            results.add(f"product [{BATCH}, {D}] x [{D}, {m}], {str(kind)[6:]}, one core", rates[kind], "GFLOP/s")
        peaks = {"copy": copied, "product": rates[torch.bfloat16 if fast_half() else torch.float32]}
        for name in ("topk", "gated"):
            profile(results, name, m, steps, peaks)
    results.write(options.json)


if __name__ == "__main__":
    main()
