"""A figure as an image that a page carries in itself."""

from __future__ import annotations

import base64
import io

from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

LARGEST_VECTOR, MOST_TEXTS = 150_000, 200
"""Bytes of SVG, and pieces of text, beyond which the pixels of a figure are the smaller file by
far."""

DPI, COLOURS = 200, 256


def data_uri(figure: Figure) -> str:
    """The figure as a ``data:`` address, SVG or of many pieces PNG; the same figure, the same."""
    kind = "png" if len(figure.findobj(Text)) > MOST_TEXTS else "svg+xml"
    data = _bytes(figure, "png" if kind == "png" else "svg")
    if kind == "svg+xml" and len(data) > LARGEST_VECTOR:
        kind, data = "png", _bytes(figure, "png")
    if kind == "png":
        data = _few_colours(data)
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _bytes(figure: Figure, suffix: str) -> bytes:
    buffer = io.BytesIO()
    unstamped = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}[suffix]
    figure.savefig(buffer, format=suffix, dpi=DPI, metadata=unstamped)
    return buffer.getvalue()


def _few_colours(png: bytes) -> bytes:
    """The same image by a palette: a quarter of the bytes."""
    buffer = io.BytesIO()
    image = Image.open(io.BytesIO(png)).convert("RGB")
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
