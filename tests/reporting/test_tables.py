"""The written tables, from hand-made records to bytes."""

from __future__ import annotations

import csv
import io
import warnings
from pathlib import Path

import pytest
from reporting_records import CUT_OFF, HAND, MakeRecord, shifted, task

from benchmarks.errors import BadInput
from benchmarks.reporting import markdown
from benchmarks.reporting.tables import write_tables


def table(out: Path, name: str) -> str:
    return (out / "tables" / name).read_text()


def rows(out: Path, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table(out, name))))


def row_of(text: str, label: str) -> list[str]:
    """The cells of the first Markdown row of `label`."""
    line = next(line for line in text.splitlines() if line.startswith(f"| {label} "))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_files_of_a_stream(comparison: Path) -> None:
    written = write_tables(comparison)
    assert [path.name for path in written.paths] == [
        "split_digits-til.md",
        "split_digits-til.tex",
        "split_digits-til-cost.md",
        "split_digits-til-cost.tex",
        "split_digits-til.csv",
        "split_digits-til-summary.csv",
        "split_digits-til-intervals.tex",
        "split_digits-til-tests.md",
        "split_digits-til-tests.tex",
        "split_digits-til-tests.csv",
    ]
    assert all(path.is_file() for path in written.paths)
    assert written.messages == []


def test_markdown_rows(comparison: Path) -> None:
    write_tables(comparison)
    text = table(comparison, "split_digits-til.md")
    assert row_of(text, "ness")[1:] == [
        "3",
        "**78.00 ± 2.00**",
        "**-21.00 ± 0.00**",
        "**23.50 ± 0.00**",
        "**92.00 ± 2.00**",
        "7.50 ± 0.00",
        "2.0 KiB",
    ]
    assert row_of(text, "naive")[2] == "<u>77.00 ± 2.00</u>"
    assert "95 % interval of the mean over runs (Student's t, not cut at 0 or 100 %):" in text
    assert row_of(text, "joint")[1:4] == ["3", "97.00 ± 1.00", "—<sup>a</sup>"]
    order = [line.split()[1] for line in text.splitlines() if line.startswith("| ")]
    assert order == ["Strategy", "joint", "naive", "ness"] * 2


def test_notes_say_what_a_reader_must_know(comparison: Path) -> None:
    write_tables(comparison)
    text = table(comparison, "split_digits-til.md")
    assert "split_digits/til (task-incremental, 3 tasks)" in text
    for note in (
        "- a: undefined (trained once, on all tasks together: only final accuracies exist).",
        "±: sample standard deviation",
        "joint: an upper bound (sees old data again), not ranked.",
        "Every method: seeds 0, 1, 2.",
        f"`python -m benchmarks tables {comparison}`",
        # t(0.975, 2) is 4.303, the half width 4.303 times 2 over the root of 3.
        "[73.03, 82.97]",
    ):
        assert note in text


def test_ten_seeds_are_bootstrapped_and_the_table_says_so(make: MakeRecord, tmp_path: Path) -> None:
    for seed in range(10):
        make("ness", seed, shifted(HAND, -(seed**2) / 5))
    write_tables(tmp_path)
    bootstrap = "BCa bootstrap of 9,999 resamples, Efron 1987"
    assert f"interval of the mean over runs ({bootstrap}, not cut at" in table(
        tmp_path, "split_digits-til.md"
    )
    assert "of a BCa interval are nominal" in table(tmp_path, "split_digits-til.md")
    acc, bwt, *_ = rows(tmp_path, "split_digits-til-summary.csv")
    assert (acc["ci95_method"], bwt["ci95_low"], bwt["ci95_high"]) == (
        "BCa bootstrap",
        "-21.0",
        "-21.0",
    )
    low, mean, high = (float(acc[name]) for name in ("ci95_low", "mean", "ci95_high"))
    assert mean - low > high - mean > 0
    for seed in range(3):
        make("gpm", seed, shifted(HAND, -seed))
    write_tables(tmp_path)
    text = table(tmp_path, "split_digits-til.md")
    assert f"(Student's t where n < 10, else {bootstrap}, not cut at 0 or 100 %):" in text


