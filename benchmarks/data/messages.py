"""Foreign text in messages: what a file or a server says must not move a terminal's cursor."""

from __future__ import annotations

LONGEST = 300
"""Characters of foreign text that a message takes."""


def plain(foreign: object) -> str:
    """``str(foreign)`` on one line without control characters, cut after `LONGEST`."""
    printable = "".join(sign if sign.isprintable() else " " for sign in str(foreign))
    text = " ".join(printable.split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
