"""Write the demo encoder's model card from the figures of benchmarks/results/encoder.json and the training record.

python -m benchmarks.card
"""

from __future__ import annotations

import json
from pathlib import Path

from saerad_core.vocabulary import SIMULATED, TERMS

FOLDER = Path("data/demo/encoder")
TEXT = """# The demo's encoder: a small DINOv2 for simulated chest X-rays

Made for SAE-Rad's demo and for nothing else. It has seen **simulated** X-rays only. **Research software, never for
clinical use**; on real X-rays it is out of its depth.

| | |
|---|---|
| architecture | `Dinov2Model` (transformers): {layers} blocks, width 384, 6 heads, 16 x 16 patches of 16 px, one grey channel, 256 px |
| weights | float16 safetensors, {size:.1f} MB |
| starts from | the first {layers} blocks of DINOv2-small (Oquab et al. 2023, Meta AI, Apache-2.0), patch kernels resampled from 14 to 16 px and folded to grey, positions resampled; changed by the training below |
| trained on | {images:,} simulated X-rays of {patients:,} patients (population {seed}), {samples:,} samples with replacement, shifted, turned, zoomed and re-exposed, never mirrored |
| trained for | which phrases its report affirms: a sigmoid loss for each pair of image and phrase (as SigLIP, Zhai et al. 2023) over {phrases:,} n-grams of report text, read out at CLS and at the strongest patches. The first {heads} steps trained the readouts alone, so that they don't distort what the encoder starts with (Kumar et al. 2022). Finding labels and masks were never used |
| licence | Apache-2.0, as the weights that it starts from |

Remake it (DINOv2-small's folder is needed; about half an hour on two cores):

    python -m saerad_core.demo.train_encoder --teacher DINOV2_SMALL_DIR --out data/demo/encoder --patients {patients} --steps {steps}

The weights here come from that command, on renders of the simulator as it is now.

## What a linear probe reads from it

Logistic regression on {fit:,} X-rays, tested on {test:,} X-rays of {unseen} other patients (population 2; the encoder has seen none of
them). AUROC; the representation is CLS with mean and max pooled patches, since the dictionary reads patches. Figures:
`benchmarks/results/encoder.json`, made by `python -m benchmarks.encoder --teacher DINOV2_SMALL_DIR`.

| representation | macro AUROC, {n} findings |
|---|---|
{macro}

| finding | X-rays with it | this encoder | random weights | 32x32 raw pixels |
|---|---|---|---|---|
{findings}

## Limits

The reports of simulated X-rays name what was drawn, so what the encoder learns from text is cleaner than any hospital's
text would allow. It learns this simulator's habits (how an effusion ends, what a pacemaker looks like), not
radiology's. Findings of few pixels (see the table) are the weakest.
"""


def main() -> None:
    rows = json.loads(Path("benchmarks/results/encoder.json").read_text(encoding="utf-8"))["rows"]
    values = {row["name"]: row["value"] for row in rows}
    record = json.loads((FOLDER / "training.json").read_text(encoding="utf-8"))
    settings = record["settings"]
    macro = [
        (name.removeprefix("macro AUROC, ").rsplit(" (L2", 1)[0], value)
        for name, value in values.items()
        if name.startswith("macro AUROC, ") and "(L2" in name
    ]
    findings = []
    for key in SIMULATED:
        mine = {n.split(": ", 1)[1]: (n, v) for n, v in values.items() if n.startswith(f"{key} (")}
        count = next(iter(mine.values()))[0].split("(")[1].split(" ")[0]
        figures = [
            mine[name][1]
            for name in (
                "encoder, CLS + pooled patches",
                "random weights, CLS + pooled patches",
                "32x32 raw pixels",
            )
        ]
        findings.append(f"| {TERMS[key].name} | {count} | " + " | ".join(f"{value:.3f}" for value in figures) + " |")
    text = TEXT.format(
        layers=settings["layers"],
        size=(FOLDER / "model.safetensors").stat().st_size / 1e6,
        images=record["images"],
        patients=settings["patients"],
        seed=settings["seed"],
        samples=record["samples"],
        phrases=record["phrases"],
        heads=settings["heads_first"],
        steps=settings["steps"],
        fit=int(values["X-rays the probe is fitted on"]),
        test=int(values["X-rays of unseen patients"]),
        unseen=int(values["unseen patients"]),
        n=len(SIMULATED),
        macro="\n".join(f"| {name} | {value:.3f} |" for name, value in macro),
        findings="\n".join(findings),
    )
    (FOLDER / "README.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
