"""The demo workspace: where it is and what it is made of."""

from __future__ import annotations

from pathlib import Path

from saerad_core.workspace import DatasetInfo

ROOT = Path(__file__).resolve().parents[2] / "data" / "demo"
"""The committed encoder and dictionary lie here; a build fills in the rest."""
ENCODER = "data/demo/encoder"
"""As the manifest names it: relative to the project, so that the workspace can move with it."""
SEED = 7
"""Of the demo's population: the encoder and the dictionary were trained on others."""
PATIENTS = 1_340
"""2,040 X-rays."""


def demo_dataset(patients: int = PATIENTS, seed: int = SEED) -> DatasetInfo:
    """The simulated population of the demo."""
    return DatasetInfo(
        kind="simulated",
        title="Simulated chest radiographs",
        simulated=True,
        options={"seed": seed, "patients": patients},
    )
