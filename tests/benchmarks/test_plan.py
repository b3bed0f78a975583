"""What a sweep is said to take, without running it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from small_runs import SMALL, run_spec
from typer.testing import CliRunner

import baselines
from benchmarks.build import load_stream
from benchmarks.cli.app import app
from benchmarks.errors import BadInput
from benchmarks.old_tasks import OldTasks
from benchmarks.plan import Line, by_label, duration, header, plan, render, summary
from benchmarks.probe import (
    BATCHES,
    Estimate,
    Probe,
    estimate,
    follow,
    further_state,
    images_tested,
    old_images,
    probe,
    thinned,
)
from benchmarks.record_parts import Matrix
from benchmarks.run import run
from benchmarks.spec import RunSpec
from benchmarks.sweep_spec import expand, load_sweep


def lines_of(specs: Sequence[RunSpec], out: Path | None = None) -> list[Line]:
    return list(plan(by_label(specs), out, None))


def measured(samples: int, seconds: float) -> Probe:
    return Probe([samples], [seconds], [0.0], 0.0, [0], 0)


def line_through(small: float, large: float, n: int) -> float:
    """10 samples took ``small`` seconds and 30 took ``large``: how long will n take?"""
    return follow(measured(10, small), measured(30, large), 0, n, lambda p: p.epoch_s)


def test_what_grows_with_the_samples_is_told_from_what_does_not() -> None:
    assert line_through(2.0, 6.0, 100) == pytest.approx(20.0)
    assert line_through(3.0, 7.0, 100) == pytest.approx(21.0)  # one second is always there
    assert line_through(5.0, 5.0, 100) == pytest.approx(5.0)
    assert line_through(6.0, 5.0, 100) == pytest.approx(5.0)  # noise: no cost falls with n
    assert line_through(1.0, 6.0, 100) == pytest.approx(20.0)  # nor does one start below zero


def test_what_a_method_keeps_grows_by_as_much_with_every_task() -> None:
    assert further_state([100, 150, 200], 10) == 7 * 50
    assert further_state([100, 100, 100], 10) == 0
    assert further_state([100, 80], 10) == 0
    assert further_state([100, 150, 200], 3) == further_state([100], 1) == 0


def test_later_tasks_are_judged_by_the_later_task_of_the_probe() -> None:
    one, two = (Probe([n, n], [n * 1.0, n * 2.0], [0, 0], 0.0, [0, 0], 0) for n in (10, 30))
    costs = [follow(one, two, step, 50, lambda p: p.epoch_s) for step in range(4)]
    assert costs == pytest.approx([50.0, 100.0, 100.0, 100.0])


@pytest.mark.parametrize("strategy", ["naive", "cumulative", "joint"])
def test_the_images_of_all_evaluations_are_those_of_the_run(strategy: str, tmp_path: Path) -> None:
    spec = run_spec(strategy, "protocol.track_old_tasks=true")
    stream = load_stream(spec, None)
    sees = {"naive": "task", "cumulative": "seen", "joint": "all"}[strategy]
    record, steps = run(spec, tmp_path), range(stream.steps(sees))
    sizes = [len(task.test) for task in stream.tasks]

    def tested(matrix: Matrix) -> int:
        pairs = (pair for row in matrix for pair in zip(sizes, row, strict=True))
        return sum(size for size, value in pairs if value is not None)

    unseen = 0 if sees == "all" else sum(sizes[1:])
    images = sum(images_tested(stream, step, sees) for step in steps)
    assert images == tested(record.accuracy_matrix) + unseen
    assert record.lowest_accuracy is not None
    assert sum(old_images(stream, step) for step in steps) == tested(record.lowest_accuracy)


def test_tracking_old_tasks_takes_their_evaluation_after_every_epoch(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    free = Probe([1], [0.0], [0.0], eval_s=1.0, state_bytes=[0], peak_bytes=0)
    monkeypatch.setattr("benchmarks.probe.probe", lambda *_: free)
    plain, tracked = (
        estimate(run_spec("naive", "protocol.epochs=5", *more), None, tmp_path).seconds
        for more in ((), ("protocol.track_old_tasks=true",))
    )
    first, second, _ = (len(task.test) for task in load_stream(run_spec("naive"), None).tasks)
    assert tracked - plain == 5 * (first + first + second)


def test_a_probe_tracks_no_old_tasks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What that takes is reckoned from the images; in a probe it would be taken for other work."""
    tracked: list[int] = []
    begin = OldTasks.begin

    def noting(self: OldTasks, *, earlier: int) -> None:
        tracked.append(earlier)
        begin(self, earlier=earlier)

    monkeypatch.setattr(OldTasks, "begin", noting)
    spec = run_spec("naive", "protocol.track_old_tasks=true")
    probe(spec, load_stream(spec, None), min(BATCHES), tmp_path)
    assert set(tracked) == {0}


