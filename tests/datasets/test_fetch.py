"""Fetching Open-i from a server that breaks off, changes, lies; unpacking archives that mean harm."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saerad_core.datasets import download as downloading
from saerad_core.datasets.download import download
from saerad_core.datasets.fetch import OPENI, fetch, plan
from saerad_core.datasets.unpack import DamagedError, Limits, unpack
from saerad_core.errors import FetchError
from saerad_core.progress import Silent
from tests.datasets import trees
from tests.datasets.server import Shelf, serving
from tests.datasets.test_published import opened
from tests.test_cli import saerad

BODY = np.random.default_rng(0).bytes(900_000)
PARTS = [OPENI["reports"], OPENI["png"]]
LIMITS = Limits(".png", 20, 100_000, 1_000_000)


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloading, "CHUNK", 50_000)


def no_wait(_: float) -> None:
    pass


def got(shelf: Shelf, folder: Path, name: str = "a.tgz") -> bytes:
    download(shelf.url + name, folder / name, Silent(), largest=2_000_000, wait=no_wait)
    return (folder / name).read_bytes()


def test_a_file_comes_whole(tmp_path: Path) -> None:
    with serving(Shelf({"a.tgz": BODY})) as shelf:
        assert got(shelf, tmp_path) == BODY and shelf.sent == len(BODY)
        assert got(shelf, tmp_path) == BODY and len(shelf.asked) == 1, "a finished file is asked for no more"


@pytest.mark.parametrize("validator", [{"etag": '"one"'}, {"etag": None, "modified": "Wed, 21 Oct 2015 07:28:00 GMT"}])
def test_a_broken_connection_goes_on_where_it_was(validator: dict, tmp_path: Path) -> None:
    with serving(Shelf({"a.tgz": BODY}, breaks=[300_000, 0, 250_000], **validator)) as shelf:
        assert got(shelf, tmp_path) == BODY
        assert shelf.sent == len(BODY), "no byte twice"
        assert [asked.get("Range") for asked in shelf.asked] == [
            None,
            "bytes=300000-",
            "bytes=300000-",
            "bytes=550000-",
        ]
        assert all("If-Range" in asked for asked in shelf.asked[1:])


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 400_000), max_size=4))
def test_wherever_it_breaks_the_file_is_the_same(tmp_path_factory: pytest.TempPathFactory, breaks: list[int]) -> None:
    with serving(Shelf({"a.tgz": BODY}, breaks=list(breaks))) as shelf:
        assert got(shelf, tmp_path_factory.mktemp("d")) == BODY and shelf.sent == len(BODY)


def test_a_killed_command_goes_on_where_it_was(tmp_path: Path) -> None:
    with serving(Shelf({"a.tgz": BODY}, breaks=[300_000] + [0] * 10)) as shelf:
        with pytest.raises(FetchError, match=r"0\.3 MB are kept, run the same command again"):
            got(shelf, tmp_path)
        assert not (tmp_path / "a.tgz").exists()
        shelf.breaks.clear()
        assert got(shelf, tmp_path) == BODY and shelf.sent == len(BODY)


def test_a_server_without_ranges_starts_again(tmp_path: Path) -> None:
    with serving(Shelf({"a.tgz": BODY}, ranges=False, breaks=[300_000])) as shelf:
        assert got(shelf, tmp_path) == BODY and shelf.sent == len(BODY) + 300_000


@pytest.mark.parametrize("etag", [None, 'W/"weak"'])
def test_without_a_strong_validator_it_starts_again(etag: str | None, tmp_path: Path) -> None:
    with serving(Shelf({"a.tgz": BODY}, etag=etag, breaks=[300_000])) as shelf:
        assert got(shelf, tmp_path) == BODY and "Range" not in shelf.asked[1]


@pytest.mark.parametrize("length", [900_000, 200_000, 300_000])
def test_a_file_that_changed_is_never_mixed(length: int, tmp_path: Path) -> None:
    with serving(Shelf({"a.tgz": BODY}, breaks=[300_000] + [0] * 10)) as shelf:
        with pytest.raises(FetchError):
            got(shelf, tmp_path)
        changed = BODY[::-1][:length]
        shelf.files["a.tgz"], shelf.etag = changed, '"two"'
        shelf.breaks.clear()
        assert got(shelf, tmp_path) == changed


def test_a_file_that_shrank_under_the_same_tag_is_fetched_anew(tmp_path: Path) -> None:
    with serving(Shelf({"a.tgz": BODY}, breaks=[300_000] + [0] * 10)) as shelf:
        with pytest.raises(FetchError):
            got(shelf, tmp_path)
        shelf.files["a.tgz"] = BODY[:200_000]
        shelf.breaks.clear()
        assert got(shelf, tmp_path) == BODY[:200_000]


def test_the_wrong_piece_is_refused(tmp_path: Path) -> None:
    with serving(Shelf({"a.tgz": BODY}, breaks=[300_000], wrong_piece=True)) as shelf:
        assert got(shelf, tmp_path) == BODY and shelf.sent > len(BODY)


def test_a_file_shorter_than_announced_never_takes_its_name(tmp_path: Path) -> None:
    with serving(Shelf({"a.tgz": BODY}, lies=10)) as shelf:
        with pytest.raises(FetchError, match="broke off|changed"):
            got(shelf, tmp_path)
        assert not (tmp_path / "a.tgz").exists()


@pytest.mark.parametrize("length", [True, False])
def test_a_file_longer_than_it_can_be_is_refused(length: bool, tmp_path: Path) -> None:
    with (
        serving(Shelf({"a.tgz": BODY * 3}, length=length)) as shelf,
        pytest.raises(FetchError, match="more than|longer than"),
    ):
        got(shelf, tmp_path)
    assert not (tmp_path / "a.tgz").exists() and not (tmp_path / "a.tgz.part").exists()


@pytest.mark.parametrize(("status", "says", "asked"), [(404, "404", 1), (403, "403", 1), (503, "503", 5)])
def test_what_the_server_says_is_said(status: int, says: str, asked: int, tmp_path: Path) -> None:
    with serving(Shelf({"a.tgz": BODY}, status=status)) as shelf:
        with pytest.raises(FetchError, match=says):
            got(shelf, tmp_path)
        assert len(shelf.asked) == asked


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://127.0.0.1/a", "http://127.0.0.1:x/a", "http://a b/", "a.tgz"]
)
def test_odd_addresses_are_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(FetchError):
        download(url, tmp_path / "a", Silent(), largest=1, wait=no_wait)


def test_a_redirect_to_a_file_is_not_followed(tmp_path: Path) -> None:
    with serving(Shelf({}, redirect="file:///etc/passwd")) as shelf, pytest.raises(FetchError):
        got(shelf, tmp_path)


def test_a_full_disk_is_told_before_anything_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    monkeypatch.setattr(downloading.shutil, "disk_usage", lambda _: SimpleNamespace(free=100))
    with serving(Shelf({"a.tgz": BODY})) as shelf, pytest.raises(FetchError, match="make room"):
        got(shelf, tmp_path)


# -- unpacking


def packed(*members: tuple[tarfile.TarInfo | str, bytes], format: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", format=format) as tar:
        for name, data in members:
            info = tarfile.TarInfo(name) if isinstance(name, str) else name
            if info.isfile():
                info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def special(kind: bytes, name: str = "b.png", target: str = "a.png") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def lie(kind: bytes) -> bytes:
    """An extended header that claims four gigabytes."""
    info = special(kind, "x")
    info.size = 4 << 30
    return gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + b"0" * 4096)


A = ("a.png", b"a" * 700)
HOSTILE = {
    "traversal": packed(A, ("../evil.png", b"x")),
    "traversal inside": packed(A, ("a/../../evil.png", b"x")),
    "absolute": packed(A, ("/tmp/evil.png", b"x")),
    "backslashes": packed(A, ("..\\evil.png", b"x")),
    "symbolic link": packed(A, (special(tarfile.SYMTYPE, "d", "/"), b""), ("d/evil.png", b"x")),
    "hard link": packed(A, (special(tarfile.LNKTYPE, target="/etc/passwd"), b"")),
    "device": packed(A, (special(tarfile.CHRTYPE), b"")),
    "pipe": packed(A, (special(tarfile.FIFOTYPE), b"")),
    "large file": packed(A, ("b.png", bytes(200_000))),
    "many files": packed(*((f"{i}.png", b"") for i in range(30))),
    "many folders": packed(A, *((special(tarfile.DIRTYPE, f"d{i}"), b"") for i in range(30))),
    "bomb": packed(*((f"{i}.png", bytes(99_000)) for i in range(15))),
    "bomb after the end": gzip.compress(gzip.decompress(packed(A)) + bytes(5_000_000)),
    "long pax header": lie(tarfile.XHDTYPE),
    "long gnu name": lie(tarfile.GNUTYPE_LONGNAME),
    "long name": packed(("n" * 400 + ".png", b"x"), format=tarfile.GNU_FORMAT),
    "file as folder": packed(A, ("a.png/b.png", b"x")),
    "nothing": packed(),
    "other files": packed(("a.exe", b"x"), (".hidden.png", b"x")),
    "empty": b"",
    "no gzip": b"<html>404</html>",
    "no tar": gzip.compress(b"hello" * 1000),
    "cut": packed(A, ("b.png", np.random.default_rng(0).bytes(50_000)))[:-20_000],
    "cut at the checksum": packed(A)[:-4],
    "wrong checksum": packed(A)[:-8] + bytes(8),
    "rubbish after": packed(A) + b"rubbish",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives_leave_nothing(name: str, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "a.tgz").write_bytes(HOSTILE[name])
    with pytest.raises(DamagedError) as caught:
        unpack(inner / "a.tgz", inner / "images", LIMITS, Silent())
    assert str(caught.value).count("\n") == 0
    assert [path.name for path in tmp_path.rglob("*")] == ["inner", "a.tgz"]
    assert not Path("/tmp/evil.png").exists()


def test_a_published_checksum_is_compared(tmp_path: Path) -> None:
    import hashlib

    archive = tmp_path / "a.tgz"
    archive.write_bytes(packed(A))
    with pytest.raises(DamagedError, match="checksum"):
        unpack(archive, tmp_path / "images", LIMITS, Silent(), sha256="0" * 64)
    right = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert unpack(archive, tmp_path / "images", LIMITS, Silent(), sha256=right).sha256 == right


# -- Open-i


def archives(folder: Path) -> dict[str, bytes]:
    """A small Open-i as it is published; the list of views stays in ``folder``."""
    trees.openi(folder)

    def tar(names: dict[str, Path]) -> bytes:
        return packed(*((name, path.read_bytes()) for name, path in names.items()))

    reports = {f"ecgen-radiology/{p.name}": p for p in sorted((folder / "ecgen-radiology").iterdir())}
    images = {f"./{p.name}": p for p in sorted((folder / "images").iterdir())}
    return {"NLMCXR_reports.tgz": tar(reports), "NLMCXR_png.tgz": tar(images)}


def test_open_i_is_fetched_once_and_read_by_its_adapter(tmp_path: Path) -> None:
    files = archives(tmp_path / "made")
    out = tmp_path / "openi"
    half = len(files["NLMCXR_png.tgz"]) // 2
    with serving(Shelf(files, breaks=[10_000_000, half])) as shelf:
        assert len(plan(PARTS, out, shelf.url)) == 2
        fetch(PARTS, out, shelf.url, wait=no_wait)
        assert shelf.sent == sum(map(len, files.values())), "no byte twice"
        asked = len(shelf.asked)
        fetch(PARTS, out, shelf.url, wait=no_wait)
        assert len(shelf.asked) == asked == 3
    assert all("there already" in line for line in plan(PARTS, out, shelf.url))
    assert {p.name for p in out.iterdir()} == {"ecgen-radiology", "images", "fetched.json", "fetch.lock"}
    told = json.loads((out / "fetched.json").read_text())["NLMCXR_png.tgz"]
    assert (told["files"], told["etag"], told["length"]) == (24, '"one"', len(files["NLMCXR_png.tgz"]))
    views = str(tmp_path / "made" / "indiana_projections.csv")
    fetched, made = opened("openi", out, views=views), opened("openi", tmp_path / "made")
    assert list(fetched.records()) == list(made.records()) and fetched.funnel == made.funnel
    record = next(iter(fetched.records()))
    np.testing.assert_array_equal(fetched.pixels(record), made.pixels(record))


def test_a_killed_unpacking_starts_again_without_a_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from saerad_core.datasets import fetch as fetching

    files = archives(tmp_path / "made")
    real = fetching.unpack

    def killed(archive: Path, folder: Path, *_: object, **__: object) -> None:
        folder.with_name(folder.name + ".part").mkdir()
        raise KeyboardInterrupt

    with serving(Shelf(files)) as shelf:
        monkeypatch.setattr(fetching, "unpack", killed)
        with pytest.raises(KeyboardInterrupt):
            fetch(PARTS, tmp_path / "o", shelf.url)
        monkeypatch.setattr(fetching, "unpack", real)
        fetch(PARTS, tmp_path / "o", shelf.url, keep=True)
        assert shelf.sent == sum(map(len, files.values()))
    assert (tmp_path / "o" / "NLMCXR_png.tgz").read_bytes() == files["NLMCXR_png.tgz"]


def test_a_damaged_archive_is_removed_and_fetched_anew(tmp_path: Path) -> None:
    files = archives(tmp_path / "made")
    whole = files["NLMCXR_png.tgz"]
    # Cut short, and the server says nothing of a length: only the archive itself can tell.
    files["NLMCXR_png.tgz"] = whole[:-1000]
    out = tmp_path / "openi"
    with serving(Shelf(files, length=False)) as shelf:
        with pytest.raises(FetchError, match="run the same command again"):
            fetch(PARTS, out, shelf.url, wait=no_wait)
        assert {p.name for p in out.iterdir()} == {"ecgen-radiology", "fetched.json", "fetch.lock"}
        files["NLMCXR_png.tgz"] = whole
        fetch(PARTS, out, shelf.url, wait=no_wait)
    assert len(list((out / "images").iterdir())) == 24


def test_two_downloads_never_write_one_folder(tmp_path: Path) -> None:
    from saerad_core.locks import only_one

    with only_one(tmp_path / "fetch.lock", AssertionError()), pytest.raises(FetchError, match="Another download"):
        fetch(PARTS, tmp_path, "http://127.0.0.1:9/")


def test_the_command_says_what_it_does_and_errors_are_a_sentence(tmp_path: Path) -> None:
    with serving(Shelf(archives(tmp_path / "made"))) as shelf:
        done = saerad("fetch", "openi", "--out", tmp_path / "o", "--url", shelf.url.rstrip("/"))
        assert done.returncode == 0, done.stderr
        assert "is downloaded and unpacked" in done.stderr and "Terms: CC BY-NC-ND" in done.stderr
        assert "--views" in done.stdout and (tmp_path / "o" / "images").is_dir()
        shelf.files.clear()
        done = saerad("fetch", "openi", "--out", tmp_path / "p", "--url", shelf.url)
    assert done.returncode == 2 and "404" in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr
    for arguments in (("fetch", "mimic-cxr", "--out", "x"), ("fetch", "openi", "--out", "x", "--images", "jpg")):
        done = saerad(*arguments)
        assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1
