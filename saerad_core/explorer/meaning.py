"""Search by meaning: descriptions' vectors, kept beside the workspace by what they say, and those that lie near a question's.

A vector is found by the hash of its text, so an edit needs one new vector and an undo none. They lie in pieces, each a file that takes
its name when it is whole: a killed run goes on where it was, and the app and a command may write at once.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from saerad_core.errors import WorkspaceError
from saerad_core.progress import Progress, Silent

PIECE = 512
"""Texts of a file: what a killed run loses at most."""
AT_ONCE = 256
"""Missing vectors that a search makes itself; more are for the command."""
NEAREST = 50
"""Different descriptions that count as an answer."""


class Model(Protocol):
    """What makes vectors (llm.sentences.SentenceModel)."""

    @property
    def fingerprint(self) -> str: ...
    def embed(self, texts: list[str]) -> np.ndarray: ...


def _key(text: str) -> bytes:
    return sha256(text.encode()).digest()[:16]


class Meanings:
    """Vectors of one workspace's descriptions by one model; safe to share between threads."""

    def __init__(self, folder: Path, model: Model, name: str = "") -> None:
        """Read none yet.

        Args:
            folder: of the workspace; the model's pieces lie in a folder of its own there.
            name: the workspace as a command names it.
        """
        self.model, self._name = model, name or str(folder.parent)
        self._folder = folder / model.fingerprint
        self._lock = threading.Lock()
        self._read: set[str] = set()
        self._vectors: dict[bytes, np.ndarray] = {}
        self._seen: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None

    def _look(self) -> None:
        """Read the pieces that weren't there before."""
        for path in sorted(self._folder.glob("*.safetensors")):
            if path.name in self._read:
                continue
            self._read.add(path.name)
            try:
                piece = load_file(path)
            except (OSError, SafetensorError):
                continue  # Damaged: its texts count as missing and are done again.
            for key, vector in zip(piece["keys"], piece["vectors"], strict=True):
                self._vectors[key.tobytes()] = vector

    def missing(self, texts: Iterable[str]) -> list[str]:
        """Different texts without a vector; "" needs none."""
        with self._lock:
            self._look()
            return self._missing(texts)

    def _missing(self, texts: Iterable[str]) -> list[str]:
        return [text for text in dict.fromkeys(texts) if text and _key(text) not in self._vectors]

    def make(self, texts: Iterable[str], progress: Progress | None = None) -> int:
        """Make and keep the vectors that are missing, piece by piece; how many they were.

        Raises:
            ModelError: the model can't be loaded.
        """
        wanted, progress = self.missing(texts), progress or Silent()
        progress.stage("Meanings of descriptions", len(wanted))
        for first in range(0, len(wanted), PIECE):
            some = wanted[first : first + PIECE]
            self._keep(some, self.model.embed(some).astype(np.float16))
            progress.advance(len(some))
        progress.finish()
        return len(wanted)

    def _keep(self, texts: list[str], vectors: np.ndarray) -> None:
        keys = [_key(text) for text in texts]
        name = sha256(b"".join(keys)).hexdigest()[:24]
        self._folder.mkdir(parents=True, exist_ok=True)
        part = self._folder / f"{name}.part"
        save_file({"keys": np.frombuffer(b"".join(keys), np.uint8).reshape(-1, 16).copy(), "vectors": vectors}, part)
        part.replace(self._folder / f"{name}.safetensors")
        with self._lock:
            self._read.add(f"{name}.safetensors")
            self._vectors |= dict(zip(keys, vectors, strict=True))

    def near(self, question: str, texts: np.ndarray) -> np.ndarray:
        """float32 [n]: cosine of each text's meaning to the question's; -inf for all but the ``NEAREST`` different texts and for "".

        Raises:
            WorkspaceError: more vectors are missing than a search can wait for.
            ModelError: the model can't be loaded.
        """
        with self._lock:
            seen = self._seen
        if seen is None or seen[0] is not texts:
            different, which = np.unique(texts.astype(str), return_inverse=True)
            missing = self.missing(different.tolist())
            if len(missing) > AT_ONCE:
                raise WorkspaceError(
                    f"The meanings of {len(missing)} descriptions aren't known yet; run python -m saerad_core meanings {self._name}, "
                    "or search by words."
                )
            self.make(missing)
            with self._lock:
                known = [self._vectors[_key(text)] for text in different if text]
                matrix = np.stack(known).astype(np.float32) if known else np.zeros((0, 1), np.float32)
                # "" comes first in the order of the alphabet, where there is any.
                blank = len(different) - len(known)
                seen = self._seen = (texts, which - blank, matrix)
        _, which, matrix = seen
        found = np.full(len(texts), -np.inf, np.float32)
        if not len(matrix):
            return found
        cosine = matrix @ self.model.embed([question])[0]
        if len(cosine) > NEAREST:
            cosine[cosine < np.partition(cosine, -NEAREST)[-NEAREST]] = -np.inf
        said = which >= 0
        found[said] = cosine[which[said]]
        return found
