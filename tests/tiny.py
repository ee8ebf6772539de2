"""A small but real workspace: every stage of the build over drawn pictures whose reports agree with them."""

from __future__ import annotations

import csv
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from PIL import Image

from saerad_core import pipeline
from saerad_core.pipeline import BuildSettings
from saerad_core.sae.config import SaeConfig
from saerad_core.workspace import DatasetInfo, Workspace
from tests.test_encoder import write_encoder

SIZE = 96
"""Pixels along a side of a picture."""
WIDTH = 64
"""Features of the dictionary."""
STEPS = 300
"""Of the dictionary's training; enough for the discs."""
PER_PATIENT = 3
"""Every third patient has two X-rays."""
SPLITS = ("train", "train", "validate", "train", "train", "test", "train", "train", "test", "train")
"""Of patients, over and over."""
REPORTS = {
    "left": ("There is a large left pleural effusion. The heart is not enlarged.", "Large left pleural effusion."),
    "right": ("Moderate right pneumothorax. No pleural effusion.", "Right pneumothorax."),
    "": ("The lungs are clear. No pleural effusion. No pneumothorax.", "No acute abnormality."),
}
"""Findings and impression by the patient's side of the disc, "" for none."""
LABELS = {"left": "Effusion", "right": "Pneumothorax", "": "No Finding"}


def make_tiny_workspace(root: Path, *, images: int = 120, tokens: str = "patch", **changed: Any) -> Workspace:
    """Build a workspace at ``root`` in a few seconds; pictures and encoder go beside it.

    A third of the X-rays have a bright disc in the patient's left half (called an effusion), a third a dark one in the
    right (called a pneumothorax), a third none. One file more is listed that no decoder can read. Called again, it goes
    on with what is there.

    Args:
        root: the workspace's folder; its parent is made too.
        images: X-rays that can be read.
        tokens: cls or patch.
        changed: other fields of BuildSettings.
    """
    encoder, films = root.parent / "encoder", root.parent / "films"
    if not encoder.exists():
        write_encoder(encoder)
    if not films.exists():
        write_films(films, images)
    options = {"images": str(films), "metadata": str(films / "metadata.csv")}
    info = DatasetInfo(kind="folder", title="Drawn discs", options=options)
    settings = BuildSettings(
        info,
        str(encoder),
        root,
        **{"tokens": tokens, "width": WIDTH, "k": 6, "active": 6, "workers": 1, "sweep": False} | changed,
    )
    with mock.patch.object(pipeline, "SaeConfig", partial(SaeConfig, steps=STEPS, warmup=20, check_every=50)):
        return pipeline.build(settings)


def write_films(folder: Path, images: int) -> None:
    """``images`` PNG files, a broken one, and metadata.csv."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    rows = []
    patient, second = 0, False
    for number in range(images):
        side = ("left", "right", "")[number % 3]
        name = f"film{number:03d}.png"
        Image.fromarray(draw(rng, side)).save(folder / name)
        findings, impression = REPORTS[side]
        rows.append(
            {
                "file": name,
                "patient_id": f"P{patient:03d}",
                "study_id": f"S{number:03d}",
                "view": ("PA", "AP")[patient % 2],
                "sex": ("F", "M")[patient // 2 % 2],
                "age": 30 + patient % 50,
                "labels": LABELS[side],
                "indication": "Shortness of breath.",
                "findings": findings,
                "impression": impression,
                "split": SPLITS[patient % len(SPLITS)],
            }
        )
        second = not second and patient % PER_PATIENT == 0
        patient += not second
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"not a picture")
    rows.append(rows[0] | {"file": "broken.png", "study_id": "S999"})
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def draw(rng: np.random.Generator, side: str) -> np.ndarray:
    """uint8 [SIZE, SIZE]: noise, and a disc low in one half, bright or dark. The patient's right is the picture's left."""
    pixels = rng.normal(110, 8, (SIZE, SIZE))
    if side:
        centre = SIZE * (0.25 if side == "right" else 0.75) + rng.normal(0, 2)
        y, x = np.mgrid[:SIZE, :SIZE]
        disc = np.hypot(x - centre, y - SIZE * 0.7) < SIZE * 0.17 + rng.normal(0, 1)
        pixels[disc] += 120 if side == "left" else -90
    return pixels.clip(0, 255).astype(np.uint8)
