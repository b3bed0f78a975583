"""Signals that ask the command to stop: Ctrl-C, `kill`, a closed terminal.

The first raises `KeyboardInterrupt`, which ends what goes on and leaves it to be resumed. The
second is not heeded, since what it asks for is under way. The third ends the process at once, in
case something hangs.
"""

from __future__ import annotations

import signal
from collections.abc import Iterable
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_WORDS = {
    signal.SIGINT: "Ctrl-C",
    signal.SIGTERM: "kill (SIGTERM)",
    signal.SIGHUP: "a closed terminal (SIGHUP)",
}

_seen: list[int] = []
_handled: set[int] = set()


def install(signals: Iterable[int] = SIGNALS) -> None:
    """Handle the signals in this process, but for those that nohup or a shell has switched off."""
    for number in signals:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _stop)
            _handled.add(number)


def heed() -> None:
    """Stop now if a signal came: a library may have caught what it raised, or Python dropped it."""
    if _seen:
        raise KeyboardInterrupt


def first() -> int:
    """The signal that stopped this process, or that of Ctrl-C if none was seen."""
    return _seen[0] if _seen else signal.SIGINT


def in_words(kind: type[BaseException]) -> str:
    """What ended something that an exception of this kind came out of."""
    return _WORDS[signal.Signals(first())] if kind is KeyboardInterrupt else kind.__name__


def exit_status() -> int:
    """What shells expect of a command that a signal has stopped."""
    return 128 + first()


def _stop(number: int, _: FrameType | None) -> None:
    _seen.append(number)
    if len(_seen) == 1:
        raise KeyboardInterrupt
    for each in _handled:
        if signal.getsignal(each) == _stop:
            signal.signal(each, signal.SIG_DFL)
