"""A process that writes and may be killed: clients of the storm in threads, each answer a line on standard output.

``python -m tests.faults.writer GROUND SEED BROKEN CLIENT:TURN…``; it begins each client's turns at the one named, and
goes on until it is killed, or for TURNS turns when that is set in the environment.
"""

from __future__ import annotations

import base64
import os
import pickle
import sys
import threading
from pathlib import Path

from . import sabotage
from .answers import Answer
from .ground import app_for, visitor
from .storm import Client

BUSY = ("award", "redeem", "serve", "take back", "return", "hold", "capture", "release")


def spoken(number: int, n: int, answer: Answer | None) -> str:
    return f"{number} {n} {base64.b64encode(pickle.dumps(answer)).decode()} ."


def heard(line: str) -> tuple[int, int, Answer | None] | None:
    """What a line says; None when the writer was killed in the middle of it."""
    parts = line.split()
    if len(parts) != 4 or not line.endswith(".\n"):
        return None
    return int(parts[0]), int(parts[1]), pickle.loads(base64.b64decode(parts[2]))


def main(arguments: list[str]) -> None:
    ground = pickle.loads(Path(arguments[0]).read_bytes())
    seed, broken = int(arguments[1]), arguments[2]
    turns = int(os.environ.get("TURNS", 10**9))
    app, speaking = app_for(ground), threading.Lock()
    with app.app_context(), sabotage.applied("" if broken == "-" else broken):
        clerks = [visitor(token) for token, _ in ground.tills]

        def run(number: int, first: int) -> None:
            with app.app_context():
                client = Client(ground, seed, number, clerks, BUSY)
                for n in range(first, first + turns):
                    line = spoken(number, n, client.act(client.turn(n)))
                    with speaking:
                        print(line, flush=True)

        threads = []
        for word in arguments[3:]:
            number, first = map(int, word.split(":"))
            threads.append(threading.Thread(target=run, args=(number, first)))
            threads[-1].start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main(sys.argv[1:])
