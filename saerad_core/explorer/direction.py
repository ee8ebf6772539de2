"""X-rays by a direction: features added and taken away.

Of a CLS dictionary the direction is the sum of the features' encoder rows, looked up by FAISS over the very tokens that the dictionary reads, so that X-rays are ranked
by pre-activations, below every threshold too. A dictionary of patches has no one token an X-ray: there the X-ray's own code is added up, each feature's maximum over
its patches. Either way every feature counts in shares of its strongest training X-ray.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from safetensors import safe_open

from saerad_core.errors import SaeRadError
from saerad_core.retrieval import ImageIndex
from saerad_core.store.activations import ActivationStore
from saerad_core.workspace import Workspace

MOST = 12
"""Features of one direction."""
ASKED = 240
"""X-rays asked of the index, of which one a patient is kept."""
_TERM = re.compile(r"\s*([+-]?)\s*#?(\d{1,7})\s*,?")


class Mix(NamedTuple):
    """Features added and taken away."""

    plus: tuple[int, ...]
    minus: tuple[int, ...]

    @property
    def weights(self) -> dict[int, float]:
        return dict.fromkeys(self.plus, 1.0) | dict.fromkeys(self.minus, -1.0)


def parse_mix(text: str, features: int) -> Mix:
    """``12 + 90 - 44`` -> Mix; a feature that is named twice counts as it was named last.

    Args:
        text: numbers with + and - between, a # before a number and commas allowed.
        features: of the dictionary.

    Raises:
        SaeRadError: it isn't such a text, it adds nothing, or names a feature that there isn't.
    """
    signs: dict[int, str] = {}
    at = 0
    while text[at:].strip():
        found = _TERM.match(text, at)
        if found is None:
            raise SaeRadError("Combine features by their numbers, such as 12 + 90 - 44.")
        feature = int(found.group(2))
        if feature >= features:
            raise SaeRadError(f"There is no feature {feature} in this workspace; the last one is {features - 1}.")
        signs[feature] = found.group(1) or "+"
        at = found.end()
    plus, minus = (tuple(f for f, sign in signs.items() if sign == which) for which in "+-")
    if not plus:
        raise SaeRadError("Add at least one feature; those that are only taken away leave nothing to look for.")
    if len(signs) > MOST:
        raise SaeRadError(f"Combine at most {MOST} features.")
    return Mix(plus, minus)


class Directions:
    """Looks X-rays up by a direction; safe to share between threads."""

    def __init__(self, workspace: Workspace, store: ActivationStore) -> None:
        self._workspace, self._store = workspace, store
        self._lock = threading.Lock()
        self._index: ImageIndex | None = None

    def strongest(self, mix: Mix, most: Mapping[int, float], n: int) -> list[tuple[int, float]]:
        """(row, score) of the highest X-rays, one a patient.

        Args:
            mix: what to look for.
            most: each of the features -> its strongest activation on a training X-ray, its unit.
            n: X-rays.
        """
        weights = {f: sign / max(float(most[f]), 1e-6) for f, sign in mix.weights.items()}
        if self._workspace.manifest.sae.tokens == "cls" and self._workspace.tokens.exists():
            found = self._by_inputs(weights)
        else:
            found = self._by_codes(weights)
        rows = np.array([row for row, _ in found], dtype=np.int64)
        first = self._store.roster.first_of_patients(rows)[:n] if len(rows) else []
        return [found[int(i)] for i in first]

    def _by_codes(self, weights: dict[int, float]) -> list[tuple[int, float]]:
        scores = np.zeros(len(self._store.roster))
        shown = np.zeros(len(scores), bool)
        for feature, weight in weights.items():
            firing = self._store.firing(feature)
            scores[firing.rows] += weight * firing.activations
            shown[firing.rows] |= weight > 0
        order = np.flatnonzero(shown)
        order = order[np.argsort(-scores[order], kind="stable")][:ASKED]
        return [(int(row), float(scores[row])) for row in order]

    def _by_inputs(self, weights: dict[int, float]) -> list[tuple[int, float]]:
        with safe_open(self._workspace.sae_dir / "sae_weights.safetensors", framework="numpy") as file:
            rows = file.get_slice("W_enc")
            columns = {f: np.asarray(rows[:, f : f + 1], dtype=np.float32)[:, 0] for f in weights}
            centre, bias = (np.asarray(file.get_tensor(name), dtype=np.float32) for name in ("b_dec", "b_enc"))
        query = np.sum([weight * columns[f] for f, weight in weights.items()], axis=0)
        constant = sum(weight * float(bias[f] - columns[f] @ centre) for f, weight in weights.items())
        return [(row, value + constant) for row, value in self._inputs().search(query, ASKED)]

    def _inputs(self) -> ImageIndex:
        """The index over the tokens that the dictionary reads; made when it is first asked for."""
        with self._lock:
            if self._index is None:
                path = self._workspace.root / "inputs.faiss"
                tokens = self._workspace.tokens
                if not path.exists() or path.stat().st_mtime_ns < tokens.stat().st_mtime_ns:
                    ImageIndex.build(np.load(tokens, mmap_mode="r")[:, 0], path)
                self._index = ImageIndex(path)
            return self._index
