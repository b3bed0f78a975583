"""The one exception for input that the user can put right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BadInput(Exception):
    """A fault in what the user gave: the message is one line and ends with the way out.

    The command line prints it without a traceback and exits with status 2.
    """


def nearest(word: str, known: Iterable[str]) -> str:
    """The hint that ends an unknown-name message: the closest known name, or all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known: {', '.join(names)}" if names else "none is accepted here"