def test_a_thinned_task_keeps_its_classes_and_the_shares_of_its_splits() -> None:
    task = load_stream(run_spec("naive"), None).tasks[0]
    thin = thinned(task, 64)
    assert len(thin.train) == 64
    assert len(thin.test) == round(len(task.test) * 64 / len(task.train))
    for name in ("train", "valid", "test"):
        assert torch.equal(getattr(thin, name).y.unique(), getattr(task, name).y.unique())
    assert len(thinned(task, 10**6).train) == len(task.train)


def test_a_probe_trains_three_tasks(tmp_path: Path) -> None:
    spec = run_spec("ness", "stream_args.tasks=5")
    found = probe(spec, load_stream(spec, None), 2, tmp_path)
    assert found.samples == [64, 64, 64]
    assert len(found.epoch_s) == len(found.consolidate_s) == 3
    assert min(found.epoch_s) > 0
    assert found.state_bytes[0] > 0


@pytest.mark.parametrize("strategy", sorted(baselines.STRATEGIES))
def test_every_method_can_be_probed(strategy: str, tmp_path: Path) -> None:
    spec = run_spec(strategy)
    found = probe(spec, load_stream(spec, None), min(BATCHES), tmp_path)
    assert min(found.epoch_s) > 0


def test_an_estimate_grows_with_the_epochs(tmp_path: Path) -> None:
    short, long = (
        estimate(run_spec("naive", f"protocol.epochs={n}"), None, tmp_path / str(n))
        for n in (10, 10000)
    )
    assert 10 < long.seconds / short.seconds < 5000
    assert short.memory_bytes > 2**27


def test_finished_runs_are_done_and_not_timed(tmp_path: Path) -> None:
    specs = expand(load_sweep(SMALL, ['strategies=["naive"]', "seeds=[1, 2]"]))
    run(specs[0], tmp_path)
    (line,) = lines_of(specs, tmp_path)
    assert (line.label, line.runs, line.finished) == ("naive", 2, 1)
    assert line.estimate is not None
    assert line.seconds_left == line.estimate.seconds
    run(specs[1], tmp_path)
    (line,) = lines_of(specs, tmp_path)
    assert (line.finished, line.estimate, line.seconds_left) == (2, None, 0.0)


def test_settings_of_a_grid_have_a_line_each() -> None:
    overrides = ['strategies=["ness"]', 'grid={"strategy.ness.eps"=[0.1, 0.2]}']
    lines = lines_of(expand(load_sweep(SMALL, overrides)))
    assert [line.label for line in lines] == [
        "ness [strategy_args.eps=0.1]",
        "ness [strategy_args.eps=0.2]",
    ]


def test_a_method_that_diverges_is_named_and_the_others_are_planned() -> None:
    specs = [run_spec("naive", "optimizer.lr=1e30"), run_spec("ness")]
    broken, sound = lines_of(specs)
    assert "loss is" in broken.problem
    assert "loss is" in render(broken, 5)
    assert ", without naive, which could not be timed" in summary([broken, sound], 1)
    assert sound.estimate is not None


def test_a_spec_that_cannot_run_is_refused() -> None:
    spec = run_spec("trgp").model_copy(update={"stream": "split_digits/dil"})
    with pytest.raises(BadInput, match="does not support 'dil'"):
        lines_of([run_spec("naive"), spec])


def test_the_sum_counts_what_is_left() -> None:
    lines = [
        Line("naive", 3, 1, Estimate(1800.0, 2**30)),
        Line("ness", 3, 0, Estimate(7200.0, 2**31)),
        Line("gpm", 3, 3, None),
    ]
    assert summary(lines, 1) == (
        "9 runs, 4 finished; about 7.0 h left on one worker; 2.0 GiB of memory at the peak"
    )
    assert "3.5 h on 2" in summary(lines, 2)
    assert [duration(s) for s in (0.4, 59, 90, 3600, 360000)] == [
        "0 s",
        "59 s",
        "1.5 min",
        "1.0 h",
        "100.0 h",
    ]


def test_the_command_prints_a_line_a_method() -> None:
    result = CliRunner().invoke(app, ["plan", str(SMALL), "--workers", "2"])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert [line.split()[0] for line in lines] == ["method", "naive", "ness", "2"]


def test_columns_are_as_wide_as_the_longest_label() -> None:
    label = "ness [protocol.epochs=1, strategy_args.eps=0.001]"
    line = Line(label, 3, 0, Estimate(60.0, 2**30))
    assert len(header(len(label))) == len(render(line, len(label)))
