"""What the server gives out to whom: all routes ask the same door, and the door can't be talked round."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import MagicMock, patch

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect
from streamlit import config
from streamlit.web.server.starlette.starlette_app import create_streamlit_routes

from saerad_core.ui.login import LoginMiddleware
from saerad_core.ui.login.middleware import safe_path
from saerad_core.ui.media import routes
from saerad_core.ui.registry import PAGES
from tests.ui.login.conftest import COOKIE_SECRET, ORIGIN, ROLES, Configure, claims, signed

DATA = [
    "/xray/one/thumb/x0", "/xray/one/picture/x0", "/xray/one/values/x0", "/xray/one/heat/3/x0.png",
    "/xray/one/held/" + "a" * 32 + "/values", "/xray/one/held/" + "a" * 32 + "/heat/3.png",
    "/media/0123456789abcdef.csv", "/_stcore/upload_file/session/file", "/_stcore/metrics", "/_stcore/agent/interact",
    "/_stcore/agent/mcp", "/app/static/x", "/component/x/index.html", "/nonsense", "/packet/one", "/static/", "/%2Fxray/one/thumb/x0",
    "/xray/one/thumb/x0/_stcore/health", "/Features", "/features/", "/features/%2e%2e/xray/one/thumb/x0", "/auth/login/x", "/auth/logout%0A",
]  # fmt: skip
OPEN = [
    "/", *(f"/{entry.name}" for entry in PAGES), "/index.html", "/favicon.png", "/static/js/index.js", "/_stcore/health",
    "/_stcore/host-config", "/features/_stcore/health", "/_stcore/bidi-components/x/y.js", "/auth/login", "/auth/logout",
]  # fmt: skip


def _sets_user(request: Request) -> Response:
    answer = RedirectResponse("/", 302)
    if "code" in request.query_params:
        answer.set_cookie("_streamlit_user", "signed")
    else:
        answer.delete_cookie("_streamlit_user")
    return answer


async def _stream(websocket: WebSocket) -> None:
    await websocket.accept(subprotocol="streamlit")
    await websocket.send_json(list(websocket.scope["subprotocols"]))
    if (await websocket.receive()).get("text"):
        await websocket.send_json("done")


def served() -> TestClient:
    everything = [
        Route("/oauth2callback", _sets_user),
        WebSocketRoute("/_stcore/stream", _stream),
        WebSocketRoute("/other", _stream),
        Route("/{path:path}", lambda request: PlainTextResponse("given out"), methods=["GET", "POST", "PUT", "DELETE", "HEAD"]),
    ]  # fmt: skip
    return TestClient(
        Starlette(routes=everything, middleware=[Middleware(LoginMiddleware)]), ORIGIN, follow_redirects=False
    )


@pytest.fixture
def client(login: Path) -> Iterator[TestClient]:
    yield served()


def enter(client: TestClient, value: str) -> None:
    client.cookies.clear()
    client.cookies.set("_streamlit_user", value)


def test_nobody_signed_in_gets_the_shell_and_no_data(client: TestClient):
    for address in OPEN:
        assert client.get(address).text == "given out", address
    for address in DATA:
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE"):
            answer = client.request(method, address)
            assert answer.status_code == 401, (method, address)
            assert answer.headers["cache-control"] == "no-store"
            assert "given out" not in answer.text


def test_every_route_that_there_is_asks_at_the_door(client: TestClient):
    """Streamlit's and ours, as they are registered: a new one is closed until somebody opens it."""
    with patch("streamlit.web.server.starlette.starlette_app.create_app_static_serving_routes", return_value=[]):
        found = {getattr(one, "path", "") for one in [*create_streamlit_routes(MagicMock()), *routes()]}
    assert len(found) > 15
    answers = {}
    for path in found:
        address = path
        for part in ("{path:path}", "{file_id:path}"):
            address = address.replace(part, "some/thing.js")
        address = address.replace("{", "").replace("}", "").replace(":path", "")
        answers[path] = client.get(address or "/").status_code
    opened = {path for path, status in answers.items() if status != 401}
    assert opened == {
        "", "/_stcore/health", "/_stcore/host-config", "/_stcore/bidi-components/{path:path}", "/auth/login", "/auth/logout",
        "/oauth2callback", "/_stcore/stream",
    }  # fmt: skip


@pytest.mark.parametrize("email", ["ada@example.org", "CY@Example.org", "rita@example.org"])
def test_whoever_may_browse_gets_data_that_browsers_keep_for_them_alone(client: TestClient, email: str):
    enter(client, signed(claims(email)))
    answer = client.get("/xray/one/thumb/x0")
    assert answer.text == "given out" and "Cookie" in answer.headers["vary"]


