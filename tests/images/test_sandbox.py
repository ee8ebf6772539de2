"""The decoding child: the same pixels, its limits, and no way to bring the caller down."""

from __future__ import annotations

import mmap
import os
import signal
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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


def test_a_process_that_died_in_waiting_is_replaced() -> None:
    decoders = sandbox.Decoders()
    data = written(dicom(film()))
    decoders.decode(data)
    first = decoders._server
    assert first is not None
    decoders.decode(data)
    assert decoders._server is first
    os.killpg(first.pid, signal.SIGKILL)
    assert decoders.decode(data).pixels.shape == (96, 80) and decoders._server is not first
    decoders.close()


def test_sessions_do_not_get_each_others_pixels() -> None:
    films = [film(seed, shape=(80 + seed, 90), high=255).astype(np.uint8) for seed in range(12)]
    files = [encoded(Image.fromarray(one)) for one in films]
    with ThreadPoolExecutor(6) as pool:
        for one, read in zip(films * 3, pool.map(decode_sandboxed, files * 3), strict=True):
            assert np.array_equal(read.pixels, one.astype(np.float32) / 255)


def test_a_path_is_read_by_the_decoder(tmp_path) -> None:
    (tmp_path / "Doe-Jane.png").write_bytes(encoded(Image.fromarray(film(high=255).astype(np.uint8))))
    assert decode_sandboxed(tmp_path / "Doe-Jane.png").pixels.shape == (96, 80)
    with pytest.raises(ImageRefused, match="can't be opened") as refused:
        decode_sandboxed(tmp_path / "Doe-John.png")
    assert "Doe" not in str(refused.value)


@pytest.mark.parametrize(
    "answer", [b"", b"{}", b'{"shape": [0, 9], "facts": {}}\n', b"\xff\xfe\n", b"[1]\n", b'{"shape": "x"}\n']
)
def test_half_an_answer_is_a_refusal(answer) -> None:
    pixels = sandbox._anonymous(1_000)
    with pytest.raises(ImageRefused):
        sandbox._parse(answer, pixels)
    os.close(pixels)


def test_values_that_are_no_grey_levels_are_a_refusal() -> None:
    pixels = sandbox._anonymous(324)
    with mmap.mmap(pixels, 324) as shared:
        shared[:4] = np.float32(np.nan).tobytes()
    with pytest.raises(ImageRefused, match="broke"):
        sandbox._parse(b'{"shape": [9, 9], "facts": {}}\n', pixels)
    os.close(pixels)


def test_the_child_knows_neither_torch_nor_streamlit() -> None:
    code = (
        "import sys\nimport saerad_core.images.child, saerad_core.images.dicom, saerad_core.images.pngjpeg\n"
        "raise SystemExit(len({'torch', 'streamlit', 'transformers', 'pandas'} & set(sys.modules)))\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_servers_secrets_stay_out_of_the_child(monkeypatch) -> None:
    monkeypatch.setenv("API_TOKEN", "secret")
    server, control = sandbox._start()
    with control, Path(f"/proc/{server.pid}/environ").open("rb") as environment:
        assert control.recv(16) == b"ready"
        assert b"secret" not in environment.read()
    assert server.wait(10) == 0, "it ends with the other side"
