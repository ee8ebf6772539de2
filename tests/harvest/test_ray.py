"""Two Ray nodes on loopback: the local engine's bits, also where a worker is killed in mid-run."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from tests.harvest import small

ROOT = Path(__file__).resolve().parents[2]
HEAD, OTHER = "127.0.0.2", "127.0.0.3"
"""On loopback: Ray puts the machine's own address in place of 127.0.0.1, but takes its neighbours for addresses like any other."""
ray = pytest.importorskip("ray", reason="needs requirements-ray.txt")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A head and a second node, both on loopback, as subprocesses."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    with socket.socket() as free:
        free.bind((HEAD, 0))
        port = free.getsockname()[1]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [
        sys.executable,
        "-m",
        "ray.scripts.scripts",
        "start",
        "--block",
        "--num-cpus=2",
    ]
    command += ["--object-store-memory=100000000", "--disable-usage-stats"]
    nodes = [
        subprocess.Popen(
            [*command, f"--node-ip-address={HEAD}", "--head", f"--port={port}", "--include-dashboard=false"],
            env=environment,
            cwd=ROOT,
        )
    ]
    try:
        ray.init(address=_connect(port), log_to_driver=False, _node_ip_address=HEAD)
        joining = [*command, f"--node-ip-address={OTHER}", f"--address={HEAD}:{port}"]
        nodes.append(subprocess.Popen(joining, env=environment, cwd=ROOT))
        began = time.monotonic()
        while sum(node["Alive"] for node in ray.nodes()) < 2 and time.monotonic() - began < 60:
            time.sleep(0.2)
        yield
    finally:
        ray.shutdown()
        for node in reversed(nodes):
            node.terminate()
            node.wait(60)


def _connect(port: int) -> str:
    began = time.monotonic()
    while time.monotonic() - began < 60:
        with socket.socket() as one:
            if one.connect_ex((HEAD, port)) == 0:
                break
        time.sleep(0.2)
    return f"{HEAD}:{port}"


@pytest.mark.slow
def test_a_killed_worker_costs_nothing(cluster, tmp_path) -> None:
    assert sorted(node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]) == [HEAD, OTHER]
    small.prepare(tmp_path)
    local = small.run(tmp_path, tmp_path / "local")
    killed: list[int] = []

    def kill() -> None:
        folder = tmp_path / "ray" / "cache"
        began = time.monotonic()
        while not list(folder.glob("shard-*.json")) and time.monotonic() - began < 120:
            time.sleep(0.005)
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            # Ray names an actor's process after its class and method.
            title = path.read_bytes() if path.exists() else b""
            if title.startswith(b"ray::") and b"ShardEncoder" in title:
                killed.append(int(path.parent.name))
                os.kill(killed[0], signal.SIGKILL)
                return

    thread = threading.Thread(target=kill)
    thread.start()
    spread = small.run(tmp_path, tmp_path / "ray", engine="ray")
    thread.join()
    assert killed
    assert spread.numbers() == local.numbers() and spread.refused() == local.refused()
    assert spread.records().equals(local.records())
    for name in ("pooled", "tokens", "patches"):
        np.testing.assert_array_equal(spread.array(name), local.array(name))
