"""Random moments at which a sweep is killed, drawn with a seed, and the killing."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sweep_process import SweepProcess, in_flight, trains

LIFE_S, WRITE_S = 20.0, 0.004
"""About the length of a sweep of `torture.toml`, and of the writing of a file."""
PATIENCE_S = 240.0
"""Seconds after which a sweep that neither ends nor gets on is taken to hang."""
FILES = ("/.checkpoint.pt", "/checkpoint.pt", "/runs/", "claim", "trace.csv", "events.jsonl")
"""Parts of the names of all files that a run writes."""

T = TypeVar("T")


@dataclass(frozen=True)
class Kill:
    """``clock``: so long after the start of Python; ``work``: so long after a first epoch;
    ``file``: then at the next operation on a path that has ``file`` in it, or just after."""

    when: str
    whom: str
    signal: signal.Signals
    wait_s: float
    file: str = ""
    delay_s: float = 0.0


def drawn(sigkills: int, others: int, seed: int, work_s: float) -> list[Kill]:
    """``sigkills`` and ``others`` each of SIGTERM and SIGINT, in random order.

    ``work_s``: about the seconds that the sweep trains when left alone.
    """
    draw = random.Random(seed)
    signals = [signal.SIGKILL] * sigkills + [signal.SIGTERM, signal.SIGINT] * others
    if others:
        draw.shuffle(signals)
    return [
        _kill(("clock", "work", "file")[n % 3], FILES[n // 3 % len(FILES)], which, draw, work_s)
        for n, which in enumerate(signals)
    ]


def _kill(when: str, file: str, which: signal.Signals, draw: random.Random, work_s: float) -> Kill:
    victims = ["parent", "group"]
    if when != "clock" and which != signal.SIGINT:  # which workers leave to their parent
        victims += ["worker", "worker"]
    whom = draw.choice(victims)
    if when == "clock":
        return Kill(when, whom, which, draw.uniform(0, LIFE_S))
    if when == "work":
        return Kill(when, whom, which, draw.uniform(0, work_s))
    delay = draw.choice([0.0, draw.uniform(0, WRITE_S)])
    return Kill(when, whom, which, draw.uniform(0, work_s / 2), file, delay)


def strike(kill: Kill, sweep: SweepProcess) -> int | None:
    """Wait for the moment and kill; the worker killed, or the sweep's own process where all ends.

    None if the sweep ended before.
    """
    if kill.when == "clock":
        moment = sweep.started + kill.wait_s
    elif _wait(sweep, lambda: trains(sweep)):
        moment = time.monotonic() + kill.wait_s
    else:
        return None
    if not _wait(sweep, lambda: time.monotonic() >= moment):
        return None
    return _at_a_file(kill, sweep) if kill.when == "file" else _now(kill, sweep)


def _now(kill: Kill, sweep: SweepProcess) -> int | None:
    victim: int | None = sweep.pid
    send = os.killpg if kill.whom == "group" else os.kill
    while not sweep.ended():
        if kill.whom == "worker":
            victim = _wait(sweep, lambda: min(in_flight(sweep).values(), default=None))
        if victim is None:
            return None
        with suppress(ProcessLookupError):  # it has just ended by itself
            send(victim, kill.signal)
            return victim
    return None


def _at_a_file(kill: Kill, sweep: SweepProcess) -> int | None:
    order = {"file": kill.file, "whom": kill.whom, "signal": kill.signal, "delay": kill.delay_s}
    written = sweep.order.with_suffix(".new")
    written.write_text(json.dumps(order))
    written.rename(sweep.order)

    def takers() -> list[Path]:
        return list(sweep.order.parent.glob(f"{sweep.order.name}.[0-9]*"))

    _wait(sweep, takers)
    sweep.order.unlink(missing_ok=True)
    if not (taken := takers()):
        return None
    victim = int(taken[0].suffix[1:])
    taken[0].unlink()
    return victim if kill.whom == "worker" else sweep.pid


def _wait(sweep: SweepProcess, condition: Callable[[], T]) -> T | None:
    """The first true value of a condition; None if the sweep ends before."""
    end = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        if sweep.ended():
            return None
        assert time.monotonic() < end, f"the sweep hangs:\n{sweep.log.read_text()}"
        time.sleep(0.01)
    return found
