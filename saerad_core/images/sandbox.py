"""Decode a file that somebody uploaded: in a process of its own, with limits on memory and time."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from saerad_core.errors import ImageRefused
from saerad_core.images.child import MEMORY, SECONDS
from saerad_core.images.levels import BLOCK, look_up
from saerad_core.images.limits import MOST_PIXELS, check_bytes
from saerad_core.images.radiograph import Radiograph

AT_ONCE = 2
"""Files that are decoded side by side; further ones wait for their turn."""
_START = 60.0
"""Seconds for the warm process to start on a busy machine."""
_MOST_SAID = 64 * 2**10
_MALLOC = "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=33554432:glibc.malloc.trim_threshold=4294967296"
"""A decoder begins without memory: large pages come much faster than small ones, and what was freed is used again."""
_PIPE = 2**20
"""Bytes in a pipe, the most that Linux gives everybody: the fewer turns the two sides have to take."""
_ROOT = Path(__file__).resolve().parents[2]
_TOO_LONG = "The file takes too long to read; export it uncompressed."
_BROKE = "The file broke its decoder or the decoder's limits; export it uncompressed."


class Decoders:
    """One warm process (``child``) that forks a decoder a file: safe for threads, replaced when it dies.

    The file travels in anonymous memory and its grey levels in a pipe, so nothing is written to a disk. They are looked
    up on this side as they come: pages of memory that two processes share would take longer to set up than to copy.
    """

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._turns = threading.BoundedSemaphore(at_once)
        self._lock = threading.Lock()
        self._server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._owner = 0
        self._ready = False
        atexit.register(self.close)

    def decode(
        self, source: bytes | Path, *, seconds: float = SECONDS, memory: int = MEMORY, measured: bool = False
    ) -> Radiograph:
        """What ``radiograph.decode`` gives, under limits.

        Args:
            source: bytes of a file, or its path.
            seconds: until the file is given up, once it has its turn.
            memory: bytes of address space of the decoder.
            measured: rather what ``decode_levels`` gives under this word.

        Raises:
            ImageRefused: the file is not a usable radiograph, or its decoder broke a limit or died.
        """
        file = _opened(source)
        try:
            with self._turns:
                server, read = self._ask(file, seconds, memory, measured)
                if read is None and _ended(server):
                    # Not the file's doing: the warm process itself was ended, and a file before or beside it may be why.
                    os.lseek(file, 0, os.SEEK_SET)
                    server, read = self._ask(file, seconds, memory, measured)
        finally:
            os.close(file)
        if read is None:
            raise ImageRefused(_BROKE)
        return read

    def warm(self) -> None:
        """Start the process that the next file will use, without waiting for it."""
        with self._lock:
            self._running()

    def close(self) -> None:
        """End the process and whatever it is decoding."""
        with self._lock:
            self._end()

    def _ask(
        self, file: int, seconds: float, memory: int, measured: bool
    ) -> tuple[subprocess.Popen[bytes], Radiograph | None]:
        """The answer, or None where the decoder ended without one."""
        # The decoder gives up a little earlier than this side, so that it is gone when the person reads why.
        request = json.dumps({"seconds": seconds * 0.95, "memory": memory, "measured": measured}).encode()
        answer, reply = _pipe()
        try:
            try:
                server = self._send(request, [file, reply])
            finally:
                os.close(reply)
            began = time.monotonic()
            try:
                return server, _received(_Answer(answer, began + seconds))
            except TimeoutError as error:
                # Still running after its own alarm: taken over or stuck in the kernel.
                with self._lock:
                    if self._server is server:
                        self._end()
                raise ImageRefused(_TOO_LONG) from error
            except EOFError as error:
                if time.monotonic() - began >= seconds * 0.94:
                    raise ImageRefused(_TOO_LONG) from error
                return server, None
        finally:
            os.close(answer)

    def _send(self, request: bytes, descriptors: list[int]) -> subprocess.Popen[bytes]:
        with self._lock:
            for _ in range(2):
                server, control = self._running()
                try:
                    control.settimeout(_START)
                    if not self._ready:
                        self._ready = control.recv(16) == b"ready"
                    if self._ready:
                        socket.send_fds(control, [request], descriptors)
                        return server
                except OSError:
                    # It died since: the next round starts another.
                    self._ready = False
                self._end()
        raise ImageRefused("The decoder can't be started; try again.")

    def _running(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        if self._owner != os.getpid():
            # After a fork the process belongs to the parent.
            self._server = self._control = None
        if self._server is None or self._control is None or self._server.poll() is not None:
            self._end()
            self._server, self._control = _start()
            self._ready, self._owner = False, os.getpid()
        return self._server, self._control

    def _end(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._server is not None and self._owner == os.getpid():
            try:
                os.killpg(self._server.pid, signal.SIGKILL)
            except ProcessLookupError:
                self._server.kill()
            self._server.wait()
        self._server = self._control = None


_decoders = Decoders()


def decode_sandboxed(source: bytes | Path, *, seconds: float = SECONDS, memory: int = MEMORY) -> Radiograph:
    """What ``decode`` gives, from the process's shared ``Decoders``; raises ImageRefused likewise."""
    return _decoders.decode(source, seconds=seconds, memory=memory)