def test_whoever_has_no_role_is_told_so(client: TestClient):
    enter(client, signed(claims("who@example.org")))
    answer = client.get("/xray/one/thumb/x0")
    assert answer.status_code == 403 and "role of reader" in answer.text


def forged() -> dict[str, str]:
    good = signed(claims("ada@example.org"))
    body, when, seal = good.rsplit(".", 2)
    return {
        "another secret": signed(claims("ada@example.org"), "fedcba9876543210fedcba9876543210"),
        "another cookie's": signed(claims("ada@example.org"), name="_streamlit_user_tokens"),
        "changed": ".".join([signed(claims("rita@example.org")).rsplit(".", 2)[0], when, seal]),
        "cut": good[:-1],
        "unsigned": body,
        "empty": "",
        "not JSON": signed("ada@example.org"),
        "a list": signed([claims("ada@example.org")]),
        "of another address": signed(claims("ada@example.org", origin="http://evil.example")),
        "signed out": signed(claims("ada@example.org", is_logged_in=False)),
        "said to be signed in": signed(claims("ada@example.org", is_logged_in="true")),
        "run out": signed(claims("ada@example.org", iat=time.time() - 12 * 3600 - 1)),
        "of tomorrow": signed(claims("ada@example.org", iat=time.time() + 86400)),
        "of an address nobody verified": signed(claims("ada@example.org", email_verified=False)),
        "parts that aren't there": signed("chunks-3"),
    }


@pytest.mark.parametrize("which", list(forged()))
def test_a_forged_or_expired_cookie_opens_nothing(client: TestClient, which: str):
    value = forged()[which]
    client.cookies.set("_streamlit_user", value)
    for address in DATA[:8]:
        assert client.get(address).status_code == 401


def test_a_cookie_older_than_streamlit_s_own_limit_opens_nothing(configure: Configure):
    configure(None, None)
    with patch("itsdangerous.timed.time.time", return_value=time.time() - 32 * 86400):
        old = signed(claims("ada@example.org"))
    from tests.ui.login.conftest import AUTH

    configure(AUTH, ROLES)
    client = served()
    enter(client, old)
    assert client.get("/xray/one/thumb/x0").status_code == 401


def test_a_cookie_in_parts_is_put_together(client: TestClient):
    import json

    whole = json.dumps(claims("rita@example.org"))
    client.cookies.set("_streamlit_user", signed("chunks-2"))
    client.cookies.set("_streamlit_user_1", signed(whole[:60], name="_streamlit_user_1"))
    client.cookies.set("_streamlit_user_2", signed(whole[60:], name="_streamlit_user_2"))
    assert client.get("/media/x").status_code == 200
    client.cookies.set("_streamlit_user_2", signed(whole[60:], name="_streamlit_user_1"))
    assert client.get("/media/x").status_code == 401


def test_roles_are_read_again_when_they_change_and_a_broken_file_lets_nobody_in(client: TestClient, login: Path):
    enter(client, signed(claims("rita@example.org")))
    assert client.get("/media/x").status_code == 200
    (login / "roles.toml").write_text("[roles]\nreader = ['somebody@example.org']\n")
    assert client.get("/media/x").status_code == 403
    (login / "roles.toml").write_text("[roles\n")
    answer = client.get("/media/x")
    assert answer.status_code == 403 and "can't be read" in answer.text
    (login / "roles.toml").unlink()
    assert client.get("/media/x").status_code == 403


def test_a_login_that_is_taken_away_while_the_server_runs_opens_nothing(client: TestClient, login: Path):
    from streamlit.runtime.secrets import secrets_singleton

    assert client.get("/media/x").status_code == 401
    (login / "secrets.toml").unlink()
    secrets_singleton._reset()
    assert client.get("/media/x").status_code == 401
    enter(client, signed(claims("ada@example.org"), ""))
    assert client.get("/media/x").status_code == 401
    enter(client, signed(claims("ada@example.org"), COOKIE_SECRET))
    assert client.get("/media/x").status_code == 401


# -- the stream


def test_an_earlier_session_is_taken_up_only_by_whoever_is_signed_in(client: TestClient):
    asked = ["streamlit", "xsrf", "0c0a7ff5-earlier-session"]
    with client.websocket_connect("/_stcore/stream", subprotocols=asked) as stream:
        assert stream.receive_json() == asked[:2]
        stream.send_text("")
    enter(client, signed(claims("rita@example.org")))
    with client.websocket_connect("/_stcore/stream", subprotocols=asked) as stream:
        assert stream.receive_json() == asked
        stream.send_text("")


def test_the_stream_ends_when_the_sign_in_does(client: TestClient):
    enter(client, signed(claims("rita@example.org", iat=time.time() - 12 * 3600 + 1.2)))
    with client.websocket_connect("/_stcore/stream") as stream:
        stream.receive_json()
        with pytest.raises(WebSocketDisconnect) as ended:
            stream.receive_json()
    assert ended.value.code == 1012


