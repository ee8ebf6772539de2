"""A large file over HTTP that may break off: resumed where the server can, never mixed from two versions.

A file grows as NAME.part beside NAME.part.json, which keeps what the server said of it (RFC 9110: ETag, Last-Modified,
length). A later request asks for the rest with Range, and with If-Range, so that a file that has changed comes whole.
"""

from __future__ import annotations

import errno
import http.client
import json
import logging
import re
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from email.message import Message
from pathlib import Path
from typing import IO

from saerad_core.errors import FetchError
from saerad_core.progress import Progress

log = logging.getLogger(__name__)

MB = 1_000_000
CHUNK = 1 << 18
"""Bytes read at once."""
TIMEOUT = 60.0
"""Seconds without a byte after which a connection counts as broken."""
TRIES = 5
"""Broken connections in a row that brought nothing; then the command ends."""

_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EISDIR, errno.EFBIG})
"""Errors of the disk, for which trying again is of no use."""


@dataclass
class _Version:
    """What tells one version of a file from another."""

    url: str = ""
    etag: str = ""
    modified: str = ""
    length: int | None = None

    @property
    def validator(self) -> str:
        """For If-Range; "" where the server gave none that is strong enough."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.modified


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows to http and https only, and never from https to http."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if not newurl.startswith("https://") and not (newurl.startswith("http://") and req.type == "http"):
            raise FetchError(f"{req.full_url} leads to an address that isn't safe; nothing was taken from there.")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download(
    url: str, path: Path, progress: Progress, *, largest: int, wait: Callable[[float], None] = time.sleep
) -> dict[str, str | int | None]:
    """Fetch ``url`` to ``path``, which appears only when it is whole.

    Args:
        url: http or https.
        path: a finished file there is taken as it is.
        largest: bytes; a longer file is refused.
        wait: how to wait between tries, seconds.

    Returns:
        What the server said: url, etag, modified, length.

    Raises:
        FetchError: the server refuses, the file isn't as announced, the disk is full, or the connection broke too often.
    """
    if not url.startswith(("http://", "https://")):
        raise FetchError(f"{url} is no web address; give --url one that begins with https://.")
    part, note = path.with_name(path.name + ".part"), path.with_name(path.name + ".part.json")
    if path.exists():
        return asdict(_read_note(note, url))
    opener = urllib.request.build_opener(_SafeRedirects)
    tries, furthest = 0, part.stat().st_size if part.exists() else 0
    while True:
        try:
            version = _attempt(opener, url, part, note, progress, largest)
            break
        except (http.client.InvalidURL, UnicodeError) as error:
            raise FetchError(f"{url!r} is no web address; give --url one that begins with https://.") from error
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, urllib.error.HTTPError):
                if error.code < 500 and error.code not in (408, 429):
                    raise FetchError(f"{url} can't be fetched: the server says {error.code} {error.reason}.") from error
            elif getattr(error, "errno", None) in _DISK:
                raise FetchError(f"{part} can't be written ({_reason(error)}); what is there is kept.") from error
            have = part.stat().st_size if part.exists() else 0
            # Only news counts: a server that lies about the length would be asked for ever.
            tries, furthest = (0, have) if have > furthest else (tries + 1, furthest)
            if tries >= TRIES:
                raise FetchError(
                    f"{url} can't be reached or broke off {TRIES} times ({_reason(error)}); {have / MB:,.1f} MB are kept, "
                    "run the same command again to go on."
                ) from error
            log.warning("%s broke off at %.1f MB (%s); trying again.", path.name, have / MB, _reason(error))
            wait(2.0**tries)
    part.replace(path)
    return asdict(version)


def _attempt(
    opener: urllib.request.OpenerDirector, url: str, part: Path, note: Path, progress: Progress, largest: int
) -> _Version:
    """One connection; returns once the file is whole, raises OSError where it broke off."""
    known = _read_note(note, url)
    have = part.stat().st_size if part.exists() else 0
    if have and known.length == have:
        return known
    if not known.validator or (known.length is not None and have > known.length):
        # What is here may be of another version: nothing could tell.
        have = 0
    request = urllib.request.Request(url, headers={"Accept-Encoding": "identity", "User-Agent": "SAE-Rad"})
    if have:
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", known.validator)
    try:
        response = opener.open(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:
            # The file is shorter than what is here, so it isn't the same one.
            part.unlink()
            raise ConnectionError("the file has changed") from error
        raise
    with response:
        version = _version_of(url, response.headers)
        if response.status == 206 and have:
            first, version.length = _content_range(url, response.headers)
            if first != have or (known.length is not None and version.length != known.length):
                part.unlink()
                raise ConnectionError("the server sent another piece than was asked for")
            version.etag, version.modified = known.etag, known.modified
        elif response.status == 200:
            have = 0
        else:
            raise FetchError(f"{url} can't be fetched: the server answers {response.status} to an ordinary request.")
        _may_be(url, version.length, have, largest, part.parent)
        if not have:
            # Before the note: whoever is killed in between must not find old bytes under a new version.
            part.unlink(missing_ok=True)
        note.write_text(json.dumps(asdict(version)), encoding="utf-8")
        with part.open("r+b" if have else "wb") as file:
            file.seek(have)
            size = _copy(response, file, have, version.length, part, progress, largest, url)
    if version.length is not None and size != version.length:
        if size > version.length:
            part.unlink()
        raise ConnectionError(f"{size:,} of {version.length:,} bytes came")
    # Where no length was told, the archive's own checksums are the judge.
    version.length = size
    note.write_text(json.dumps(asdict(version)), encoding="utf-8")
    return version


def _copy(
    response: IO[bytes], file: IO[bytes], have: int, length: int | None, part: Path, progress: Progress, largest: int,
    url: str,
) -> int:  # fmt: skip
    """Write the body after ``have`` bytes; returns the file's size."""
    name = part.name.removesuffix(".part")
    # What an earlier try brought is no part of the stage: its time isn't known, and the estimate is made from the rate.
    onwards = f" from {have // MB} MB on" if have else ""
    progress.stage(f"Downloading {name}{onwards} (MB)", max(-(-(length - have) // MB), 1) if length is not None else 0)
    size, told = have, 0
    while chunk := response.read(CHUNK):
        file.write(chunk)
        size += len(chunk)
        if size > largest:
            part.unlink()
            raise FetchError(f"{url} is longer than {largest // MB:,} MB, more than this archive can be.")
        if (size - have) // MB > told:
            progress.advance((size - have) // MB - told)
            told = (size - have) // MB
    return size


def _version_of(url: str, headers: Message) -> _Version:
    length = headers.get("Content-Length", "")
    return _Version(
        url,
        headers.get("ETag", "").strip(),
        headers.get("Last-Modified", "").strip(),
        int(length) if re.fullmatch(r"\d{1,18}", length) else None,
    )


def _content_range(url: str, headers: Message) -> tuple[int, int | None]:
    """First byte and the whole file's length."""
    found = re.fullmatch(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)", headers.get("Content-Range", "").strip())
    if found is None:
        raise FetchError(f"{url} can't be fetched: the server sends a piece of a file without saying which.")
    return int(found[1]), None if found[2] == "*" else int(found[2])


def _may_be(url: str, length: int | None, have: int, largest: int, folder: Path) -> None:
    """Raise FetchError where the file is too long for what it should be, or for the disk."""
    if length is None:
        return
    if length > largest:
        raise FetchError(
            f"{url} has {length // MB:,} MB, more than the {largest // MB:,} MB that this archive can have."
        )
    free = shutil.disk_usage(folder).free
    if length - have > free:
        raise FetchError(
            f"{folder} has {free // MB:,} MB free, {(length - have) // MB:,} MB are still to come; make room and run it again."
        )


def _read_note(note: Path, url: str) -> _Version:
    """What is known of a file begun earlier from the same address."""
    try:
        version = _Version(**json.loads(note.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return _Version(url)
    return version if version.url == url else _Version(url)


def _reason(error: Exception) -> str:
    reason = error if isinstance(error, urllib.error.HTTPError) else getattr(error, "reason", None) or error
    return " ".join(str(reason).split())[:120] or type(error).__name__
