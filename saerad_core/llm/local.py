"""A model in a folder, by transformers: safetensors, or one GGUF file. Greedy; no code of the folder is run."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from saerad_core.llm.base import Message, ModelError

LOOK_SECONDS = 0.05
"""How often a waiting reader looks for the next piece."""
PATIENCE_SECONDS = 600.0
"""Longest wait for a piece before generation counts as dead."""


@dataclass(frozen=True)
class Folder:
    """One model on this machine; loaded when first asked, which takes seconds."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        ggufs = sorted(self.path.glob("*.gguf"))
        which = {"gguf_file": ggufs[0].name} if ggufs else {}
        safe = {} if ggufs else {"use_safetensors": True}
        common: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False, **which}
        try:
            tokenizer = AutoTokenizer.from_pretrained(self.path, **common)
            model = AutoModelForCausalLM.from_pretrained(self.path, dtype=torch.float32, **common, **safe)
        except (OSError, ValueError, ImportError, KeyError) as error:
            raise ModelError(
                "SAERAD_LLM_FOLDER holds no model that transformers can load; give a folder with config.json, tokenizer and "
                "safetensors, or one GGUF file."
            ) from error
        return tokenizer, model.eval()

    async def stream(self, messages: Sequence[Message], most_tokens: int) -> AsyncGenerator[str, None]:
        """See LanguageModel."""
        tokenizer, model = await asyncio.to_thread(lambda: self._loaded)
        from transformers import StoppingCriteria, StoppingCriteriaList, TextIteratorStreamer

        stop = threading.Event()

        class Stopped(StoppingCriteria):
            def __call__(self, input_ids, scores, **kwargs):  # type: ignore[override]  # noqa: ANN001, ANN003, ANN204
                import torch

                return torch.full((input_ids.shape[0],), stop.is_set(), dtype=torch.bool)

        chat = [message._asdict() for message in messages]
        ids = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt", return_dict=True)
        streamer = TextIteratorStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True)
        failed: list[Exception] = []

        def generate() -> None:
            import torch

            try:
                with torch.inference_mode():
                    model.generate(
                        **ids, max_new_tokens=most_tokens, do_sample=False, streamer=streamer,
                        stopping_criteria=StoppingCriteriaList([Stopped()]),
                    )  # fmt: skip
            except (RuntimeError, ValueError, IndexError) as error:
                failed.append(error)
                streamer.end()

        # No daemon: one that is inside torch when the program ends takes it down; told to stop, it ends with its next token.
        thread = threading.Thread(target=generate, name="language model")
        thread.start()
        try:
            waited = 0.0
            while True:
                try:
                    piece = streamer.text_queue.get_nowait()
                except queue.Empty:
                    await asyncio.sleep(LOOK_SECONDS)
                    waited += LOOK_SECONDS
                    if waited > PATIENCE_SECONDS:
                        raise ModelError("The local language model doesn't answer.") from None
                    continue
                waited = 0.0
                if piece is streamer.stop_signal:
                    break
                yield piece
        finally:
            stop.set()
        if failed:
            raise ModelError("The local language model failed.") from failed[0]


def local_model(environment: Mapping[str, str]) -> Folder | None:
    """The folder that the environment names.

    Raises:
        ModelError: there is no such folder.
    """
    folder = environment.get("SAERAD_LLM_FOLDER", "").strip()
    if not folder:
        return None
    if not Path(folder).is_dir():
        raise ModelError("SAERAD_LLM_FOLDER names no folder; mend it or take it out.")
    return Folder(Path(folder))
