"""The decoding child: the same pixels, its limits, and no way to bring the caller down."""

from __future__ import annotations

import struct
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import JPEG2000Lossless

from saerad_core.errors import ImageRefused
from saerad_core.images import sandbox
from saerad_core.images.radiograph import decode
from saerad_core.images.sandbox import decode_sandboxed
from tests.images.films import NAME, compressed, dicom, encoded, film, written


@pytest.mark.parametrize("data", [written(dicom(film())), encoded(Image.fromarray(film(high=65535)))])
def test_it_gives_what_decode_gives(data) -> None:
    inside, outside = decode_sandboxed(data), decode(data)
    assert np.array_equal(inside.pixels, outside.pixels) and inside.facts == outside.facts
    assert inside.pixels.flags.writeable


def test_it_refuses_what_decode_refuses() -> None:
    with pytest.raises(ImageRefused, match="neither PNG, JPEG nor DICOM"):
        decode_sandboxed(b"junk")
    with pytest.raises(ImageRefused, match="empty"):
        decode_sandboxed(b"")


def memory_bomb() -> bytes:
    """A DICOM whose header promises 96 x 80 pixels and whose JPEG 2000 stream claims 30,000 x 30,000."""
    data = compressed(dicom(film()), JPEG2000Lossless)
    # SIZ marker segment (ISO/IEC 15444-1, A.5.1): size of the image and of its only tile.
    at = data.index(b"\xff\x4f\xff\x51") + 2
    large = struct.pack(">II", 30_000, 30_000)
    return data[: at + 6] + large + data[at + 14 : at + 22] + large + data[at + 30 :]


def test_a_bomb_is_refused_by_the_size_of_its_stream() -> None:
    with pytest.raises(ImageRefused, match="don't fit its header") as refused:
        decode_sandboxed(memory_bomb())
    assert NAME not in str(refused.value)


def test_what_takes_too_much_memory_ends_the_child_only() -> None:
    large = encoded(Image.fromarray(np.tile(film(high=255).astype(np.uint8), (60, 70))), compress_level=1)
    with pytest.raises(ImageRefused, match="memory|limits"):
        decode_sandboxed(large, memory=400 * 2**20)
    assert decode_sandboxed(written(dicom(film()))).pixels.shape == (96, 80)


_TRY = "import signal, sys\nfrom saerad_core.images.child import limit\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"


@pytest.mark.parametrize(
    ("tried", "error"),
    [("bytearray(2**30)", "MemoryError"), ("open(sys.argv[1], 'wb', buffering=0).write(b'x')", "OSError")],
)
def test_the_child_may_neither_take_memory_nor_write_files(tmp_path, tried, error) -> None:
    code = f"{_TRY}limit(2**30)\ntry:\n    {tried}\nexcept {error}:\n    raise SystemExit(7)\n"
    assert subprocess.run([sys.executable, "-c", code, tmp_path / "x"], check=False).returncode == 7


def test_too_long_is_refused() -> None:
    large = encoded(Image.fromarray(film(shape=(1_200, 1_200), high=65535)), compress_level=1)
    with pytest.raises(ImageRefused, match="too long"):
        decode_sandboxed(large, seconds=0.005)


def test_a_child_that_died_in_waiting_is_replaced() -> None:
    sandbox.warm()
    child = sandbox._spare._waiting
    assert child is not None
    child.kill()
    child.wait()
    assert decode_sandboxed(written(dicom(film()))).pixels.shape == (96, 80)


@pytest.mark.parametrize(
    "answer", [b"", b"{}", b'{"shape": [9, 9], "facts": {}}\n123', b"\xff\xfe\n", b"[1]\n", b'{"shape": "x"}\n']
)
def test_half_an_answer_is_a_refusal(answer) -> None:
    with pytest.raises(ImageRefused):
        sandbox._parse(answer)


def test_the_child_knows_neither_torch_nor_streamlit() -> None:
    code = (
        "import sys\nimport saerad_core.images.child, saerad_core.images.dicom, saerad_core.images.pngjpeg\n"
        "raise SystemExit(len({'torch', 'streamlit', 'transformers', 'pandas'} & set(sys.modules)))\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_servers_secrets_stay_out_of_the_child(monkeypatch) -> None:
    monkeypatch.setenv("API_TOKEN", "secret")
    child = sandbox._start()
    try:
        with open(f"/proc/{child.pid}/environ", "rb") as environment:  # noqa: PTH123 - not a path of ours
            assert b"secret" not in environment.read()
    finally:
        sandbox._end(child)
