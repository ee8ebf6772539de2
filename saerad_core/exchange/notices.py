"""What every exported file says of itself."""

from __future__ import annotations

from saerad_core import NOTICE
from saerad_core.workspace import Workspace

SIMULATED = "The X-rays and reports are simulated: a program made them, they show no patient."
PSEUDO = "The report texts are pseudo-reports: they belong to other patients and were matched by label."


def notices(workspace: Workspace) -> list[str]:
    """Sentences, the most important first."""
    dataset = workspace.manifest.dataset
    return [NOTICE, *([SIMULATED] if dataset.simulated else []), *([PSEUDO] if dataset.pseudo_reports else [])]
