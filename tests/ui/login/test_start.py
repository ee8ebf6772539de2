"""Whether the program starts: a login that holds, or this machine alone, or words that say otherwise. Real processes, real sockets."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from saerad_core.errors import SaeRadError
from saerad_core.ui.login import check_start
from saerad_core.ui.login.configured import check_login, gated, is_loopback, providers
from saerad_core.ui.login.listening import open_to_everyone
from tests.e2e.browser import PROJECT, free_port
from tests.ui.login.conftest import AUTH, COOKIE_SECRET, ROLES, Configure

WORDS = "yes, anyone may read and write"


def test_without_secrets_there_is_no_login(configure: Configure):
    configure(None, None)
    check_login()
    assert not gated()
    configure("[other]\nx = 1\n", None)
    check_login()
    assert not gated()


def test_a_login_with_roles_holds(login: Path):
    check_login()
    assert gated() and providers() == {"default": "Sign in"}


def test_every_named_service_has_a_button(configure: Configure):
    keys = AUTH.split("client_id")[1]
    configure(AUTH + f"[auth.hospital]\nclient_id{keys}[auth.google]\nclient_id{keys}", ROLES)
    check_login()
    assert list(providers().values()) == ["Sign in", "Sign in with hospital", "Sign in with google"]


@pytest.mark.parametrize(
    ("secrets", "roles", "says"),
    [
        (AUTH, None, "who may do what"),
        (AUTH, 'default = "admin"', "named in person"),
        (None, ROLES, "no login is configured"),
        ("[auth", ROLES, "can't be read"),
        ("[auth", None, "can't be read"),
        (AUTH.replace(COOKIE_SECRET, "xxx"), ROLES, "cookie_secret"),
        (re.sub("cookie_secret.*", "", AUTH), ROLES, "cookie_secret"),
        (re.sub("client_id.*", "", AUTH), ROLES, "no login service"),
        (re.sub("server_metadata_url.*", "", AUTH), ROLES, "server_metadata_url"),
        (re.sub("redirect_uri.*", "", AUTH), ROLES, "redirect_uri"),
        (AUTH.replace("/oauth2callback", "/"), ROLES, "/oauth2callback"),
        (AUTH.replace("localhost", "saerad.example.org"), ROLES, "https://"),
    ],
)
def test_a_login_that_wouldn_t_hold_is_refused_in_one_sentence(
    configure: Configure, secrets: str | None, roles: str | None, says: str
):
    configure(secrets, roles)
    with pytest.raises(SaeRadError) as error:
        check_login()
    assert says in str(error.value)
    with pytest.raises(SystemExit, match="SAE-Rad doesn't start: "):
        check_start()


@pytest.mark.parametrize("said", ["1", "true", "yes", WORDS.upper(), "no"])
def test_only_the_words_open_the_app(monkeypatch: pytest.MonkeyPatch, said: str):
    monkeypatch.setenv("SAERAD_OPEN_TO_EVERYONE", said)
    with pytest.raises(SaeRadError, match="opens the app to everyone"):
        open_to_everyone()


def test_the_words_open_the_app(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SAERAD_OPEN_TO_EVERYONE", WORDS)
    assert open_to_everyone()
    monkeypatch.delenv("SAERAD_OPEN_TO_EVERYONE")
    assert not open_to_everyone()


def test_which_addresses_are_this_machine_s_own():
    own = ["localhost", "LOCALHOST.", "127.0.0.1", "127.8.8.8", "::1", "[::1]", "::ffff:127.0.0.1"]
    others = [
        "",
        "0.0.0.0",
        "::",
        "192.0.2.2",
        "fe80::1%eth0",
        "example.org",
        "localhost.example.org",
        "127.0.0.1.example.org",
        "0",
        "127.1",
    ]
    assert all(is_loopback(one) for one in own) and not any(is_loopback(one) for one in others)


# -- real starts


class Started:
    """A process that was told to serve."""

    def __init__(self, command: list[str], folder: Path, port: int, cwd: Path = PROJECT, **more: str) -> None:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("SAERAD_", "STREAMLIT_"))}
        env = kept | {"SAERAD_DATA": str(folder), "OMP_NUM_THREADS": "1", "HOME": str(folder)} | more
        self.port, self._said = port, folder / "said.txt"
        with self._said.open("wb") as said:
            self.process = subprocess.Popen(command, cwd=cwd, env=env, stdout=said, stderr=subprocess.STDOUT)

    def serves(self) -> bool:
        """Whether it comes to serve; False once it has ended."""
        until = time.monotonic() + 120
        while self.process.poll() is None:
            try:
                with urlopen(f"http://127.0.0.1:{self.port}/_stcore/health", timeout=2):
                    return True
            except HTTPError:
                return True
            except OSError:
                assert time.monotonic() < until, self.said()
                time.sleep(0.1)
        return False

    def said(self) -> str:
        return self._said.read_text(encoding="utf-8")

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(timeout=30)


def streamlit(port: int, *options: str) -> list[str]:
    return [
        sys.executable, "-m", "streamlit", "run", str(PROJECT / "app.py"), "--server.port", str(port), "--server.headless", "true",
        "--server.fileWatcherType", "none", *options,
    ]  # fmt: skip


def outside() -> str | None:
    """An address of this machine that isn't loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Nothing is sent: the system only chooses the address that it would send from.
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        found = probe.getsockname()[0]
    return None if is_loopback(found) else found