def test_ties_as_printed_are_both_best(make: MakeRecord, tmp_path: Path) -> None:
    make("gpm", matrix=shifted(HAND, 0.001))
    make("lora", matrix=HAND)
    make("ewc", matrix=shifted(HAND, -1))
    write_tables(tmp_path)
    text = table(tmp_path, "split_digits-til.md")
    assert row_of(text, "gpm")[2] == row_of(text, "lora")[2] == "**78.00**"
    assert row_of(text, "ewc")[2] == "<u>77.00</u>"


def test_one_seed_has_no_spread_and_says_so(make: MakeRecord, tmp_path: Path) -> None:
    make()
    write_tables(tmp_path)
    text = table(tmp_path, "split_digits-til.md")
    assert "±" not in text
    assert "n = 1: one run, so neither a standard deviation nor an interval" in text
    assert "95 % interval" not in text
    acc = rows(tmp_path, "split_digits-til-summary.csv")[0]
    assert (acc["metric"], acc["n"], acc["mean"], acc["std"], acc["ci95_low"]) == (
        "acc",
        "1",
        "78.0",
        "",
        "",
    )


def test_one_task(make: MakeRecord, tmp_path: Path) -> None:
    make(matrix=[[88.0]])
    write_tables(tmp_path)
    text = table(tmp_path, "split_digits-til.md")
    assert row_of(text, "ness")[2:4] == ["88.00", "—<sup>a</sup>"]
    assert "1 task)" in text
    assert "with one task there is no earlier task" in text


def test_failed_runs_are_rows_of_their_own(make: MakeRecord, tmp_path: Path) -> None:
    make("gpm", 0)
    make("gpm", 1, CUT_OFF, status="failed", error="Traceback\nKeyError: 'a|b'", tasks=[])
    make("lora", 0, CUT_OFF, status="diverged", error="NaN in task 2")
    make("lora", 1, CUT_OFF, status="diverged", error="NaN in task 2")
    written = write_tables(tmp_path)
    text = table(tmp_path, "split_digits-til.md")
    assert row_of(text, "gpm")[1:3] == ["1", "78.00"]
    assert row_of(text, "gpm: failed (seed 1)")[1:3] == ["0", "—"]
    assert row_of(text, "lora: diverged (seeds 0, 1)")[1:3] == ["0", "—"]
    assert r"gpm failed (seed 1): KeyError: 'a\|b'" in text
    assert "lora diverged (seeds 0, 1): NaN in task 2" in text
    assert "lora: diverged" in written.headline
    runs = rows(tmp_path, "split_digits-til.csv")
    assert [row["status"] for row in runs] == ["finished", "failed", "diverged", "diverged"]
    assert [row["error"] for row in runs] == ["", "KeyError: 'a|b'", *["NaN in task 2"] * 2]
    assert [row["spec.seed"] for row in runs] == ["0", "1", "0", "1"]
    summary = rows(tmp_path, "split_digits-til-summary.csv")
    assert {row["label"]: row["n"] for row in summary if row["metric"] == "acc"} == {
        "gpm": "1",
        "gpm: failed (seed 1)": "0",
        "lora: diverged (seeds 0, 1)": "0",
    }
    assert row_of(table(tmp_path, "split_digits-til-cost.md"), "gpm: failed (seed 1)")[1] == "0"


def test_a_folder_of_failed_runs_alone(make: MakeRecord, tmp_path: Path) -> None:
    make("gpm", 0, CUT_OFF, status="failed", error="KeyError")
    write_tables(tmp_path)
    assert "gpm: failed (seed 0)" in table(tmp_path, "split_digits-til.md")
    assert "gpm: failed (seed 0)" in table(tmp_path, "split_digits-til.tex")
    assert {row["n"] for row in rows(tmp_path, "split_digits-til-summary.csv")} == {"0"}


def test_a_metric_missing_in_some_runs_says_in_how_many(make: MakeRecord, tmp_path: Path) -> None:
    make(seed=0)
    make(seed=1, matrix=[[None, None, None], [95.0, 92.0, None], [60.0, 80.0, 94.0]])
    write_tables(tmp_path)
    assert (
        "- a: undefined in 1 of 2 runs (accuracy on task 1 after task 1 was not recorded)."
    ) in table(tmp_path, "split_digits-til.md")


def test_runs_in_progress_alone_give_a_headline_and_no_files(
    make: MakeRecord, tmp_path: Path
) -> None:
    make(status="running", matrix=CUT_OFF)
    written = write_tables(tmp_path)
    assert written.paths == []
    assert written.headline == f"1 run is in progress in {tmp_path} and not in the tables."


