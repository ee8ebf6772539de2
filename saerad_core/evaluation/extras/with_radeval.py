"""RadGraph-F1, CheXbert, GREEN, RadCliQ, BERTScore and CRIMSON by RadEval (Xu et al., EMNLP 2025; MIT licence), where it and its models are.

RadEval is not among this program's requirements: it brings dozens of packages and models of several GB. It runs in a process of its own, under
the Python that SAERAD_RADEVAL_PYTHON names or this one (docs/evaluation.md says how to get one), without the network and without anybody's keys:
what isn't on the machine is named in one sentence, never fetched.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from saerad_core.evaluation.measures import Told

METRICS: dict[str, str] = {
    "radgraph": "RadGraph-F1",
    "f1chexbert": "CheXbert",
    "green": "GREEN",
    "radcliq": "RadCliQ",
    "bertscore": "BERTScore",
    "crimson": "CRIMSON",
}
"""RadEval's key -> name."""
SECONDS = 24 * 3600
"""GREEN is a model of 7 billion parameters."""
CHILD = Path(__file__).with_name("radeval_child.py")
PYTHON = "SAERAD_RADEVAL_PYTHON"
_KEYS = ("OPENAI_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "HF_TOKEN", "SAERAD_LLM_KEY")


def radeval(told: Mapping[str, Told]) -> dict[str, Any]:
    """Score every way of reporting by each of METRICS that can be had.

    Returns:
        ``figures``: way -> metric -> value; ``missing``: metric -> one sentence.
    """
    asked_for = os.environ.get(PYTHON) or sys.executable
    # In full, as the child runs in another folder; unresolved, as the link is how Python knows its environment.
    python = str(Path(shutil.which(asked_for) or asked_for).absolute())
    texts = {
        way: [(text, reference) for text, reference in zip(one.texts, one.references, strict=True) if reference]
        for way, one in told.items()
    }
    asked = json.dumps({"metrics": list(METRICS), "texts": texts})
    environment = {name: value for name, value in os.environ.items() if name not in _KEYS}
    environment |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    try:
        # GREEN writes its answers into the folder that it is run in.
        with TemporaryDirectory() as folder:
            done = subprocess.run(
                [python, str(CHILD)],
                input=asked,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                env=environment,
                cwd=folder,
                check=False,
            )
        found = json.loads(done.stdout.rpartition("\n@saerad ")[2]) if done.returncode == 0 else None
    except (OSError, ValueError, subprocess.TimeoutExpired):
        found = None
    if found is None:
        why = f"RadEval can't be run by {asked_for!r}; install it there, or name another Python in {PYTHON}."
        return {"figures": {way: {} for way in told}, "missing": dict.fromkeys(METRICS, why)}
    missing = {
        key: f"{METRICS[key]} can't be had here ({why}); install RadEval and put the model it names into the Hugging Face cache."
        for key, why in found["missing"].items()
    }
    return {"figures": found["figures"], "missing": missing}
