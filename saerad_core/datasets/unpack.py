"""A .tgz from elsewhere, unpacked with care: ordinary files only, within limits, whole or not at all."""

from __future__ import annotations

import errno
import gzip
import hashlib
import os
import shutil
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from saerad_core.errors import FetchError
from saerad_core.progress import Progress

MB = 1_000_000
LONGEST_HEADER = 1 << 20
"""Bytes of an extended header (a long name); tarfile reads one at once, whatever it claims to be."""


class DamagedError(FetchError):
    """The archive itself is at fault, so another try with the same file is of no use."""


@dataclass(frozen=True)
class Limits:
    """What an archive may hold."""

    suffix: str
    """Files that are taken; others are left in the archive."""
    members: int
    """Files and folders."""
    file_bytes: int
    """Of one file."""
    bytes: int
    """Of the whole archive, unpacked."""


@dataclass(frozen=True)
class Unpacked:
    """What came out."""

    files: int
    skipped: int
    """Files of another suffix."""
    sha256: str
    """Of the archive."""


class _Header(tarfile.TarInfo):
    """Refuses an extended header that would fill the memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        header = super().frombuf(buf, encoding, errors)
        extended = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)  # fmt: skip
        if header.type in extended and header.size > LONGEST_HEADER:
            raise DamagedError("a name in it is too long")
        return header


class _Archive:
    """The packed bytes: hashed and counted as they are read."""

    def __init__(self, file: IO[bytes], progress: Progress) -> None:
        self.file = file
        self.digest = hashlib.sha256()
        self._progress = progress
        self._read = self._told = 0

    def read(self, n: int = -1) -> bytes:
        data = self.file.read(n)
        self.digest.update(data)
        self._read += len(data)
        if self._read // MB > self._told:
            self._progress.advance(self._read // MB - self._told)
            self._told = self._read // MB
        return data


class _Stream:
    """The unpacked bytes: counted, so that an archive that never ends does end."""

    def __init__(self, file: gzip.GzipFile, most: int) -> None:
        self.file = file
        self.left = most

    def read(self, n: int) -> bytes:
        data = self.file.read(n)
        self.left -= len(data)
        if self.left < 0:
            raise DamagedError("it unpacks to more than it can hold")
        return data


def unpack(archive: Path, folder: Path, limits: Limits, progress: Progress, *, sha256: str = "") -> Unpacked:
    """Unpack a .tgz into ``folder``, which appears only when all of it is there and the archive was read to its end.

    A single folder that holds everything is left out of the paths.

    Args:
        folder: must not exist; what a killed run left in its .part is thrown away.
        sha256: of the archive, where one is published.

    Raises:
        DamagedError: the archive is damaged, isn't the published one, or holds what no archive of this kind does: a path
            out of the folder, a link, a device, more than ``limits``. Nothing of it stays.
        FetchError: the disk is full or can't be written.
    """
    part = folder.with_name(folder.name + ".part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        progress.stage(f"Unpacking {archive.name} (MB)", max(-(-archive.stat().st_size // MB), 1))
        with archive.open("rb") as raw:
            packed = _Archive(raw, progress)
            files, skipped = _extract(packed, part, limits)
        found = packed.digest.hexdigest()
        if sha256 and found != sha256:
            raise DamagedError("its checksum isn't the published one")
        if not files:
            raise DamagedError(f"there is no {limits.suffix} file in it")
        _whole(part).replace(folder)
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, UnicodeError) as error:
        raise DamagedError(f"{archive} is damaged ({' '.join(str(error).split())[:120]}).") from error
    except DamagedError as error:
        raise DamagedError(f"{archive} isn't unpacked: {error}.") from error
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG):
            raise DamagedError(f"{archive} isn't unpacked: a path in it is no path.") from error
        raise FetchError(f"{folder} can't be written ({error.strerror}); {archive} is kept, run it again.") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return Unpacked(files, skipped, found)


def _extract(packed: _Archive, part: Path, limits: Limits) -> tuple[int, int]:
    files = skipped = 0
    with gzip.GzipFile(fileobj=packed, mode="rb") as unzipped:  # type: ignore[arg-type]
        stream = _Stream(unzipped, limits.bytes)
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Header) as tar:  # type: ignore[arg-type]
            for at, member in enumerate(tar):
                if at >= limits.members:
                    raise DamagedError(f"it holds more than {limits.members:,} files")
                _check(member, limits)
                if not member.isfile():
                    continue
                name = PurePosixPath(member.name)
                if name.suffix.lower() != limits.suffix or name.name.startswith("."):
                    skipped += 1
                    continue
                files += 1
                tar.extract(member, part, filter="data")
        # tar ends before gzip does: the checksum of gzip lies at the very end.
        while stream.read(1 << 20):
            pass
    return files, skipped


def _check(member: tarfile.TarInfo, limits: Limits) -> None:
    if not (member.isfile() or member.isdir()) or member.issparse():
        raise DamagedError("it holds a link, a device or a file with holes")
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\\" in member.name or "\0" in member.name:
        raise DamagedError("a path in it leads out of the folder")
    if member.size > limits.file_bytes:
        raise DamagedError(f"a file in it has more than {limits.file_bytes // MB:,} MB")


def _whole(part: Path) -> Path:
    """The folder that holds the files, below a single one that holds all; a patient's folder has a number for a name."""
    while True:
        inside = list(os.scandir(part))
        if len(inside) != 1 or not inside[0].is_dir() or inside[0].name.isdigit():
            return part
        part = part / inside[0].name
