from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
from PIL import Image
from reporting_records import HAND, MakeRecord, square

from benchmarks.reporting import report_figures
from benchmarks.reporting.collect import collect
from benchmarks.reporting.plots import looks_of
from benchmarks.reporting.report_figures import Picture, pictures


def drawn(out: Path) -> list[Picture]:
    collection = collect(out)
    return pictures(collection, "split_digits/til", looks_of(collection))


def content(picture: Picture) -> bytes:
    return base64.b64decode(picture.uri.partition(",")[2])


def test_small_figures_are_vectors_and_the_same_each_time(make: MakeRecord, tmp_path: Path) -> None:
    make("ness")
    make("gpm")
    first = drawn(tmp_path)
    assert {"accuracy", "matrices", "pareto"} <= {picture.name for picture in first}
    assert all(b"<svg" in content(picture) for picture in first)
    assert first == drawn(tmp_path)


def test_a_figure_of_many_pieces_is_pixels_in_print_quality(
    make: MakeRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make("ness", matrix=square(80.0))
    make("gpm", matrix=HAND)
    monkeypatch.setattr(report_figures, "LARGEST_VECTOR", 1000)
    for picture in drawn(tmp_path):
        image = Image.open(io.BytesIO(content(picture)))
        assert image.format == "PNG"
        assert image.width == pytest.approx(200 * picture.width, abs=1)


def test_labels_stay_inside_the_image(make: MakeRecord, tmp_path: Path) -> None:
    make("ness", spec={"strategy_args.tag": "<script>"})
    make("ness", 1, spec={"strategy_args.tag": "--><script>"})
    for picture in drawn(tmp_path):
        assert b"<script" not in content(picture).lower()


def test_a_stream_without_a_finished_run_has_none(make: MakeRecord, tmp_path: Path) -> None:
    make("ness", status="failed", error="x", tasks=[])
    assert drawn(tmp_path) == []
