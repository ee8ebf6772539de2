import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from saerad_core.llm import Message, ModelError, chosen_model, openai_compatible
from saerad_core.llm.openai_compatible import Server
from tests.llm.server import answering

ASK = [Message("user", "Say it.")]


async def _all(model):
    return [piece async for piece in model.stream(ASK, 50)]


def everything(model):
    # In a thread of its own: where browser tests ran before, playwright's event loop still runs in this one.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, _all(model)).result()


def said(server, key=""):
    return "".join(everything(Server(server.url, "m", key)))


def test_the_answer_comes_in_pieces_and_the_key_only_where_it_belongs():
    with answering("There is \u00e9ffusion.") as server:
        assert said(server, "s3cret") == "There is \u00e9ffusion."
        assert server.headers_seen[0]["Authorization"] == "Bearer s3cret"
        asked = server.asked[0]
        assert asked["stream"] and asked["temperature"] == 0 and asked["messages"] == [ASK[0]._asdict()]
        assert "s3cret" not in repr(Server(server.url, "m", "s3cret"))


@pytest.mark.parametrize("behaves", ["fails", "redirects", "no events", "breaks off", "binary", "never ends a line"])
def test_a_bad_server_is_one_sentence(behaves):
    with answering("A long enough answer to break off.", behaves) as server, pytest.raises(ModelError) as told:
        said(server)
    words = str(told.value)
    assert words.endswith(".") and "127.0.0.1" not in words


def test_a_server_that_says_nothing_is_given_up(monkeypatch):
    monkeypatch.setattr(openai_compatible, "QUIET_SECONDS", 0.2)
    with answering(behaves="silent") as server, pytest.raises(ModelError, match="in time"):
        said(server)


def test_no_server_there_is_one_sentence():
    with pytest.raises(ModelError, match="reached"):
        everything(Server("http://127.0.0.1:9/v1", "m"))


def test_nothing_is_asked_unless_somebody_set_it_up(tmp_path):
    assert chosen_model({}) is None
    server = chosen_model({"SAERAD_LLM_URL": "http://localhost:1/v1/", "SAERAD_LLM_MODEL": "m"})
    assert server is not None and server.name == "m"
    for wrong in ("ftp://x", "localhost:1", "http://user:word@x", "http://"):
        with pytest.raises(ModelError):
            chosen_model({"SAERAD_LLM_URL": wrong, "SAERAD_LLM_MODEL": "m"})
    with pytest.raises(ModelError, match="SAERAD_LLM_MODEL"):
        chosen_model({"SAERAD_LLM_URL": "http://x"})
    with pytest.raises(ModelError, match="no folder"):
        chosen_model({"SAERAD_LLM_FOLDER": str(tmp_path / "none")})
    folder = chosen_model({"SAERAD_LLM_FOLDER": str(tmp_path)})
    assert folder is not None
    with pytest.raises(ModelError, match="can load"):
        everything(folder)
