"""Language models that may word a report: an OpenAI-compatible server or a local folder. None is asked unless a person set one up.

    SAERAD_LLM_URL     base URL of a server, such as http://localhost:8000/v1
    SAERAD_LLM_MODEL   its model's name
    SAERAD_LLM_KEY     its key, where it wants one; never written anywhere
    SAERAD_LLM_FOLDER  instead of a server: a folder with a model for transformers (safetensors or GGUF)

One more way to reach a model is a module and a line in WAYS.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from saerad_core.llm.base import LanguageModel, Message, ModelError
from saerad_core.llm.local import local_model
from saerad_core.llm.openai_compatible import server_model

WAYS: tuple[Callable[[Mapping[str, str]], LanguageModel | None], ...] = (server_model, local_model)
"""Each takes the environment and gives a model where it is set up there."""


def chosen_model(environment: Mapping[str, str] | None = None) -> LanguageModel | None:
    """The model that the environment names; None where it names none.

    Raises:
        ModelError: what it says can't be used.
    """
    environment = os.environ if environment is None else environment
    return next((model for way in WAYS if (model := way(environment)) is not None), None)


__all__ = ["LanguageModel", "Message", "ModelError", "chosen_model"]
