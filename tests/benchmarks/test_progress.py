"""What a sweep shows while it runs: on a terminal, elsewhere, and in its log."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
from collections import Counter
from contextlib import suppress
from pathlib import Path
from unittest.mock import Mock

import pytest
from rich.cells import cell_len
from small_runs import run_spec, run_specs

from benchmarks import stopping, sweep_log
from benchmarks.position import Position
from benchmarks.progress import LINE_S, LOG_LINE_S, LOOK_S, SweepProgress
from benchmarks.progress_text import RunState, SweepState, clock, duration, lines, plain
from benchmarks.run import run
from benchmarks.run_names import kinds, name
from benchmarks.sweep import sweep
from benchmarks.sweep_log import SweepLog

STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00 "


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def state(runs: int = 2, **changes: object) -> SweepState:
    names = ["ness [strategy_args.eps=0.0001, strategy_args.rule=energy] seed 37", "gpm seed 1"]
    states = tuple(
        RunState(names[n % 2], Position(2, 8, 10), 30, 725.0, 1500.0 if n % 2 else None)
        for n in range(runs)
    )
    values = {"done": 12, "total": 60, "elapsed": 3723.0, "left": 12000.0, "runs": states}
    return SweepState(**(values | {"bad": Counter(failed=2, diverged=1)} | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("width", [300, 80, 60, 40, 20, 5])
def test_lines_fit_and_say_what_counts_first(width: int, ascii_only: bool) -> None:
    first, *runs = lines(state(), width, 24, ascii_only=ascii_only)
    assert all(cell_len(line) <= width for line in [first, *runs])
    assert first.startswith("12/60"[:width])
    assert len(runs) == 2
    if width >= 40:
        assert "2 failed, 1 diverged" in first
        assert "seed 37" in runs[0]
        assert re.search(r"3/10.* 9/30", runs[1])
    if width >= 80:
        assert "3 h 20 min left" in first
    if ascii_only:
        assert "".join([first, *runs]).isascii()


def test_more_runs_than_lines() -> None:
    assert len(lines(state(5), 80, 6, ascii_only=True)) == 6
    few = lines(state(50), 80, 6, ascii_only=True)
    assert len(few) == 6
    assert few[-1] == "and 46 more"
    assert len(lines(state(50), 80, 1, ascii_only=True)) == 1


def test_durations() -> None:
    said = {0: "0 s", 59.4: "59 s", 200: "3 min 20 s", 3569: "59 min", 3570: "1 h 0 min"}
    said |= {12000: "3 h 20 min", 47 * 3600: "47 h 0 min", 50 * 3600: "2 days 2 h"}
    assert {seconds: duration(seconds) for seconds in said} == said
    assert (duration(None), clock(None), clock(12000.4)) == ("-", "-", "3:20:00")


def test_a_line_of_a_log() -> None:
    assert plain(state(0)) == "12/60 runs, 2 failed, 1 diverged, about 3 h 20 min left"
    assert plain(state(0, left=None, bad=Counter())) == "12/60 runs"
    assert plain(state(2)).endswith("gpm seed 1 (task 3 of 10, epoch 9 of at most 30)")
    assert plain(state(20)).endswith(", 12 more")


def test_runs_are_named_by_what_tells_them_apart() -> None:
    alike = run_specs(["naive", "ness"], [1, 2])
    assert [name(s, kinds(alike)[s.id]) for s in alike][:2] == ["naive seed 1", "ness seed 1"]
    grid = run_specs(["ness"], [1], "grid={'strategy.ness.eps'=[0.1, 0.01]}")
    assert sorted(kinds(grid).values()) == [
        "ness [strategy_args.eps=0.01]",
        "ness [strategy_args.eps=0.1]",
    ]


def test_plain_lines_come_when_they_are_due(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "20")
    done, going, broken, later = run_specs(["naive", "ness"], [1, 2])
    time, found = Clock(), {done.id: run(done, tmp_path)}
    with SweepProgress([done, going, broken, later], tmp_path, found, clock=time) as progress:
        for epoch in range(2):
            time.now += 10
            progress.epoch(going, 1, epoch, 3)
        progress.end(broken, "interrupted: \x1b[31mkilled\nby the system")
        progress.epoch(broken, 1, 1, 3)  # a report that came late
        progress.tick()
        time.now += LINE_S
        progress.tick()
        progress.tick()
    printed = capsys.readouterr().err
    assert "\x1b" not in printed
    begun, ended, due = printed.splitlines()
    kind = "split_digits/til ness seed 1"
    assert re.fullmatch(rf"{STAMP}{kind} goes on with task 2 of 3", begun)
    text = "[1/4] split_digits/til naive seed 2: interrupted: [31mkilled by the system"
    assert re.fullmatch(STAMP + re.escape(text), ended)
    where = r"running: ness seed 1 \(task 2 of 3, epoch 2 of at most 2\)"
    assert re.fullmatch(rf"{STAMP}1/4 runs, 1 interrupted, about .* left; {where}", due)


def test_the_log_tells_the_same_and_how_far_it_is_less_often(tmp_path: Path) -> None:
    spec, time = run_spec(), Clock()
    with suppress(KeyError), SweepProgress([spec], tmp_path, {}, clock=time) as progress:
        progress.epoch(spec, 0, 0, 3)
        time.now += LOG_LINE_S
        progress.tick()
        progress.tick()
        raise KeyError
    logged = (tmp_path / "sweep.log").read_text().splitlines()
    told = [re.fullmatch(rf"{STAMP}\S+ {os.getpid()} (.*)", line) for line in logged]
    assert [line and line[1] for line in told] == [
        "sweep of 1 run begins, 0 have a record",
        "split_digits/til naive seed 1 has begun",
        "0/1 runs; running: naive seed 1 (task 1 of 3, epoch 1 of at most 2)",
        "sweep ends stopped by KeyError: 0/1 runs",
    ]


def _write(out: Path, text: str) -> None:
    log = SweepLog(out)
    for number in range(300):
        log.add(f"{text * 50} {number}")


def test_two_sweeps_write_to_one_log(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(tmp_path, text)) for text in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    lines = (tmp_path / "sweep.log").read_text().splitlines()
    assert len(lines) == 600
    for text in "ab":
        own = [line.split()[3:] for line in lines if text * 50 in line]
        assert own == [[text * 50, str(number)] for number in range(300)]


def test_the_log_stays_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep_log, "LARGEST", 1000)
    _write(tmp_path, "a")
    kept = [path.stat().st_size for path in tmp_path.iterdir()]
    assert len(kept) == 2
    assert max(kept) < 1200


@pytest.mark.parametrize("in_the_way", ["folder", "pipe"])
def test_a_log_that_cannot_be_written_does_not_end_a_sweep(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], in_the_way: str
) -> None:
    path = tmp_path / "sweep.log"
    path.mkdir() if in_the_way == "folder" else os.mkfifo(path)
    assert sweep([run_spec()], tmp_path) == {"finished": 1}
    assert capsys.readouterr().err.count("sweep.log: cannot be written") == 1


def test_runs_that_another_sweep_ends_count_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs, mine = run_specs(["naive"], [1, 2])
    time = Clock()
    with SweepProgress([theirs, mine], tmp_path, {}, clock=time) as progress:
        run(theirs, tmp_path)
        progress.tick()
        assert progress.state().done == 0
        time.now += LOOK_S
        progress.tick()
        assert progress.state().done == 1
        progress.end(theirs, "finished")
        assert progress.state().done == 1
    told = [line for line in capsys.readouterr().err.splitlines() if "[" in line]
    assert len(told) == 1
    assert "[1/2] split_digits/til naive seed 1: finished in" in told[0]


def test_a_run_that_is_retried_is_not_done_for_its_old_record(tmp_path: Path) -> None:
    spec = run_spec()
    run(spec, tmp_path)
    with SweepProgress([spec], tmp_path, {}) as progress:
        progress.look()
        assert progress.state().done == 0


def test_an_interrupted_run_is_not_done_until_another_sweep_ends_it(tmp_path: Path) -> None:
    spec = run_spec()
    with SweepProgress([spec], tmp_path, {}) as progress:
        progress.end(spec, "interrupted: killed")
        assert plain(progress.state()) == "0/1 runs, 1 interrupted"
        run(spec, tmp_path)
        progress.look()
        assert plain(progress.state()) == "1/1 runs"


@pytest.mark.parametrize(("number", "word"), [(signal.SIGTERM, "SIGTERM"), (None, "Ctrl-C")])
def test_the_log_names_the_signal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int | None, word: str
) -> None:
    monkeypatch.setattr(stopping, "_seen", [number] if number else [])
    with suppress(KeyboardInterrupt), SweepProgress([run_spec()], tmp_path, {}):
        raise KeyboardInterrupt
    last = (tmp_path / "sweep.log").read_text().splitlines()[-1]
    assert word in last
    assert "KeyboardInterrupt" not in last


def test_only_lines_of_runs_that_went_wrong_are_red(tmp_path: Path) -> None:
    good, bad = run_specs(["naive"], [1, 2])
    progress, printed = SweepProgress([good, bad], tmp_path, {}), Mock()
    progress.live = printed
    progress.end(bad, "interrupted: killed")
    progress.say("the folder: interrupted")
    progress.end(good, "finished")
    lines = [call.args[0] for call in printed.console.print.call_args_list]
    assert [str(line.style) for line in lines] == ["red", "", ""]
