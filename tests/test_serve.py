"""``./run`` keeps a worker beside the server: started with it, again when it ends, and never left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PATIENCE_S = 120  # nobody waits that long, but on a machine with other work


def children_of(pid: int) -> dict[int, str]:
    """The living children of a process: their commands."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                if int(stat[1]) == pid and stat[0] != "Z":
                    found[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def workers_of(server: subprocess.Popen[bytes]) -> list[int]:
    return [pid for pid, command in children_of(server.pid).items() if "jobs work" in command]


def until(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.1)


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def server(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A server on an empty installation, with its worker at work."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    env |= {"POINTS_INSTANCE": str(tmp_path), "PYTHONWARNINGS": ""}
    command = [sys.executable, "-m", "points.serve", "--empty", "--port", str(port), "--workers", "1"]

    def answers() -> bool:
        assert process.poll() is None
        try:
            return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).status == 200)
        except OSError:
            return False

    with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL) as process:
        try:
            until(answers, "the server")
            until(lambda: len(workers_of(process)) == 1, "its worker")
            yield process
        finally:
            process.kill()


def test_a_worker_that_was_killed_is_started_again_and_ends_with_the_server(
    server: subprocess.Popen[bytes],
) -> None:
    [first] = workers_of(server)
    os.kill(first, signal.SIGKILL)
    until(lambda: workers_of(server) not in ([], [first]), "another worker")
    [second] = workers_of(server)
    server.terminate()
    assert server.wait(PATIENCE_S) == 0
    assert not runs(second), "the server waits for its worker"


def test_a_server_that_was_killed_leaves_no_worker_behind(server: subprocess.Popen[bytes]) -> None:
    [worker] = workers_of(server)
    server.kill()
    server.wait()
    until(lambda: not runs(worker), "the worker to end")