def asked(host: str, port: int, path: str = "/", **headers: str) -> int | None:
    """The status that is answered; None where nothing listens."""
    try:
        with urlopen(Request(f"http://{host}:{port}{path}", headers=headers), timeout=20) as answer:
            return answer.status
    except HTTPError as error:
        return error.code
    except OSError:
        return None


def test_the_plain_command_serves_this_machine_alone(tmp_path: Path):
    port = free_port()
    # From another folder too: the settings lie beside app.py.
    started = Started(streamlit(port), tmp_path, port, cwd=tmp_path)
    try:
        assert started.serves(), started.said()
        assert asked("127.0.0.1", port) == 200
        assert asked("127.0.0.1", port, Host="saerad.example.org") == 403
        if outside():
            assert asked(str(outside()), port) is None
    finally:
        started.stop()


@pytest.mark.parametrize(
    ("options", "env"),
    [
        (["--server.address", "0.0.0.0"], {}),
        # No address is every address.
        (["--server.address", ""], {}),
        ([], {"STREAMLIT_SERVER_ADDRESS": "::"}),
        (["--server.address", "0.0.0.0"], {"SAERAD_OPEN_TO_EVERYONE": "true"}),
    ],
)
def test_other_machines_are_not_listened_to_without_a_login(tmp_path: Path, options: list[str], env: dict[str, str]):
    port = free_port()
    started = Started(streamlit(port, *options), tmp_path, port, **env)
    try:
        assert not started.serves(), started.said()
        assert started.process.returncode not in (0, None)
        last = started.said().strip().splitlines()[-1]
        assert last.startswith("SAE-Rad doesn't start: ") and "SAERAD_OPEN_TO_EVERYONE" in last
        assert "Traceback" not in started.said()
    finally:
        started.stop()


def test_told_in_words_it_serves_everyone(tmp_path: Path):
    port = free_port()
    started = Started(streamlit(port, "--server.address", "0.0.0.0"), tmp_path, port, SAERAD_OPEN_TO_EVERYONE=WORDS)
    try:
        assert started.serves(), started.said()
        assert asked("127.0.0.1", port, Host="saerad.example.org") == 200
        if outside():
            assert asked(str(outside()), port) == 200
    finally:
        started.stop()


def test_with_a_login_it_serves_other_machines_and_keeps_data_from_them(tmp_path: Path):
    port = free_port()
    (tmp_path / "secrets.toml").write_text(AUTH)
    (tmp_path / "roles.toml").write_text(ROLES)
    options = ["--server.address", "0.0.0.0", "--secrets.files", str(tmp_path / "secrets.toml")]
    started = Started(streamlit(port, *options), tmp_path, port)
    try:
        assert started.serves(), started.said()
        for host in filter(None, ("127.0.0.1", outside())):
            assert asked(host, port) == 200
            assert asked(host, port, "/xray/demo/thumb/x0") == 401
            assert asked(host, port, "/media/x") == 401
    finally:
        started.stop()


def test_another_server_program_listens_and_answers_this_machine_alone(tmp_path: Path):
    """Which address an ASGI server listens on isn't known before somebody asks; then it is."""
    if outside() is None:
        pytest.skip("this machine has no address but loopback")
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "app:app", "--host", "0.0.0.0", "--port", str(port)]
    started = Started(command, tmp_path, port)
    try:
        assert started.serves(), started.said()
        assert asked("127.0.0.1", port) == 200
        for path in ("/", "/_stcore/health", "/xray/demo/thumb/x0"):
            assert asked(str(outside()), port, path) == 403
    finally:
        started.stop()


def test_a_login_that_wouldn_t_hold_stops_the_program(tmp_path: Path):
    port = free_port()
    (tmp_path / "secrets.toml").write_text(AUTH)
    started = Started(streamlit(port, "--secrets.files", str(tmp_path / "secrets.toml")), tmp_path, port)
    try:
        assert not started.serves(), started.said()
        assert "who may do what" in started.said().strip().splitlines()[-1]
    finally:
        started.stop()
