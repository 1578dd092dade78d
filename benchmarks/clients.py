"""Clients that are processes of their own: each makes itself ready, all are told to go together, each tells its count.

A client is a program that prints ``ready``, waits for a line ``go``, works until a line ``stop`` comes, and prints what
it has to say as one line of JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

PATIENCE_S = 120
WARM_UP = 20


def together(commands: Sequence[list[str]], work: Callable[[], None], **options: Any) -> list[Any]:
    """What the clients say of the time in which ``work`` ran. Raises when one of them fails.

    options  of ``subprocess.Popen``: env, cwd
    """
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options)
        for command in commands
    ]
    try:
        for client in started:
            if _line(client) != "ready":
                raise RuntimeError(f"{' '.join(client.args)} did not get ready")  # type: ignore[arg-type]
        for client in started:
            _tell(client, "go")
        work()
        for client in started:
            _tell(client, "stop")
        return [json.loads(_line(client)) for client in started]
    finally:
        for client in started:
            client.kill()
            client.wait()


def rate(commands: Sequence[list[str]], seconds: float, **options: Any) -> float:
    """How much all clients got done in a second, where each says how many it did in how many seconds."""
    return sum(done / took for done, took in together(commands, lambda: time.sleep(seconds), **options))


def _tell(client: subprocess.Popen[str], word: str) -> None:
    assert client.stdin is not None
    client.stdin.write(f"{word}\n")
    client.stdin.flush()


def _line(client: subprocess.Popen[str]) -> str:
    assert client.stdout is not None
    killer = threading.Timer(PATIENCE_S, client.kill)
    killer.start()
    try:
        line = client.stdout.readline().strip()
    finally:
        killer.cancel()
    if not line:
        raise RuntimeError(f"a client ended early: {client.args!r}")
    return line


def work_until_told(act: Callable[[], None]) -> list[float]:
    """For the client: get ready, go, act until told to stop: (how often, seconds). The first times are before that."""
    is_told = _get_ready(act)
    count, started = 0, time.perf_counter()
    while not is_told():
        act()
        count += 1
    return [count, time.perf_counter() - started]


def times_until_told(act: Callable[[], None]) -> list[tuple[float, float]]:
    """The same, but when each began and how long it took, in seconds."""
    is_told = _get_ready(act)
    times = []
    while not is_told():
        began = time.time()
        act()
        times.append((began, time.time() - began))
    return times


def _get_ready(act: Callable[[], None]) -> Callable[[], bool]:
    for _ in range(WARM_UP):
        act()
    told = threading.Event()
    print("ready", flush=True)
    sys.stdin.readline()
    threading.Thread(target=lambda: (sys.stdin.readline(), told.set()), daemon=True).start()
    return told.is_set
