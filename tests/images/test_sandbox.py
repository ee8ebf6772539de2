"""The decoding child: the same pixels, its limits, and no way to bring the caller down."""

from __future__ import annotations

import contextlib
import os
import signal
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import JPEG2000Lossless

from saerad_core.errors import ImageRefused
from saerad_core.images import sandbox
from saerad_core.images.child import SPARE
from saerad_core.images.radiograph import Radiograph, decode
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
        decode_sandboxed(large, memory=200 * 2**20)
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


def received(said: bytes, *levels: np.ndarray) -> Radiograph:
    """What this side makes of an answer."""
    answer, reply = os.pipe()
    with os.fdopen(answer, "rb") as file:
        with os.fdopen(reply, "wb") as pipe:
            pipe.write(len(said).to_bytes(4, "little") + said + b"".join(part.tobytes() for part in levels))
        return sandbox._received(sandbox._Answer(file.fileno(), time.monotonic() + 5))


NINE = b'{"shape": [9, 9], "bits": 8, "facts": {}}'
TABLE = np.linspace(0, 1, 256, dtype=np.float32)


def test_an_answer_is_looked_up_in_its_table() -> None:
    index = film(shape=(9, 9), high=255).astype(np.uint8)
    assert np.array_equal(received(NINE, TABLE, index).pixels, TABLE[index])


@pytest.mark.parametrize(
    "said",
    [
        b"", b"{}", b"\xff\xfe", b"[1]", b'{"shape": "x"}', b'{"shape": [9, 9], "bits": 8}',
        NINE.replace(b"[9", b"[0"), NINE.replace(b"[9", b"[-9"), NINE.replace(b"[9, 9]", b"[20000, 20000]"),
        NINE.replace(b"8", b"64"), NINE.replace(b"{}", b"[]"), NINE.replace(b"[9", b"[NaN"),
        NINE.replace(b"[9", b"[Infinity"), NINE.replace(b"8", b"16.5").replace(b"{}", b"[1]"), b"[" * 60_000,
    ],
)  # fmt: skip
def test_an_answer_that_no_decoder_gives_is_a_refusal(said) -> None:
    with pytest.raises(ImageRefused, match="broke"):
        received(said, TABLE, np.zeros((9, 9), np.uint8))


@pytest.mark.parametrize("levels", [(), (TABLE,), (TABLE, np.zeros(80, np.uint8))])
def test_half_an_answer_is_none(levels) -> None:
    with pytest.raises(EOFError):
        received(NINE, *levels)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1.5, -0.1])
def test_values_that_are_no_grey_levels_are_a_refusal(wrong) -> None:
    table = TABLE.copy()
    table[7] = wrong
    with pytest.raises(ImageRefused, match="broke"):
        received(NINE, table, np.zeros((9, 9), np.uint8))


def test_a_decoder_that_stops_in_mid_answer_is_given_up() -> None:
    answer, reply = os.pipe()
    os.write(reply, b"\x09")
    with os.fdopen(answer, "rb") as file, os.fdopen(reply, "wb"), pytest.raises(TimeoutError):
        sandbox._received(sandbox._Answer(file.fileno(), time.monotonic() + 0.05))


def test_a_decoder_that_was_ended_in_waiting_is_replaced() -> None:
    decoders = sandbox.Decoders()
    data = written(dicom(film()))
    decoders.decode(data)
    assert decoders._server is not None
    children = Path(f"/proc/{decoders._server.pid}/task/{decoders._server.pid}/children")
    for _ in range(3):
        waiting = children.read_text().split()
        for child in waiting:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGKILL)
        gone(waiting)
        assert decoders.decode(data).pixels.shape == (96, 80)
    decoders.close()


def test_no_decoder_outlives_the_server() -> None:
    server, control = sandbox._start()
    with control:
        assert control.recv(16) == b"ready"
        found = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
        assert len(found) == SPARE
    assert server.wait(10) == 0
    gone(found)


def gone(processes: list[str]) -> None:
    """Wait for their end."""
    until = time.monotonic() + 10
    while any(Path(f"/proc/{process}").exists() for process in processes):
        assert time.monotonic() < until
        time.sleep(0.01)


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
