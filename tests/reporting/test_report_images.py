from __future__ import annotations

import base64
import io

import pytest
from matplotlib.figure import Figure
from PIL import Image

from benchmarks.reporting.html import images
from benchmarks.reporting.html.images import data_uri


def figure(texts: int = 1) -> Figure:
    made = Figure(figsize=(3, 2))
    for number in range(texts):
        made.text(number / texts, 0.5, str(number))
    return made


def content(uri: str) -> tuple[str, bytes]:
    kind, _, data = uri.partition(";base64,")
    return kind, base64.b64decode(data)


def test_a_small_figure_is_a_vector_without_a_stamp() -> None:
    kind, data = content(data_uri(figure()))
    assert kind == "data:image/svg+xml"
    assert b"<svg" in data
    assert b"Matplotlib v" not in data


@pytest.mark.parametrize("limit", ["LARGEST_VECTOR", "MOST_TEXTS"])
def test_a_figure_of_many_pieces_is_pixels_in_print_quality(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, limit, 5)
    kind, data = content(data_uri(figure(6)))
    assert kind == "data:image/png"
    assert Image.open(io.BytesIO(data)).size == (600, 400)
