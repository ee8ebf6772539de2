"""Signing in with a real provider in a real browser: deep links, roles, and what is shut without either."""

from __future__ import annotations

import json
import secrets
import shutil
import time
from collections.abc import Iterator
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from itsdangerous import URLSafeTimedSerializer
from joserfc.jwk import RSAKey
from playwright.sync_api import Browser, BrowserContext, Page, expect

from saerad_core.workspace import Workspace
from tests.e2e.browser import Server, settle
from tests.e2e.conftest import PATIENCE
from tests.oidc import Provider, providing, secrets_for

ROLES = """
[roles]
admin = ["ada@example.org"]
adjudicator = ["jo@example.org"]
curator = ["cy@example.org"]
reader = ["rita@example.org"]
"""
PEOPLE = (
    "ada@example.org",
    "jo@example.org",
    "cy@example.org",
    "rita@example.org",
    "stranger@example.org",
    "mallory@example.org",
)
COOKIE_SECRET = secrets.token_hex(32)
USER = "_streamlit_user"


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with providing(*PEOPLE) as running:
        # The provider knows her only by what she typed herself.
        running.people["mallory@example.org"] = {"email": "ada@example.org", "email_verified": False}
        yield running


@pytest.fixture(scope="module")
def gated(provider: Provider, tiny_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a login."""
    folder = tmp_path_factory.mktemp("gated")
    shutil.copytree(tiny_workspace.root, folder / "tiny")
    (folder / "roles.toml").write_text(ROLES)
    server = Server(folder, "--secrets.files", str(folder / "secrets.toml"), log=folder / "server.log")
    (folder / "secrets.toml").write_text(secrets_for(provider, server.url, COOKIE_SECRET))
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def other(browser: Browser) -> Iterator[BrowserContext]:
    """Another person's browser."""
    made = browser.new_context(viewport={"width": 1440, "height": 900})
    made.set_default_timeout(PATIENCE)
    yield made
    made.close()


def sign_in(page: Page, email: str) -> None:
    """From the sign-in page to where one wanted to go."""
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name=email).click()
    settle(page)


def status(server: Server, path: str, cookie: str | None = None) -> int:
    headers = {} if cookie is None else {"Cookie": f"{USER}={cookie}"}
    try:
        with urlopen(Request(server.url + path, headers=headers), timeout=60) as answer:
            return answer.status
    except HTTPError as error:
        return error.code


def cookie_of(page: Page) -> str:
    return next(one["value"] for one in page.context.cookies() if one["name"] == USER)


def events(server: Server) -> list[dict]:
    journal = server.data / "tiny" / "curation.jsonl"
    return [json.loads(line) for line in journal.read_text().splitlines()] if journal.exists() else []


def picture(workspace: Workspace) -> str:
    return f"/xray/tiny/thumb/{next(workspace.thumb('x').parent.glob('*.webp')).stem}"


def test_a_deep_link_as_the_first_request_asks_to_sign_in_and_is_where_one_lands(gated: Server, page: Page):
    link = f"{gated.url}/features?ws=tiny&feature=3"
    page.goto(link)
    settle(page)
    # Nothing of the feature, the menu or the workspace is shown or was sent.
    expect(page.locator(".door")).to_contain_text("Sign in")
    assert page.locator(".menu").count() == 0 and page.locator("img").count() == 0
    sign_in(page, "rita@example.org")
    assert page.url == link
    expect(page.locator(".who")).to_contain_text("rita@example.org")
    expect(page.locator(".who")).to_contain_text("reader")
    expect(page.locator("body")).to_contain_text("#3")
    # The pictures of the page came through the door.
    assert page.evaluate("() => [...document.images].filter(i => i.complete && i.naturalWidth > 0).length") > 0
    assert not [one for one in page.context.cookies() if one["name"] == "saerad_next"]


def test_routes_answer_whoever_may_browse_and_nobody_else(gated: Server, page: Page, tiny_workspace: Workspace):
    image = next(tiny_workspace.thumb("x").parent.glob("*.webp")).stem
    addresses = [f"/xray/tiny/{kind}/{image}" for kind in ("thumb", "picture", "values")] + [
        f"/xray/tiny/heat/3/{image}.png"
    ]
    for address in addresses:
        assert status(gated, address) == 401
    assert status(gated, "/media/0123.csv") == 401
    page.goto(f"{gated.url}/?ws=tiny")
    settle(page)
    sign_in(page, "rita@example.org")
    good = cookie_of(page)
    for address in addresses:
        assert status(gated, address, good) == 200
    told = json.loads(URLSafeTimedSerializer(COOKIE_SECRET, salt=USER).loads(good))
    assert told["email"] == "rita@example.org"

    def signed(secret: str = COOKIE_SECRET, **changed: object) -> str:
        return URLSafeTimedSerializer(secret, salt=USER).dumps(json.dumps(told | changed))

    assert status(gated, addresses[0], signed()) == 200
    assert status(gated, addresses[0], signed(iat=time.time() - 13 * 3600)) == 401
    assert status(gated, addresses[0], signed(secrets.token_hex(32))) == 401
    assert status(gated, addresses[0], good[:-2] + ("aa" if good[-2:] != "aa" else "bb")) == 401
    assert status(gated, addresses[0], signed(origin="http://evil.example")) == 401
    assert status(gated, addresses[0], signed(email="stranger@example.org")) == 403


