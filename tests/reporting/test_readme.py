"""README.md: the demo's result in it is that of the stored runs, and these are of today's demo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from reporting_records import MakeRecord, shifted, square

from benchmarks.errors import BadInput
from benchmarks.records import RunRecord
from benchmarks.reporting import readme
from benchmarks.reporting.collect import collect
from benchmarks.reporting.figures.plots import write_plots
from benchmarks.reporting.readme import BEGIN, END, PAGE, ROOT, STORED, block, renewed
from benchmarks.sweep_spec import expand, load_sweep

DEMO = ROOT / "benchmarks" / "specs" / "demo.toml"
OLD = "README.md is old: run `make readme`"


def test_the_result_is_that_of_the_stored_runs() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == renewed(page, block()), OLD


def test_the_stored_runs_are_those_of_the_demo() -> None:
    stored = {run: record.status for run, record in collect(ROOT / STORED).records.items()}
    assert stored == {spec.id: "finished" for spec in expand(load_sweep(DEMO))}, OLD


def test_the_figure_is_that_of_the_stored_runs(tmp_path: Path) -> None:
    for path in (ROOT / STORED / "runs").rglob("*.json"):
        record = RunRecord.read(path)
        record.write(tmp_path)
    write_plots(tmp_path)
    name = "figures/split_digits-til-accuracy.png"
    drawn, stored = (
        np.asarray(Image.open(folder / name).convert("L"), dtype=float)
        for folder in (tmp_path, ROOT / STORED)
    )
    assert drawn.shape == stored.shape, OLD
    # Another build of the font library shades the edges of letters differently.
    assert np.abs(drawn - stored).mean() < 1, OLD


def test_what_it_links_to_is_there() -> None:
    linked = [part.partition(")")[0] for part in block().split("](")[1:]]
    assert len(linked) == 6
    assert [name for name in linked if not (ROOT / name).exists()] == []


def test_other_runs_are_another_result(make: MakeRecord, tmp_path: Path) -> None:
    matrix = square(90.0, -2.0)
    ordered = {"class_order_seed": 0}
    make(seed=1, matrix=matrix, spec=ordered)
    make("frozen", seed=1, matrix=matrix, spec=ordered)
    before = _below(tmp_path)
    make(seed=2, matrix=shifted(matrix, 4.0))
    after = _below(tmp_path)
    assert "| ness" in before
    assert "90.00" in before
    assert "Paired tests of NESS, ACC, 1 pair: the smallest p an exact test can give is 1" in before
    assert "92.00 ± 2.83" in after
    assert f"`python -m benchmarks tables {STORED}`" in after


def _below(out: Path) -> str:
    root = out.parent / "root"
    (root / STORED).parent.mkdir(parents=True, exist_ok=True)
    if not (root / STORED).exists():
        (root / STORED).symlink_to(out)
    return block(root)


def test_only_what_is_between_the_marks_changes() -> None:
    page = f"a\n{BEGIN}\nold\n\nold\n{END}\nb\n"
    assert renewed(page, r"new \1") == f"a\n{BEGIN}\n\nnew \\1\n\n{END}\nb\n"


@pytest.mark.parametrize("page", ["", BEGIN, f"{END}\n{BEGIN}", f"{BEGIN}\nx\n{END}\n" * 2])
def test_a_page_without_the_marks_is_refused(page: str) -> None:
    with pytest.raises(BadInput, match=r"README\.md: put "):
        renewed(page, "new")


def test_writing_keeps_the_rest_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readme, "block", lambda: "new")
    path = tmp_path / "README.md"
    path.write_text(f"Î\n{BEGIN}\n{END}\n", encoding="utf-8")
    assert readme.write(path) == path
    assert path.read_text(encoding="utf-8") == f"Î\n{BEGIN}\n\nnew\n\n{END}\n"
