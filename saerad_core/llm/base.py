"""What every language model here can do: answer a conversation, piece by piece."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import NamedTuple, Protocol

from saerad_core.errors import SaeRadError


class ModelError(SaeRadError):
    """The model can't be reached or doesn't answer as it should; one sentence for the reader, without its key or address."""


class Message(NamedTuple):
    """One turn."""

    role: str
    """system, user or assistant."""
    content: str


class LanguageModel(Protocol):
    """A model that can be asked."""

    @property
    def name(self) -> str:
        """As it stands in audit rows."""
        ...

    def stream(self, messages: Sequence[Message], most_tokens: int) -> AsyncGenerator[str, None]:
        """Its answer in pieces, as they come; closing the iterator ends the asking.

        Raises:
            ModelError: it can't be reached, or its answer can't be read.
        """
        ...