@pytest.mark.parametrize("how", ["forged", "run out"])
def test_a_forged_or_expired_cookie_shows_the_sign_in_page(
    gated: Server, context: BrowserContext, page: Page, how: str
):
    now = time.time()
    told = {
        "iss": "x", "sub": "1", "iat": now - (13 * 3600 if how == "run out" else 5), "email": "ada@example.org",
        "email_verified": True, "origin": gated.url, "is_logged_in": True, "provider": "default",
    }  # fmt: skip
    secret = COOKIE_SECRET if how == "run out" else secrets.token_hex(32)
    value = URLSafeTimedSerializer(secret, salt=USER).dumps(json.dumps(told))
    context.add_cookies([{"name": USER, "value": value, "url": gated.url}])
    page.goto(f"{gated.url}/curate?ws=tiny&feature=3")
    settle(page)
    expect(page.locator(".door")).to_contain_text("Sign in")
    expect(page.locator(".door")).to_contain_text("run out" if how == "run out" else "Whoever works here signs in")
    assert page.locator(".menu").count() == 0
    sign_in(page, "cy@example.org")
    assert page.url == f"{gated.url}/curate?ws=tiny&feature=3"


def test_a_reader_sees_why_nothing_can_be_written_and_a_curator_s_words_bear_their_address(
    gated: Server, page: Page, other: BrowserContext
):
    page.goto(f"{gated.url}/curate?ws=tiny&queue=all&feature=4")
    settle(page)
    sign_in(page, "rita@example.org")
    expect(page.locator(".warning").first).to_contain_text("As a reader you may not write")
    assert page.get_by_role("textbox", name="Description").count() == 0
    assert page.get_by_role("button", name="Accept").count() == 0
    for key in ("x", "a", "s", "m", "u"):
        page.keyboard.press(key)
        page.wait_for_timeout(150)
    settle(page)
    assert events(gated) == []

    second = other.new_page()
    second.goto(f"{gated.url}/curate?ws=tiny&queue=all&feature=4")
    settle(second)
    sign_in(second, "cy@example.org")
    # A name in the old cookie says nothing where one signs in.
    other.add_cookies([{"name": "saerad_author", "value": "Ada", "url": gated.url}])
    second.reload()
    settle(second)
    assert second.get_by_role("textbox", name="Your name").count() == 0
    second.keyboard.press("e")
    second.keyboard.type("Blunted right angle")
    second.keyboard.press("Control+Enter")
    expect(second.locator(".desk-id")).not_to_have_text("#4")
    written = events(gated)
    assert [(one["author"], one["verified"], one["kind"]) for one in written] == [("cy@example.org", True, "edited")]
    assert written[0]["means"].startswith("oidc http://127.0.0.1:")


def test_somebody_without_a_role_may_not_enter(gated: Server, page: Page, tiny_workspace: Workspace):
    page.goto(f"{gated.url}/features?ws=tiny&feature=3")
    settle(page)
    sign_in(page, "stranger@example.org")
    expect(page.locator(".door")).to_contain_text("You may not enter")
    expect(page.locator(".door")).to_contain_text("stranger@example.org")
    assert page.locator(".menu").count() == 0
    assert status(gated, picture(tiny_workspace), cookie_of(page)) == 403


def test_an_address_that_nobody_verified_is_nobody_s(gated: Server, page: Page, tiny_workspace: Workspace):
    page.goto(f"{gated.url}/?ws=tiny")
    settle(page)
    sign_in(page, "mallory@example.org")
    expect(page.locator(".door")).to_contain_text("doesn't call your e-mail address verified")
    assert status(gated, picture(tiny_workspace), cookie_of(page)) == 401


def test_a_sign_in_that_is_refused_or_badly_signed_is_said_and_can_be_tried_again(
    gated: Server, provider: Provider, page: Page
):
    link = f"{gated.url}/features?ws=tiny&feature=3"
    page.goto(link)
    settle(page)
    sign_in(page, "nobody")
    expect(page.locator(".door")).to_contain_text("didn't go through")
    provider.signs_with = RSAKey.generate_key(2048)
    try:
        sign_in(page, "ada@example.org")
        expect(page.locator(".door")).to_contain_text("didn't go through")
    finally:
        provider.signs_with = provider.key
    sign_in(page, "ada@example.org")
    assert page.url == link
    expect(page.locator(".who")).to_contain_text("admin")
    # The log tells that sign-ins failed, and of nobody who they are.
    assert gated.log is not None
    log = gated.log.read_text()
    assert "access_denied" in log and "token exchange failed" in log
    assert "example.org" not in log and cookie_of(page) not in log and COOKIE_SECRET not in log


def test_a_sign_in_that_runs_out_under_an_open_page_shuts_it(gated: Server, context: BrowserContext, page: Page):
    now = time.time()
    told = {
        "iss": "x", "sub": "1", "iat": now - 12 * 3600 + 15, "email": "rita@example.org", "email_verified": True,
        "origin": gated.url, "is_logged_in": True, "provider": "default",
    }  # fmt: skip
    value = URLSafeTimedSerializer(COOKIE_SECRET, salt=USER).dumps(json.dumps(told))
    context.add_cookies([{"name": USER, "value": value, "url": gated.url}])
    link = f"{gated.url}/features?ws=tiny&feature=3"
    page.goto(link)
    expect(page.locator(".who")).to_contain_text("rita@example.org")
    # Nobody touches it; the server ends the stream, and the browser asks anew.
    expect(page.locator(".door")).to_contain_text("run out")
    assert page.locator(".menu").count() == 0 and page.url == link


def test_signing_out_shuts_the_door(gated: Server, other: BrowserContext):
    page = other.new_page()
    page.goto(f"{gated.url}/features?ws=tiny&feature=3")
    settle(page)
    sign_in(page, "jo@example.org")
    address = page.evaluate("() => [...document.images].map(i => i.src).find(s => s.includes('/xray/'))")
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator(".door")).to_contain_text("Sign in")
    # What the browser kept of the pictures isn't shown to the next one who sits there.
    assert page.evaluate("async (address) => (await fetch(address)).status", address) == 401