class Film(NamedTuple):
    """An X-ray's real values, for somebody who sets the window."""

    pixels: np.ndarray
    """float32 [H, W] in [0, 1]: (value - lowest) / (highest - lowest), upright, not inverted."""
    lowest: float
    highest: float
    center: float
    """Window Center that shows it as ``decode`` does, LINEAR of PS3.3 C.11.2.1.2."""
    width: float
    inverse: bool
    """Low values are shown white."""


def measure_sandboxed(source: bytes | Path, *, seconds: float = SECONDS, memory: int = MEMORY) -> Film:
    """An X-ray before any window; limits and errors as ``decode_sandboxed``."""
    read = _decoders.decode(source, seconds=seconds, memory=memory, measured=True)
    try:
        lowest, highest, center, width, inverse = (
            float(read.facts[name]) for name in ("lowest", "highest", "center", "width", "inverse")
        )
    except (LookupError, ValueError) as error:
        raise ImageRefused(_BROKE) from error
    if not (np.isfinite([lowest, highest, center, width]).all() and lowest < highest and width >= 1):
        raise ImageRefused(_BROKE)
    return Film(read.pixels, lowest, highest, center, width, bool(inverse))


def warm() -> None:
    """Start the process that the first upload will use."""
    _decoders.warm()


def _ended(server: subprocess.Popen[bytes]) -> bool:
    try:
        server.wait(0.1)
    except subprocess.TimeoutExpired:
        return False
    return True


def _start() -> tuple[subprocess.Popen[bytes], socket.socket]:
    # Nothing of the server's environment reaches the decoder: keys and tokens stay where they are.
    environment = {name: os.environ[name] for name in ("PATH", "LANG", "VIRTUAL_ENV") if name in os.environ}
    environment |= {"PYTHONPATH": str(_ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    environment["GLIBC_TUNABLES"] = _MALLOC
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        server = subprocess.Popen(
            [sys.executable, "-m", "saerad_core.images.child", str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd="/",
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
        )
    return server, ours


def _pipe() -> tuple[int, int]:
    ends = os.pipe()
    with contextlib.suppress(OSError):
        # A user may hold only so much in pipes; a small one is only slower.
        fcntl.fcntl(ends[0], fcntl.F_SETPIPE_SZ, _PIPE)
    return ends


def _opened(source: bytes | Path) -> int:
    if isinstance(source, Path):
        try:
            check_bytes(source.stat().st_size)
            return os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise ImageRefused("The file can't be opened; check that it is there and may be read.") from error
    check_bytes(len(source))
    descriptor = os.memfd_create("file", os.MFD_CLOEXEC)
    with os.fdopen(os.dup(descriptor), "wb", buffering=0) as file:
        view = memoryview(source)
        while view:
            view = view[file.write(view) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


class _Answer:
    """What a decoder writes, until a moment of the monotonic clock."""

    def __init__(self, pipe: int, until: float) -> None:
        self._pipe, self._until = pipe, until
        self._poll = select.poll()
        self._poll.register(pipe, select.POLLIN)

    def head(self) -> bytes:
        """The JSON that comes first, behind its length in four bytes."""
        length = bytearray(4)
        self.fill(memoryview(length))
        said = bytearray(min(int.from_bytes(length, "little"), _MOST_SAID))
        self.fill(memoryview(said))
        return bytes(said)

    def fill(self, into: memoryview) -> None:
        """As many bytes as fit.

        Raises:
            TimeoutError: they took too long.
            EOFError: the other side ended before.
        """
        while into:
            if not self._poll.poll(max(0, round((self._until - time.monotonic()) * 1000))):
                raise TimeoutError
            n = os.readv(self._pipe, [into])
            if not n:
                raise EOFError
            into = into[n:]


def _received(answer: _Answer) -> Radiograph:
    """The radiograph of an answer.

    Raises:
        ImageRefused: the decoder refused the file, or what it says is nothing that a sound one would say.
        TimeoutError, EOFError: the answer is not whole.
    """
    try:
        said = json.loads(answer.head())
        if "refused" in said:
            raise ImageRefused(str(said["refused"]))
        height, width = (int(side) for side in said["shape"])
        facts = {str(name): str(value) for name, value in said["facts"].items()}
        bits = int(said["bits"])
        if bits not in (8, 16) or min(height, width) < 1 or height * width > MOST_PIXELS:
            raise ValueError(height, width, bits)
    except ImageRefused:
        raise
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        # Taken over by the file, the decoder can say no more than this.
        raise ImageRefused(_BROKE) from error
    table = np.empty(2**bits, dtype=np.float32)
    answer.fill(table.data.cast("B"))
    if not (table.min() >= 0 and table.max() <= 1):
        raise ImageRefused(_BROKE)
    pixels = np.empty(height * width, dtype=np.float32)
    block = np.empty(BLOCK, dtype=f"u{bits // 8}")
    for start in range(0, pixels.size, BLOCK):
        index = block[: pixels.size - start]
        answer.fill(index.data.cast("B"))
        look_up(table, index, pixels[start : start + BLOCK])
    return Radiograph(pixels.reshape(height, width), facts)
