"""Decode a file that somebody uploaded: in a process of its own, with limits on memory and time."""

from __future__ import annotations

import atexit
import fcntl
import json
import mmap
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

from saerad_core.errors import ImageRefused
from saerad_core.images.child import MEMORY, SECONDS
from saerad_core.images.limits import MOST_PIXELS, check_bytes
from saerad_core.images.radiograph import Radiograph

AT_ONCE = 2
"""Files that are decoded side by side; further ones wait for their turn."""
_START = 60.0
"""Seconds for the warm process to start on a busy machine."""
_MOST_SAID = 64 * 2**10
_ROOT = Path(__file__).resolve().parents[2]
_TOO_LONG = "The file takes too long to read; export it uncompressed."
_BROKE = "The file broke its decoder or the decoder's limits; export it uncompressed."


class Decoders:
    """One warm process (``child``) that forks a decoder a file: safe for threads, replaced when it dies.

    The file and the pixels travel in anonymous memory, so nothing is copied through pipes or written to a disk.
    """

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._turns = threading.BoundedSemaphore(at_once)
        self._lock = threading.Lock()
        self._server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._owner = 0
        self._ready = False
        atexit.register(self.close)

    def decode(self, source: bytes | Path, *, seconds: float = SECONDS, memory: int = MEMORY) -> Radiograph:
        """What ``radiograph.decode`` gives, under limits.

        Args:
            source: bytes of a file, or its path.
            seconds: until the file is given up, once it has its turn.
            memory: bytes of address space of the decoder.

        Raises:
            ImageRefused: the file is not a usable radiograph, or its decoder broke a limit or died.
        """
        file = _opened(source)
        pixels = _anonymous(MOST_PIXELS * 4)
        try:
            with self._turns:
                server, said = self._ask(file, pixels, seconds, memory)
                if not said and _ended(server):
                    # Not the file's doing: the warm process itself was ended, and a file before or beside it may be why.
                    os.lseek(file, 0, os.SEEK_SET)
                    server, said = self._ask(file, pixels, seconds, memory)
            return _parse(said, pixels)
        finally:
            os.close(file)
            os.close(pixels)

    def warm(self) -> None:
        """Start the process that the next file will use, without waiting for it."""
        with self._lock:
            self._running()

    def close(self) -> None:
        """End the process and whatever it is decoding."""
        with self._lock:
            self._end()

    def _ask(self, file: int, pixels: int, seconds: float, memory: int) -> tuple[subprocess.Popen[bytes], bytes]:
        # The decoder gives up a little earlier than this side, so that it is gone when the person reads why.
        request = json.dumps({"seconds": seconds * 0.95, "memory": memory}).encode()
        answer, reply = os.pipe()
        try:
            try:
                server = self._send(request, [file, pixels, reply])
            finally:
                os.close(reply)
            began = time.monotonic()
            said = _read(answer, began + seconds)
            if said is None:
                # Still running after its own alarm: taken over or stuck in the kernel.
                with self._lock:
                    if self._server is server:
                        self._end()
            if said is None or (not said.endswith(b"\n") and time.monotonic() - began >= seconds * 0.94):
                raise ImageRefused(_TOO_LONG)
            return server, said
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


def _anonymous(size: int) -> int:
    """Memory without a name that can't change its size, as a descriptor."""
    descriptor = os.memfd_create("pixels", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, size)
    # Were it made smaller behind our back, reading it would kill this process.
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
    return descriptor


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


def _read(answer: int, until: float) -> bytes | None:
    """One line, or what came before the other side died; None when time is up."""
    said = b""
    poll = select.poll()
    poll.register(answer, select.POLLIN)
    while not said.endswith(b"\n") and len(said) < _MOST_SAID:
        if not poll.poll(max(0, round((until - time.monotonic()) * 1000))):
            return None
        part = os.read(answer, _MOST_SAID)
        if not part:
            break
        said += part
    return said


def _parse(answer: bytes, pixels: int) -> Radiograph:
    try:
        said = json.loads(answer)
        if "refused" in said:
            raise ImageRefused(str(said["refused"]))
        height, width = (int(side) for side in said["shape"])
        facts = {str(name): str(value) for name, value in said["facts"].items()}
        if not 0 < height * width <= MOST_PIXELS or min(height, width) < 1:
            raise ValueError(height, width)
        # Fails where anybody could still write: from here on the pixels are ours.
        fcntl.fcntl(pixels, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE)
        shared = mmap.mmap(pixels, height * width * 4, flags=mmap.MAP_PRIVATE)
        array = np.frombuffer(shared, dtype=np.float32).reshape(height, width)
        if not (array.min() >= 0 and array.max() <= 1):
            raise ValueError("not grey levels")
    except ImageRefused:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        # No answer or half of one: the decoder died. Were it taken over by the file, it could say no more than this.
        raise ImageRefused(_BROKE) from error
    return Radiograph(array, facts)
