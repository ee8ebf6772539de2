"""A server that speaks OpenAI's chat completions with server-sent events, as vLLM, llama.cpp and Ollama do. By httpx."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import urlsplit

import httpx2 as httpx

from saerad_core.llm.base import Message, ModelError

CONNECT_SECONDS = 5.0
QUIET_SECONDS = 30.0
"""Longest wait for the next piece."""
LONGEST_LINE = 1_000_000
"""Characters of one event; a server that sends more isn't one."""


@dataclass(frozen=True)
class Server:
    """One model of one server."""

    url: str
    name: str
    key: str = field(default="", repr=False)

    async def stream(self, messages: Sequence[Message], most_tokens: int) -> AsyncGenerator[str, None]:
        """See LanguageModel."""
        body = {
            "model": self.name,
            "messages": [message._asdict() for message in messages],
            "max_tokens": most_tokens,
            "temperature": 0,
            "seed": 0,
            "stream": True,
        }
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        waits = httpx.Timeout(QUIET_SECONDS, connect=CONNECT_SECONDS)
        try:
            # No proxy and no redirect: the address is the one that a person set, and no other.
            async with (
                httpx.AsyncClient(timeout=waits, trust_env=False, follow_redirects=False, verify=_trusted()) as client,
                client.stream("POST", f"{self.url}/chat/completions", json=body, headers=headers) as response,
            ):
                if response.status_code != 200:
                    raise ModelError(f"The language model's server answered {response.status_code}; look at its log.")
                async with aclosing(_events(response)) as events:
                    async for event in events:
                        piece = _piece(event)
                        if piece:
                            yield piece
        except httpx.TimeoutException as error:
            raise ModelError("The language model's server doesn't answer in time.") from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise ModelError("The language model's server can't be reached or broke off.") from error


@cache
def _trusted() -> ssl.SSLContext:
    """Certificates that are trusted, read once: 50,000 questions would read them 50,000 times, for 0.1 s each."""
    return httpx.create_ssl_context(trust_env=False)


async def _events(response: httpx.Response) -> AsyncGenerator[str, None]:
    """Data of each server-sent event, line by line without trusting the server to ever end a line."""
    rest = ""
    async for text in response.aiter_text():
        rest += text
        *lines, rest = rest.split("\n")
        if len(rest) > LONGEST_LINE:
            raise ModelError("The language model's server sends more than an answer.")
        for line in lines:
            if line.startswith("data:"):
                data = line[5:].strip()
                if data == "[DONE]":
                    return
                yield data
    raise ModelError("The language model's server broke off.")


def _piece(event: str) -> str:
    try:
        choices = json.loads(event)["choices"]
        content = choices[0]["delta"].get("content") if choices else ""
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise ModelError("The language model's server answers in a form that can't be read.") from error
    return content if isinstance(content, str) else ""


def server_model(environment: Mapping[str, str]) -> Server | None:
    """The server that the environment names.

    Raises:
        ModelError: it names an address that is none, or no model.
    """
    url = environment.get("SAERAD_LLM_URL", "").strip().rstrip("/")
    if not url:
        return None
    name = environment.get("SAERAD_LLM_MODEL", "").strip()
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise ModelError("SAERAD_LLM_URL is no address such as http://localhost:8000/v1; mend it or take it out.")
    if not name:
        raise ModelError("SAERAD_LLM_URL names a server but SAERAD_LLM_MODEL no model; set both.")
    return Server(url, name, environment.get("SAERAD_LLM_KEY", ""))
