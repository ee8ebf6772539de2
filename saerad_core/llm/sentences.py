"""A sentence-embedding model in a folder, by transformers: safetensors only, no network, no code of the folder is run.

    SAERAD_SENTENCE_FOLDER  a folder with config.json, tokenizer and safetensors, such as a copy of all-MiniLM-L6-v2

A text's meaning is the mean of its tokens' last states, scaled to length 1 (Reimers and Gurevych 2019).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from saerad_core.llm.base import ModelError

VARIABLE = "SAERAD_SENTENCE_FOLDER"
LONGEST = 256
"""Tokens of a text that are read; descriptions have some twenty."""
BATCH = 64


class SentenceModel:
    """One model on this machine, loaded when first asked; safe to share between threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits over configuration, tokenizer and weights: vectors of two models are never mixed."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        found = sha256()
        for path in sorted(self.path.iterdir()):
            if path.suffix in (".json", ".txt", ".safetensors", ".model") and path.is_file():
                found.update(path.name.encode())
                with path.open("rb") as file:
                    found.update(sha256(file.read()).digest())
        return found.hexdigest()[:16]

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        import torch
        from safetensors import SafetensorError
        from transformers import AutoModel, AutoTokenizer

        common: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            tokenizer = AutoTokenizer.from_pretrained(self.path, **common)
            model = AutoModel.from_pretrained(self.path, dtype=torch.float32, use_safetensors=True, **common)
        except (OSError, ValueError, ImportError, KeyError, SafetensorError) as error:
            raise ModelError(
                f"{VARIABLE} holds no model that transformers can load; give a folder with config.json, tokenizer and safetensors."
            ) from error
        return tokenizer, model.eval()

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """float32 [n, d]: each text's meaning, of length 1.

        Raises:
            ModelError: the folder holds no such model.
        """
        import torch

        # Tokenizers can't be used by two threads at a time.
        with self._lock, torch.inference_mode():
            tokenizer, model = self._loaded
            found: list[np.ndarray] = []
            for first in range(0, len(texts), BATCH):
                some = [text or " " for text in texts[first : first + BATCH]]
                tokens = tokenizer(some, padding=True, truncation=True, max_length=LONGEST, return_tensors="pt")
                states = model(**tokens).last_hidden_state
                mask = tokens["attention_mask"].unsqueeze(-1)
                mean = (states * mask).sum(1) / mask.sum(1).clamp(min=1)
                found.append(torch.nn.functional.normalize(mean, dim=1).numpy())
        return np.concatenate(found) if found else np.zeros((0, 0), np.float32)


def sentence_model(environment: Mapping[str, str] | None = None) -> SentenceModel | None:
    """The model of the folder that the environment names; None where it names none.

    Raises:
        ModelError: there is no such folder.
    """
    folder = (os.environ if environment is None else environment).get(VARIABLE, "").strip()
    if not folder:
        return None
    if not Path(folder).is_dir():
        raise ModelError(f"{VARIABLE} names no folder; mend it or take it out.")
    return _kept(folder)


@lru_cache(maxsize=2)
def _kept(folder: str) -> SentenceModel:
    # One for all workspaces and sessions.
    return SentenceModel(Path(folder))
