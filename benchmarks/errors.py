"""The one exception for input that the user can put right, and what its messages are made of."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BadInput(Exception):
    """A fault in what the user gave: the message is one line and ends with the way out.

    The command line prints it without a traceback and exits with status 2. A line break can still
    come in with what a message quotes, the key of a spec for example.
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.splitlines()))


def nearest(word: str, known: Iterable[str]) -> str:
    """The hint that ends an unknown-name message: the closest known name, or all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known: {', '.join(names)}" if names else "none is accepted here"


def one_line(text: object) -> str:
    """``str(text)`` without control characters, which would move a terminal's cursor."""
    printable = "".join(sign if sign.isprintable() else " " for sign in str(text))
    return " ".join(printable.split())


def last_line(traceback: str | None) -> str:
    """What a traceback ends with, in at most 200 signs; empty for None."""
    lines = (traceback or "").strip().splitlines()
    text = one_line(lines[-1]) if lines else ""
    return text if len(text) <= 200 else f"{text[:197]}..."


def storable(traceback: str, limit: int = 8000) -> str:
    """The ends of a traceback too long for a record; the run's log has it whole.

    What is no text, bytes of a file's name for example, is escaped: JSON has no place for it.
    """
    half = limit // 2
    text = traceback.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= limit else f"{text[:half]}\n[...]\n{text[-half:]}"
