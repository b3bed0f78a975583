"""Processes that fight for a few claims and are killed at it; run as a script.

``FOLDER NAME WORKERS KILLS SEED BEAT_S``: every line of ``FOLDER/log`` says what happened to which
claim in whose hands, in the order in which it happened.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

from benchmarks import claims

CLAIMS = 3


def say(log: int, *words: object) -> None:
    """Append a line: one call, so that lines of several processes neither mix nor change order."""
    os.write(log, (" ".join(map(str, words)) + "\n").encode())


def work(folder: Path, log: int, name: str, chance: random.Random) -> None:
    """Take claims, write under each if it still is ours, and let go, until killed."""
    while True:
        which = chance.randrange(CLAIMS)
        try:
            with claims.claim(folder / str(which)) as held:
                say(log, "enter", which, name)
                time.sleep(chance.uniform(0, 0.01))
                held.check()
                say(log, "leave", which, name)
        except claims.Claimed:
            time.sleep(chance.uniform(0, 0.002))


def main() -> None:
    """Start the workers; kill one after another, and start another in its place each time."""
    folder, host = Path(sys.argv[1]), sys.argv[2]
    workers, kills, seed = map(int, sys.argv[3:6])
    claims.BEAT_S = float(sys.argv[6])
    log = os.open(folder / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    chance = random.Random(seed)
    living: dict[int, str] = {}

    def start(number: int) -> None:
        name = f"{host}-{number}"
        pid = os.fork()
        if pid == 0:
            try:
                work(folder, log, name, random.Random(f"{seed} {number}"))
            finally:
                os._exit(1)
        living[pid] = name

    def kill(pid: int) -> None:
        say(log, "kill", "any", living.pop(pid))
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        assert os.WTERMSIG(status) == signal.SIGKILL, "a worker has failed by itself"

    for number in range(workers):
        start(number)
    for number in range(workers, workers + kills):
        time.sleep(chance.uniform(0.005, 0.03))
        kill(chance.choice(list(living)))
        start(number)
    for pid in list(living):
        kill(pid)


if __name__ == "__main__":
    main()
