"""Figures of runs that have gone are removed, and no others."""

from __future__ import annotations

from pathlib import Path

from reporting_records import HAND, MakeRecord, shifted

from benchmarks.records import RunRecord, record_path
from benchmarks.reporting.figures.plots import write_plots

SAME = {"class_order_seed": 0}


def delete(out: Path, record: RunRecord) -> None:
    record_path(out, record.spec["stream"], record.spec["strategy"], record.id).unlink()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_figures_of_runs_that_have_gone_are_removed(make: MakeRecord, tmp_path: Path) -> None:
    runs = [
        make("ness", 1, shifted(HAND, eps), spec=SAME | {"strategy_args.eps": eps})
        for eps in (1.0, 2.0, 3.0)
    ]
    write_plots(tmp_path)
    figures = tmp_path / "figures"
    before = names(figures)
    assert "split_digits-til-ablation-eps.png" in before
    own = ("split_digits-til-mine.png", "split_digits-til-accuracy.txt", "other-bars.png")
    stray = ("split_digits-til-matrices-2.pdf", "split_digits-til-ablation-eps-2.png")
    for name in own + stray:
        (figures / name).touch()
    assert set(write_plots(tmp_path).messages) == {
        f"removed: {figures / name} (the runs give no such file any more)" for name in stray
    }
    assert names(figures) == {*before, *own}
    delete(tmp_path, runs[0])
    write_plots(tmp_path)  # two values are left, which --over draws
    assert names(figures) == {*before, *own}
    (figures / "split_digits-til-bars-3.png").touch()
    (figures / stray[1]).touch()
    write_plots(tmp_path, over="eps")
    assert names(figures) == {*before, *own, "split_digits-til-bars-3.png"}
    delete(tmp_path, runs[1])
    write_plots(tmp_path)
    assert names(figures) == {*(name for name in before if "ablation" not in name), *own}
