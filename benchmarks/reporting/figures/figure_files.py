"""A figure as the bytes of a file."""

from __future__ import annotations

import io

from matplotlib.figure import Figure

UNSTAMPED = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
"""Metadata of each kind of file, by suffix."""


def figure_bytes(figure: Figure, suffix: str) -> bytes:
    """The file without its date and the version that drew it: the same numbers, the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=suffix, metadata=UNSTAMPED[suffix])
    return buffer.getvalue()
