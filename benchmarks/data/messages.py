"""What messages are made of: foreign text that stays on its line, and faults of foreign files."""

from __future__ import annotations

from benchmarks.errors import BadInput, one_line

LONGEST = 300
"""Characters of foreign text that a message takes."""


class BadFile(BadInput):
    """A foreign file is not what it should be; the message does not say where to get it again.

    `benchmarks.data.datasets.DataSet` knows, and adds it.
    """


def plain(foreign: object) -> str:
    """`one_line` of what a file or a server says, cut after `LONGEST`."""
    text = one_line(foreign)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