def test_an_empty_folder_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        write_tables(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_damaged_records_reach_the_messages(comparison: Path) -> None:
    torn = comparison / "runs" / "split_digits" / "til" / "ness" / "torn.json"
    torn.write_text("{")
    written = write_tables(comparison)
    assert len(written.messages) == 1
    assert "torn.json" in written.messages[0]
    assert len(written.paths) == 10


def test_a_frame_of_many_settings_is_written_without_a_warning(
    make: MakeRecord, tmp_path: Path
) -> None:
    make(spec={"strategy_args": {f"key_{number}": number for number in range(120)}})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_tables(tmp_path)


def test_several_streams_in_one_folder(make: MakeRecord, tmp_path: Path) -> None:
    make(stream="split_mnist/til", spec={"stream_args.flip": True})
    make(stream="split_digits/cil")
    written = write_tables(tmp_path)
    assert "class-incremental" in table(tmp_path, "split_digits-cil.md")
    assert written.headline.index("split_digits/cil") < written.headline.index("split_mnist/til")
    assert "spec.stream_args.flip" in rows(tmp_path, "split_mnist-til.csv")[0]
    assert "spec.stream_args.flip" not in rows(tmp_path, "split_digits-cil.csv")[0]


def test_task_aware_accuracy_stands_beside_acc_in_class_incremental_tables_alone(
    make: MakeRecord, tmp_path: Path
) -> None:
    for scenario in ("til", "cil", "dil"):
        aware = shifted(HAND, 2) if scenario == "cil" else None
        make("ness", stream=f"split_digits/{scenario}", task_aware=aware)
    headline = write_tables(tmp_path).headline
    names = ("acc_task_aware", "bwt_task_aware")
    for scenario in ("til", "cil", "dil"):
        stem = f"split_digits-{scenario}"
        markdown_table, tex = table(tmp_path, f"{stem}.md"), table(tmp_path, f"{stem}.tex")
        (run,) = rows(tmp_path, f"{stem}.csv")
        metrics = {row["metric"] for row in rows(tmp_path, f"{stem}-summary.csv")}
        if scenario != "cil":
            assert "ask-aware" not in markdown_table + tex
            assert not set(names) & (metrics | run.keys())
            assert "task_aware" not in run["undefined"]
            continue
        columns = ["ACC (%) ↑", "Task-aware ACC (%) ↑", "BWT (%) ↑"]
        assert row_of(markdown_table, "Strategy")[2:5] == columns
        assert row_of(markdown_table, "ness")[2:5] == ["78.00", "80.00", "-21.00"]
        assert r"\shortstack[r]{Task-aware\\ACC (\%)}" in tex
        assert [float(run[name]) for name in ("acc", *names)] == [78, 80, -21]
        assert set(names) <= metrics
        assert "fwt: classes that were not trained yet cannot be predicted" in run["undefined"]
    assert headline.count("Task-aware ACC (%)") == 1


def test_methods_that_keep_old_data_are_named(make: MakeRecord, tmp_path: Path) -> None:
    for strategy, keeps in (("replay", True), ("joint", True), ("ness", False), ("gpm", None)):
        make(strategy, keeps_data=keeps)
    make("ness", stream="split_digits/dil", keeps_data=False)
    write_tables(tmp_path)
    note = "Keep samples of earlier tasks: joint, replay."
    for suffix in ("md", "tex"):
        assert note in table(tmp_path, f"split_digits-til.{suffix}")
        assert "Keep samples" not in table(tmp_path, f"split_digits-dil.{suffix}")


def test_settings_that_differ_between_methods_are_noted(make: MakeRecord, tmp_path: Path) -> None:
    make("ness")
    make("gpm", spec={"optimizer.momentum": 0.0})
    write_tables(tmp_path)
    assert "  - optimizer.momentum = 0 (gpm); 0.9 (ness)" in table(tmp_path, "split_digits-til.md")


def test_differing_seeds_are_noted(make: MakeRecord, tmp_path: Path) -> None:
    make("ness", 0)
    make("ness", 1)
    make("gpm", 0)
    write_tables(tmp_path)
    assert "different seeds: seed 0 (gpm); seeds 0, 1 (ness)." in table(
        tmp_path, "split_digits-til.md"
    )


def test_csv_has_a_row_a_run_with_metrics_and_spec(comparison: Path) -> None:
    write_tables(comparison)
    runs = rows(comparison, "split_digits-til.csv")
    assert len(runs) == 9
    last = runs[-1]
    assert (last["label"], last["seed"], last["status"], last["tasks"]) == (
        "ness",
        "2",
        "finished",
        "3",
    )
    assert float(last["acc"]) == 80
    assert (last["spec.optimizer.momentum"], last["spec.backbone.width"]) == ("0.9", "256")
    assert runs[0]["bwt"] == ""
    assert "bwt: trained once" in runs[0]["undefined"]


def test_ranks_of_the_last_task(make: MakeRecord, tmp_path: Path) -> None:
    for seed, (rank, felt) in enumerate([(10, 0.01), (14, 0.03)]):
        early = task(ranks={"fc1": 60, "fc2": 60})
        last = task(ranks={"fc1": rank, "fc2": 0}, interference={"fc1": felt})
        make("ness", seed, [[90.0, None], [90.0, 90.0]], tasks=[early, last])
    make("naive", 0, [[90.0, None], [90.0, 90.0]])
    make("gpm", 1, [[90.0, None], [None, None]], status="diverged", error="NaN", tasks=[])
    write_tables(tmp_path)
    first, second = rows(tmp_path, "split_digits-til-ranks.csv")
    assert (first["label"], first["layer"], first["rank_n"]) == ("ness", "fc1", "2")
    assert (first["rank_mean"], first["interference_mean"]) == ("12.0", "0.02")
    assert (second["rank_mean"], second["interference_n"]) == ("0.0", "0")
    text = table(tmp_path, "split_digits-til-ranks.md")
    assert "12.0 ± 2.8" in text
    assert "2.00e-02 ± 1.41e-02" in text
    assert row_of(text, "gpm: diverged (seed 1)")[1:] == ["—", "0", "—", "—", "—"]


def test_headline(comparison: Path) -> None:
    headline = write_tables(comparison).headline
    assert headline.splitlines()[0] == "split_digits/til (task-incremental, 3 tasks)"
    line = next(line for line in headline.splitlines() if line.startswith("ness"))
    assert line.split("  ")[0] == "ness"
    for text in ("78.00 ± 2.00", "-21.00 ± 0.00", "23.50 ± 0.00", "7.50 ± 0.00"):
        assert text in line


def test_latex_marks_and_escapes(comparison: Path) -> None:
    write_tables(comparison)
    text = table(comparison, "split_digits-til.tex")
    for part in (
        r"\toprule",
        r"\bottomrule",
        r"\caption{split\_digits/til (task-incremental, 3 tasks)}",
        r"\textbf{78.00}$_{\pm 2.00}$",
        r"\underline{77.00}$_{\pm 2.00}$",
        r"\textbf{$-$21.00}$_{\pm 0.00}$",
        r"---\rlap{$^{\mathrm{a}}$}",
    ):
        assert part in text


def test_latex_of_hostile_strings(make: MakeRecord, tmp_path: Path) -> None:
    error = "Error: 100% of $x_1$ & {y} \\ #~^ <a|b> \N{GREEK SMALL LETTER SIGMA}\x07"
    make("gpm", 0, CUT_OFF, status="failed", error=error)
    write_tables(tmp_path)
    assert (
        r"Error: 100\% of \$x\_1\$ \& \{y\} \textbackslash{} \#\textasciitilde{}"
        r"\textasciicircum{} \textless{}a\textbar{}b\textgreater{} (U+03C3)\par"
    ) in table(tmp_path, "split_digits-til.tex")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("adam_nscl", "adam_nscl"),
        ("__init__", r"\_\_init\_\_"),
        ("a|b *c* <d> & $e$", r"a\|b \*c\* &lt;d> &amp; \$e\$"),
        ("run `x | y`", r"run \`x \| y\`"),
        ("run `make __all__`", "run `make __all__`"),
        ("two\nlines", "two lines"),
    ],
)
def test_markdown_escape(text: str, shown: str) -> None:
    assert markdown.escape(text) == shown


def test_two_writes_give_the_same_bytes(comparison: Path) -> None:
    first = {path: path.read_bytes() for path in write_tables(comparison).paths}
    second = {path: path.read_bytes() for path in write_tables(comparison).paths}
    assert first == second
