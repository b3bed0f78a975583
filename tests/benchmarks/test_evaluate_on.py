"""Accuracy on the validation images: the test images are nowhere to be read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small_runs import make_strategy, run_spec

from benchmarks.build import load_stream
from benchmarks.errors import BadInput
from benchmarks.records import RunRecord
from benchmarks.run import run
from benchmarks.spec import RunSpec
from benchmarks.streams.split import Split
from benchmarks.streams.stream import Stream

VALID = "evaluate_on=valid"


def poisoned(spec: RunSpec, data_dir: Path | None) -> Stream:
    """The stream with five images of noise, all of class 0, as the test of every task."""
    stream = load_stream(spec, data_dir)
    noise = torch.randint(0, 256, (5, *stream.input_shape), dtype=torch.uint8)
    nothing = torch.zeros(5, dtype=torch.int64)
    tasks = (replace(t, test=Split(noise, nothing, nothing)) for t in stream.tasks)
    return replace(stream, tasks=tuple(tasks))


def numbers(record: RunRecord) -> tuple[object, ...]:
    assert record.status == "finished", record.error
    return (
        record.accuracy_matrix,
        record.accuracy_matrix_task_aware,
        record.initial_accuracy,
        record.forward_accuracy,
        record.lowest_accuracy,
    )


@pytest.mark.parametrize("scenario", ["til", "cil", "dil"])
@pytest.mark.parametrize("strategy", ["naive", "joint", "ness", "replay"])
def test_no_number_depends_on_a_test_image(
    strategy: str, scenario: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replay = ("strategy.replay.mem_size=20",) if strategy == "replay" else ()
    tracked = ("protocol.epochs=1", "protocol.track_old_tasks=true")
    chosen = (*tracked, f"stream=split_digits/{scenario}", *replay)
    spec = run_spec(strategy, *chosen, VALID)
    clean = run(spec, tmp_path / "clean")
    with monkeypatch.context() as patch:
        patch.setattr("benchmarks.run.load_stream", poisoned)
        assert numbers(run(spec, tmp_path / "poisoned")) == numbers(clean)
        tested = run(run_spec(strategy, *chosen), tmp_path / "poisoned")
    assert numbers(tested) != numbers(run(run_spec(strategy, *chosen), tmp_path / "clean"))


def test_accuracies_count_validation_images_and_the_stream_stays_as_it_is(tmp_path: Path) -> None:
    record = run(run_spec("naive", VALID), tmp_path)
    stream = load_stream(run_spec("naive"), None)
    assert record.stream == stream.describe()
    for row, percents in enumerate(record.accuracy_matrix):
        for column, percent in enumerate(percents[: row + 1]):
            assert percent is not None
            correct = percent / 100 * len(stream.tasks[column].valid)
            assert correct == pytest.approx(round(correct), abs=1e-5)


def test_batches_of_evaluation_are_those_of_the_validation_loss() -> None:
    """Norm layers without running statistics see the same batches in both."""
    strategy = make_strategy(run_spec("naive", "protocol.eval_batch_size=7"), [])
    valid = list(strategy.batches("valid", 1))
    strategy.stream = strategy.stream.evaluated_on("valid")
    for evaluated, validated in zip(strategy.batches("test", 1), valid, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(evaluated, validated, strict=True))


def test_it_is_a_part_of_the_run_only_where_it_is_not_the_test() -> None:
    plain = run_spec("naive")
    assert plain.id == run_spec("naive", "evaluate_on=test").id != run_spec("naive", VALID).id
    assert "evaluate_on" not in plain.model_dump(mode="json")
    with pytest.raises(BadInput, match="evaluate_on: Input should be 'test' or 'valid'"):
        run_spec("naive", "evaluate_on=train")
