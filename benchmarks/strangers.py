"""Images that are no chest X-ray, from what the requirements carry: photographs, CT and MR slices; and simulated hips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.data import get_testdata_files
from sklearn.datasets import load_sample_images

from saerad_core.images.radiograph import decode

SLICES = ("J2K_pixelrep_mismatch.dcm", "693_J2KI.dcm", "CT_small.dcm", "examples_overlay.dcm", "MR_small.dcm")
"""Of pydicom's own corpus: three CT slices and two MR slices."""


def crops(image: np.ndarray, count: int, rng: np.random.Generator) -> list[np.ndarray]:
    """``count`` views of [H, W]: squares of 70 to 100% of the shorter side, some turned by a quarter."""
    found = []
    for _ in range(count):
        side = int(min(image.shape) * rng.uniform(0.7, 1))
        top, left = (rng.integers(0, size - side + 1) for size in image.shape)
        found.append(np.rot90(image[top : top + side, left : left + side], int(rng.integers(0, 4))).copy())
    return found


def photographs(count: int) -> list[np.ndarray]:
    """Grey views of the two photographs that scikit-learn carries, float32 in [0, 1]."""
    rng = np.random.default_rng(0)
    grey = [(image @ np.array([0.299, 0.587, 0.114]) / 255).astype(np.float32) for image in load_sample_images().images]
    return [view for image in grey for view in crops(image, count // len(grey), rng)]


def slices(count: int) -> list[np.ndarray]:
    """Views of the CT and MR slices that pydicom carries, float32 in [0, 1]."""
    rng = np.random.default_rng(1)
    paths = {Path(path).name: Path(path) for path in get_testdata_files()}
    images = [decode(paths[name]).pixels for name in SLICES]
    return [view for image in images for view in crops(image, count // len(images), rng)]


def hips(count: int) -> list[np.ndarray]:
    """Simulated radiographs of a pelvis and both hips, float32 [384, 448] in [0, 1]: attenuation through soft tissue and bone."""
    return [_hip(np.random.default_rng(seed)) for seed in range(count)]


def _hip(rng: np.random.Generator) -> np.ndarray:
    height, width = 384, 448
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x = (x - width / 2) / (width / 2)
    y = (y - height / 2) / (height / 2)
    wide = rng.uniform(0.85, 1.05)

    def blob(cx: float, cy: float, rx: float, ry: float, angle: float = 0.0) -> np.ndarray:
        dx, dy = x - cx, y - cy
        c, s = np.cos(angle), np.sin(angle)
        inside = 1 - ((c * dx + s * dy) / rx) ** 2 - ((-s * dx + c * dy) / ry) ** 2
        return np.sqrt(np.clip(inside, 0, None))

    soft = 1.1 * blob(0, -0.1, 1.0 * wide, 1.5) + 0.5 * blob(-0.45, 0.9, 0.42, 0.9) + 0.5 * blob(0.45, 0.9, 0.42, 0.9)
    bone = np.zeros_like(soft)
    for side in (-1, 1):
        tilt = side * rng.uniform(0.5, 0.7)
        wing = blob(side * 0.48 * wide, -0.45, 0.2, 0.42, -tilt)
        bone += 0.5 * wing + 0.35 * (wing > 0) * (wing < 0.35)
        bone += 0.9 * blob(side * 0.55 * wide, 0.12, 0.13, 0.15)
        bone += 0.8 * blob(side * 0.68 * wide, 0.27, 0.09, 0.2, -side * 0.8)
        shaft = blob(side * 0.75 * wide, 0.95, 0.09, 0.75, side * 0.08)
        bone += 0.7 * shaft + 0.4 * (shaft > 0) * (shaft < 0.5)
        ring = blob(side * 0.22, 0.42, 0.2, 0.22) - blob(side * 0.22, 0.42, 0.11, 0.12)
        bone += 0.5 * np.clip(ring, 0, None)
    bone += 0.7 * blob(0, -0.45, 0.2, 0.4) + 0.6 * np.clip(np.cos(y * 22), 0, 1) * blob(0, -0.9, 0.16, 0.5)
    gas = 0.25 * blob(rng.uniform(-0.3, 0.3), rng.uniform(-0.7, -0.3), 0.12, 0.1)
    log = soft + bone - gas + rng.normal(0, 0.02, soft.shape)
    low, high = np.percentile(log, (2, 99.5))
    return np.clip((log - low) / (high - low), 0, 1).astype(np.float32)
