"""Signals that a terminal sends to a sweep and to all that it started."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.stopping import SIGNALS


@contextmanager
def deaf_children() -> Iterator[None]:
    """What is started inside, from this thread, never gets Ctrl-C: the sweep ends it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def delayed() -> Iterator[None]:
    """What stops the sweep does so at the end: an array without a known id cannot be cancelled."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before: dict[int, Any] = {}
    for number in SIGNALS:
        if callable(signal.getsignal(number)):
            before[number] = signal.signal(number, lambda seen, _: came.append(seen))
    try:
        with deaf_children():
            yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        for seen in came:
            signal.raise_signal(seen)
