"""The figures of a stream as images that a page carries in itself."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import matplotlib
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from benchmarks.reporting.collect import Collection
from benchmarks.reporting.figures import LineStyle
from benchmarks.reporting.panels import numbered
from benchmarks.reporting.plots import STYLE, stream_figures
from benchmarks.reporting.report_captions import said_of

LARGEST_VECTOR, MOST_TEXTS = 150_000, 200
"""Bytes of SVG, and pieces of text, beyond which the pixels of a figure are the smaller file by
far."""

DPI, COLOURS = 200, 256


@dataclass(frozen=True)
class Picture:
    """A figure of the page."""

    name: str
    title: str
    said: str
    """What is drawn: the caption, and what those hear who do not see it."""
    uri: str
    """The image itself, as a ``data:`` address."""
    width: float
    """Inches in print."""


def pictures(collection: Collection, stream: str, looks: dict[str, LineStyle]) -> list[Picture]:
    """The figures of one stream, those of `plots`; the same runs give the same bytes."""
    # As an image a figure has ids of its own; inlined, those of two figures would be the same.
    with matplotlib.style.context([STYLE, {"svg.fonttype": "path", "svg.hashsalt": "report"}]):
        return [
            _picture(name, figure)
            for kind in stream_figures(collection, stream, looks).items()
            for name, figure in numbered(*kind)
        ]


def _picture(name: str, figure: Figure) -> Picture:
    title, said = said_of(name)
    kind = "png" if len(figure.findobj(Text)) > MOST_TEXTS else "svg+xml"
    data = _bytes(figure, "png" if kind == "png" else "svg")
    if kind == "svg+xml" and len(data) > LARGEST_VECTOR:
        kind, data = "png", _bytes(figure, "png")
    if kind == "png":
        data = _few_colours(data)
    uri = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    return Picture(name, title, said, uri, float(figure.get_figwidth()))


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
