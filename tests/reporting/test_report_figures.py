from __future__ import annotations

import base64
import time
from pathlib import Path

import pytest
from reporting_records import CUT_OFF, JOINT, MakeRecord, square, task

from benchmarks.reporting.collect import collect
from benchmarks.reporting.figures import panels
from benchmarks.reporting.figures.plots import looks_of
from benchmarks.reporting.html.pictures import ROOM, Gallery, gallery
from benchmarks.reporting.html.report import write_report


def drawn(out: Path, room: int = ROOM) -> Gallery:
    collection = collect(out)
    return gallery(collection, "split_digits/til", looks_of(collection), room)


def names(found: Gallery) -> list[tuple[str, int]]:
    return [(picture.name, picture.page) for picture in found.pictures]


def test_the_figures_of_plots_and_the_same_each_time(make: MakeRecord, tmp_path: Path) -> None:
    make("ness")
    make("gpm")
    first = drawn(tmp_path)
    assert names(first) == [
        (name, 1) for name in ("accuracy", "plane", "pareto", "matrices", "bars")
    ]
    assert first.notes == []
    assert first == drawn(tmp_path)


def test_labels_stay_inside_the_image(make: MakeRecord, tmp_path: Path) -> None:
    make("ness", spec={"strategy_args.tag": "<script>"})
    make("ness", 1, spec={"strategy_args.tag": "--><script>"})
    for picture in drawn(tmp_path).pictures:
        content = base64.b64decode(picture.uri.partition(",")[2])
        assert b"<script" not in content.lower()


def test_a_stream_without_a_finished_run_has_none(make: MakeRecord, tmp_path: Path) -> None:
    make("ness", status="failed", error="x", tasks=[])
    assert drawn(tmp_path) == Gallery([], [])


def test_methods_that_are_not_drawn_are_named(make: MakeRecord, tmp_path: Path) -> None:
    make("ness")
    make("joint", matrix=JOINT)
    make("gpm", matrix=CUT_OFF, status="failed", tasks=[])
    no_run, no_place = drawn(tmp_path).notes
    assert no_run == "split_digits/til: gpm not drawn (no finished run)"
    assert no_place.startswith("split_digits/til: joint not in the plane (trained once")


def test_pages_beyond_the_second_are_counted_and_never_drawn(
    make: MakeRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        make(f"method{number:02}")
    monkeypatch.setattr(panels, "PAGE_HEIGHT", 2.5)  # a row of panels a page
    made, make_page = [], panels._page

    def counted(*args):
        made.append(args)
        return make_page(*args)

    monkeypatch.setattr(panels, "_page", counted)
    found = drawn(tmp_path)
    assert names(found) == [
        *[("accuracy", 1), ("accuracy", 2), ("plane", 1), ("pareto", 1)],
        *[("matrices", 1), ("matrices", 2), ("bars", 1), ("bars", 2)],
    ]
    assert len(made) == 6
    (note,) = found.notes
    assert note == (
        f"3 further pages: `python -m benchmarks plots {tmp_path}` draws them into "
        f"`{tmp_path / 'figures'}`. Left out here: Average accuracy over tasks (1), "
        "Accuracy matrices (1), Accuracy of each task (1)."
    )


def test_the_room_goes_to_what_is_missed_most(make: MakeRecord, tmp_path: Path) -> None:
    make("ness")
    make("gpm")
    sizes = {picture.name: len(picture.uri) for picture in drawn(tmp_path).pictures}
    exact = sizes["accuracy"] + sizes["plane"]
    assert names(drawn(tmp_path, exact)) == [("accuracy", 1), ("plane", 1)]
    less = drawn(tmp_path, exact - 1)
    assert names(less) == [("accuracy", 1)]
    assert less.size == sizes["accuracy"]
    assert less.notes[0].startswith("4 further pages: ")
    assert "Stability and plasticity (1)" in less.notes[0]


def test_all_streams_of_a_page_share_the_room(
    make: MakeRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for stream in ("split_digits/til", "split_digits/cil", "split_mnist/til"):
        make("ness", stream=stream)
        make("gpm", stream=stream)
    room = 2 * drawn(tmp_path).size
    monkeypatch.setattr("benchmarks.reporting.html.report.ROOM", room)
    page = write_report(tmp_path).paths[0].read_text()
    assert sum(len(part.partition('"')[0]) for part in page.split('src="data:image')[1:]) < room
    assert page.count("further page") == 3
    assert page.count("<b>Average accuracy over tasks</b>") == 3


def test_a_search_of_120_labels_fits_into_a_mail_in_seconds(
    make: MakeRecord, tmp_path: Path
) -> None:
    layers = {"fc1": 0.01, "fc2": 0.02}
    tasks = [task(ranks={"fc1": 8, "fc2": 4}, interference=layers) for _ in range(5)]
    for number in range(120):
        args = {"eps": number % 12 / 10, "alpha": number // 12}
        for seed in range(4):
            matrix = square(50 + number / 4 + seed / 3, bwt=number / 9 - 14, tasks=5)
            make("ness", seed, matrix, tasks=tasks, spec={"strategy_args": args})
    began = time.process_time()
    (path,) = write_report(tmp_path).paths
    assert time.process_time() - began < 60
    assert path.stat().st_size < 5_000_000
