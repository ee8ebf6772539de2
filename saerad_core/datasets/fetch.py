"""Public datasets that may be fetched without an account: Open-i."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from saerad_core.datasets.download import download
from saerad_core.datasets.unpack import DamagedError, Limits, unpack
from saerad_core.errors import FetchError
from saerad_core.locks import only_one
from saerad_core.progress import Progress, Silent

log = logging.getLogger(__name__)

OPENI_URL = "https://openi.nlm.nih.gov/imgs/collections/"
"""Where the National Library of Medicine publishes the Indiana University collection."""
OPENI_TERMS = "CC BY-NC-ND 4.0; cite Demner-Fushman et al., JAMIA 23(2):304, 2016"
_GB = 1_000_000_000


@dataclass(frozen=True)
class Part:
    """One archive of a dataset."""

    archive: str
    folder: str
    """Where its files lie in the dataset's folder, as the adapter looks for them."""
    holds: str
    """In words, for people."""
    largest: int
    """Bytes that the archive may have at most, far above what it has."""
    limits: Limits
    sha256: str = ""
    """As published; "" where nobody publishes one: then the archive's own checksum (CRC-32 of gzip) is read through."""


OPENI = {
    "reports": Part(
        "NLMCXR_reports.tgz", "ecgen-radiology", "3,955 reports (XML)", _GB // 10, Limits(".xml", 20_000, _GB // 1_000, _GB)
    ),
    "png": Part("NLMCXR_png.tgz", "images", "7,470 X-rays (PNG)", 8 * _GB, Limits(".png", 40_000, _GB // 10, 16 * _GB)),
    "dicom": Part(
        "NLMCXR_dcm.tgz", "dicom", "7,470 X-rays (DICOM), 80.7 GB", 160 * _GB, Limits(".dcm", 40_000, _GB // 5, 400 * _GB)
    ),
}  # fmt: skip
"""Archives of Open-i. No checksum is published for any of them."""


def plan(parts: Sequence[Part], out: Path, url: str) -> list[str]:
    """What ``fetch`` will do, a line an archive."""
    lines = []
    for part in parts:
        have = out / f"{part.archive}.part"
        if (out / part.folder).exists():
            lines.append(f"{out / part.folder} is there already; it is left as it is.")
        elif (out / part.archive).exists():
            lines.append(f"{part.archive} is here already; it is unpacked to {out / part.folder}.")
        else:
            begun = f", going on after {have.stat().st_size / 1e6:,.0f} MB" if have.exists() else ""
            lines.append(f"{url}{part.archive} is downloaded{begun} and unpacked to {out / part.folder}: {part.holds}.")
    return lines


def fetch(
    parts: Sequence[Part],
    out: Path,
    url: str,
    progress: Progress | None = None,
    *,
    keep: bool = False,
    wait: Callable[[float], None] = time.sleep,
) -> None:
    """Download and unpack what isn't there. A killed run goes on where it was; a finished part is not fetched again.

    ``out``/fetched.json keeps where each archive came from, its size, version and sha256.

    Args:
        url: of the folder of archives, with a slash at its end.
        keep: whether archives stay once they are unpacked.
        wait: how to wait between tries, seconds.

    Raises:
        FetchError: a part can't be had; the message says what to do. Parts before it are finished.
    """
    progress = progress or Silent()
    try:
        out.mkdir(parents=True, exist_ok=True)
        with only_one(out / "fetch.lock", FetchError(f"Another download is writing {out}; wait for it or stop it.")):
            for part in parts:
                if not (out / part.folder).exists():
                    _fetch_part(part, out, url, progress, keep, wait)
    except OSError as error:
        raise FetchError(f"{out} can't be written ({error.strerror}); choose another --out.") from error
    progress.finish()


def _fetch_part(part: Part, out: Path, url: str, progress: Progress, keep: bool, wait: Callable[[float], None]) -> None:
    archive = out / part.archive
    told = download(url + part.archive, archive, progress, largest=part.largest, wait=wait)
    size = archive.stat().st_size
    try:
        unpacked = unpack(archive, out / part.folder, part.limits, progress, sha256=part.sha256)
    except DamagedError as error:
        archive.unlink()
        _note(archive).unlink(missing_ok=True)
        raise FetchError(f"{error} The file was removed; run the same command again to download it anew.") from error
    if unpacked.skipped:
        log.warning("%s: %d files of another kind are left out.", part.archive, unpacked.skipped)
    _keep_note(out, part.archive, told | asdict(unpacked) | {"length": size})
    _note(archive).unlink(missing_ok=True)
    if not keep:
        archive.unlink()


def _note(archive: Path) -> Path:
    return archive.with_name(archive.name + ".part.json")


def _keep_note(out: Path, archive: str, facts: dict) -> None:
    path = out / "fetched.json"
    try:
        notes = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        notes = {}
    notes[archive] = facts | {"date": datetime.now(UTC).date().isoformat()}
    part = path.with_suffix(".part")
    part.write_text(json.dumps(notes, indent=2) + "\n", encoding="utf-8")
    part.replace(path)
