"""How fast simulated X-rays are drawn, one process and one thread.

OMP_NUM_THREADS=1 python -m benchmarks.render --json benchmarks/results/render.json
"""

from __future__ import annotations

import time

from benchmarks.common import Results, arguments
from saerad_core.demo.population import sample_studies
from saerad_core.demo.render import render


def main() -> None:
    args = arguments(__doc__).parse_args()
    studies = sample_studies(40 if args.quick else 200, seed=99)
    render(studies[0], size=256)
    results = Results()
    for size, masks in ((256, False), (256, True), (512, False)):
        some = studies if size == 256 and not masks else studies[: len(studies) // 5]
        # Processor time, not wall time: other programs share this machine.
        began = time.process_time()
        for study in some:
            render(study, size=size, masks=masks)
        rate = len(some) / (time.process_time() - began)
        goal = "At least 20 images a second and core at 256 px" if (size, masks) == (256, False) else ""
        name = f"{size} px{' with masks' if masks else ''}"
        results.add(name, rate, "images / processor-second", goal, rate >= 20 if goal else None)
    results.write(args.json)


if __name__ == "__main__":
    main()