def test_the_stream_ends_at_the_next_click_of_somebody_who_was_shut_out(client: TestClient, login: Path):
    enter(client, signed(claims("rita@example.org")))
    with client.websocket_connect("/_stcore/stream") as stream:
        stream.receive_json()
        (login / "roles.toml").write_text(ROLES.replace("rita@example.org", "another@example.org"))
        stream.send_text("a click")
        with pytest.raises(WebSocketDisconnect) as ended:
            stream.receive_json()
    assert ended.value.code == 1012
    with client.websocket_connect("/_stcore/stream", subprotocols=["streamlit", "xsrf", "earlier"]) as stream:
        assert stream.receive_json() == ["streamlit", "xsrf"]
        stream.send_text("")


# -- back to where one wanted to go


def test_after_signing_in_one_lands_on_the_deep_link(client: TestClient):
    client.cookies.set("saerad_next", "%2Ffeatures%3Fws%3Dtiny%26feature%3D3")
    answer = client.get("/oauth2callback?code=1")
    assert answer.headers["location"] == "/features?ws=tiny&feature=3"
    assert any(line.startswith("saerad_next=;") for line in answer.headers.get_list("set-cookie"))
    client.cookies.clear()
    assert client.get("/oauth2callback?code=1").headers["location"] == "/"


def test_under_a_path_of_its_own_it_is_the_same_door(client: TestClient, monkeypatch: pytest.MonkeyPatch):
    before = config.get_option("server.baseUrlPath")
    config.set_option("server.baseUrlPath", "rad/x")
    try:
        for address in ("/rad/x", "/rad/x/", "/rad/x/features", "/rad/x/_stcore/health", "/rad/x/static/a.js"):
            assert client.get(address).text == "given out", address
        for address in ("/rad/x/xray/one/thumb/x0", "/rad/x/media/x", "/rad/xy/features", "/xray/one/thumb/x0"):
            assert client.get(address).status_code == 401, address
        assert safe_path("%2Frad%2Fx%2Ffeatures") == "/rad/x/features" and safe_path("%2Ffeatures") is None
    finally:
        config.set_option("server.baseUrlPath", before)


def test_a_sign_in_that_failed_is_said_on_the_deep_link(client: TestClient):
    client.cookies.set("saerad_next", "%2Ffeatures%3Fws%3Dtiny")
    assert client.get("/oauth2callback?error=access_denied").headers["location"] == "/features?ws=tiny&signin=failed"
    client.cookies.clear()
    assert client.get("/oauth2callback").headers["location"] == "/?signin=failed"


@pytest.mark.parametrize(
    "wanted",
    [
        "", "https://evil.example/", "//evil.example/", "/\\evil.example", "%2F%2Fevil.example", "/features%0d%0aSet-Cookie:x=1",
        "/xray/one/thumb/x0", "/auth/logout", "features", "/features/..", "javascript:alert(1)", "/" + "a" * 3000, "/features evil",
        "/features%E2%80%A8",
    ],
)  # fmt: skip
def test_one_is_led_to_pages_of_this_server_alone(wanted: str):
    assert safe_path(wanted) is None


def test_pages_are_led_to_without_a_fragment():
    assert safe_path("/curate?ws=a%20b#x") is None or " " not in str(safe_path("/curate?ws=a%20b#x"))
    assert safe_path("%2Fcurate%3Fws%3Da%2520b") == "/curate?ws=a%20b"
    assert safe_path("%2F") == "/"


# -- without a login


@pytest.mark.parametrize("origin", ["http://localhost:8501", "http://127.0.0.1:8501", "http://[::1]:8501"])
def test_without_a_login_this_machine_is_answered(configure: Configure, origin: str):
    client = TestClient(served().app, origin)
    assert client.get("/xray/one/thumb/x0").text == "given out"


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://192.0.2.2:8501", "192.0.2.2:8501"),
        ("http://192.0.2.2:8501", "localhost:8501"),
        ("http://localhost:8501", "saerad.example.org"),
        ("http://localhost:8501", "localhost.evil.example:8501"),
        ("http://localhost:8501", "127.0.0.1.evil.example"),
        ("http://localhost:8501", ""),
    ],
)
def test_without_a_login_no_other_machine_is_answered_unless_told_in_words(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, origin: str, host: str
):
    client = TestClient(served().app, origin)
    answer = client.get("/", headers={"host": host})
    assert answer.status_code == 403 and "no login" in answer.text
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/_stcore/stream", headers={"host": host}):
        pass
    monkeypatch.setenv("SAERAD_OPEN_TO_EVERYONE", "yes, anyone may read and write")
    assert client.get("/", headers={"host": host}).text == "given out"
