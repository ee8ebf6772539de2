"""The shell without a browser: what is shown to whom, and whose name is written whatever a page says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
import streamlit
from streamlit.testing.v1 import AppTest

from saerad_core.access import AccessRefused, SignedOut
from saerad_core.store.curation import Author, CurationStore
from saerad_core.ui.login import admit, may, require, session, why_not
from saerad_core.ui.login.middleware import LoginMiddleware
from tests.store.curation.tools import make, noon
from tests.ui.login.conftest import Configure, claims, signed

SHELL = Path(__file__).resolve().parents[3] / "saerad_core" / "ui" / "shell.py"


@pytest.fixture
def sit() -> Iterator[object]:
    """Let the running script be that of a browser with this cookie."""

    class Context:
        cookies: dict[str, str] = {}

    class Streamlit:
        context = Context()
        user: dict[str, object] = {}

    def sitting(cookie: str | None, logged_in: bool = True) -> None:
        Context.cookies = {} if cookie is None else {"_streamlit_user": cookie}
        Streamlit.user = {"is_logged_in": logged_in}

    with patch.object(session, "st", Streamlit):
        yield sitting


def test_a_page_of_nobody_s_shows_the_way_in_and_nothing_else(login: Path):
    app = AppTest.from_file(str(SHELL), default_timeout=60).run()
    assert not app.exception
    words = "".join(element.proto.body for element in app.main.get("html"))
    assert "Sign in" in words and [one.label for one in app.button] == ["Sign in"]
    assert len(app.sidebar) == 0


def test_the_shell_alone_shows_nothing(configure: Configure):
    configure(None, None)
    with (
        # As Streamlit sets it to what it was told to run.
        patch("sys.argv", [str(SHELL)]),
        patch.object(LoginMiddleware, "stands", False),
    ):
        app = AppTest.from_file(str(SHELL), default_timeout=60).run()
    words = "".join(element.proto.body for element in app.main.get("html"))
    assert "streamlit run app.py" in words and len(app.sidebar) == 0


def test_what_each_role_may_do_is_asked_of_who_is_signed_in(login: Path, sit):
    sit(signed(claims("rita@example.org")))
    assert may("browse") and not may("curate") and "role of curator" in why_not("curate")
    with pytest.raises(AccessRefused):
        require("export")
    sit(signed(claims("cy@example.org")))
    assert require("export").name == "cy@example.org" and not may("adjudicate")
    sit(None)
    assert not may("browse") and "not signed in" in why_not("browse")
    # Streamlit says that the session signed out, though the browser's cookie is still the old one.
    sit(signed(claims("ada@example.org")), logged_in=False)
    assert not may("browse")
    (login / "roles.toml").write_text("[roles")
    sit(signed(claims("ada@example.org")))
    assert "can't be read" in why_not("browse")


def test_every_event_bears_the_name_that_signed_in(login: Path, sit, tmp_path: Path):
    store = CurationStore(make(tmp_path / "ws"), noon, admit)
    sit(signed(claims("cy@example.org")))
    event = store.edit(3, "Effusion", Author("ada@example.org", True, "oidc made up"), 0)
    assert (event.author, event.verified, event.means) == ("cy@example.org", True, "oidc http://127.0.0.1:1 1")
    with pytest.raises(AccessRefused, match="adjudicator"):
        store.adjudicate(3, "Mass", "jo@example.org", 1)
    sit(signed(claims("rita@example.org")))
    for refused in (lambda: store.note(3, "hm", "cy@example.org"), lambda: store.undo("cy@example.org", seqs=[1])):
        with pytest.raises(AccessRefused, match="As a reader"):
            refused()
    sit(None)
    with pytest.raises(SignedOut):
        store.bookmark(3, "cy@example.org")
    store.close()
    assert len((tmp_path / "ws" / "curation.jsonl").read_text().splitlines()) == 1


def test_without_a_login_nobody_passes_for_verified(configure: Configure, tmp_path: Path):
    configure(None, None)
    store = CurationStore(make(tmp_path / "ws"), noon, admit)
    store.note(3, "hm", Author("ada@example.org", True, "oidc made up"))
    store.close()
    line = json.loads((tmp_path / "ws" / "curation.jsonl").read_text())
    assert (line["author"], line["verified"], "means" in line) == ("ada@example.org", False, False)


def test_a_thread_of_no_session_writes_nothing(login: Path):
    assert streamlit.user.get("is_logged_in") is not True
    with pytest.raises(SignedOut):
        admit(Author("ada@example.org"), frozenset({"noted"}))
