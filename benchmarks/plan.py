"""What a sweep will take, before anything runs: runs, hours and memory by method."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.preflight import check_all
from benchmarks.records import DamagedRecord, RunRecord, record_path
from benchmarks.reporting.specs import flatten, labels
from benchmarks.spec import RunSpec

if TYPE_CHECKING:
    from benchmarks.probe import Estimate


@dataclass(frozen=True)
class Line:
    """One method (with one setting) of the sweep."""

    label: str
    runs: int
    finished: int
    estimate: Estimate | None
    """Of one of its runs; None where all are finished or the probe failed."""
    problem: str = ""

    @property
    def seconds_left(self) -> float:
        """Of its unfinished runs, one after another."""
        return (self.runs - self.finished) * self.estimate.seconds if self.estimate else 0.0


def by_label(specs: Sequence[RunSpec]) -> dict[str, list[RunSpec]]:
    """The runs of each method and setting, under the label that tables give it."""
    labelled = labels({s.id: (s.strategy, flatten(s.model_dump(mode="json"))) for s in specs})
    groups: dict[str, list[RunSpec]] = {}
    for spec in specs:
        groups.setdefault(labelled[spec.id], []).append(spec)
    return groups


def plan(
    groups: Mapping[str, Sequence[RunSpec]], out: Path | None, data_dir: Path | None
) -> Iterator[Line]:
    """A line for each group as soon as its steps are timed, each in a process of its own.

    ``out``: the results folder whose finished runs count as done. Raises `BadInput` before the
    first is timed if one of them cannot run.
    """
    left = {
        label: [spec for spec in group if not _is_finished(spec, out)]
        for label, group in groups.items()
    }
    check_all([spec for todo in left.values() for spec in todo], out, data_dir)
    for label, group in groups.items():
        todo = left[label]
        found, problem = _measure(todo[0], data_dir) if todo else (None, "")
        yield Line(label, len(group), len(group) - len(todo), found, problem)


def _is_finished(spec: RunSpec, out: Path | None) -> bool:
    if out is None:
        return False
    try:
        record = RunRecord.read(record_path(out, spec.stream, spec.strategy, spec.id))
    except DamagedRecord:
        return False
    return record.status == "finished"


def _measure(spec: RunSpec, data_dir: Path | None) -> tuple[Estimate | None, str]:
    from benchmarks.probe import ProbeFailed, estimate

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.probe"])
    with (
        tempfile.TemporaryDirectory(prefix="ness-plan-") as scratch,
        ProcessPoolExecutor(1, mp_context=context) as pool,
    ):
        try:
            return pool.submit(estimate, spec, data_dir, Path(scratch)).result(), ""
        except ProbeFailed as error:
            return None, str(error)
        except BrokenProcessPool:
            return None, "its process was killed: too little memory?"


def header(width: int) -> str:
    """The names of the columns, the first of them ``width`` wide."""
    return f"{'method':{width}} {'runs':>5} {'done':>5} {'a run':>9} {'left':>9} {'memory':>9}"


def render(line: Line, width: int) -> str:
    """A line of the plan, under `header`."""
    text = f"{line.label:{width}} {line.runs:5} {line.finished:5}"
    if line.estimate is not None:
        memory = f"{line.estimate.memory_bytes / 2**30:.1f} GiB"
        text += (
            f" {duration(line.estimate.seconds):>9} {duration(line.seconds_left):>9} {memory:>9}"
        )
    return f"{text}  {line.problem}".rstrip()


def summary(lines: Sequence[Line], workers: int) -> str:
    """The sum under the plan."""
    runs, done = sum(line.runs for line in lines), sum(line.finished for line in lines)
    seconds = sum(line.seconds_left for line in lines)
    text = f"{runs} runs, {done} finished; about {duration(seconds)} left on one worker"
    if workers > 1:
        text += f", {duration(seconds / workers)} on {workers} that do not slow each other down"
    untimed = [line.label for line in lines if line.problem]
    if untimed:
        text += f", without {', '.join(untimed)}, which could not be timed"
    peaks = [line.estimate.memory_bytes for line in lines if line.estimate]
    if peaks:
        text += f"; {workers * max(peaks) / 2**30:.1f} GiB of memory at the peak"
    return text


def duration(seconds: float) -> str:
    """As readers say it: ``45 s``, ``2.9 min``, ``14.2 h``."""
    for unit, size in (("h", 3600.0), ("min", 60.0)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"
