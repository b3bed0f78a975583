"""One results folder, from empty to a finished sweep, and what must hold of it all the while."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from phases import phase, tasks_done
from sweep_process import SweepProcess, events, unfinished
from test_run import numbers, starts, trace

import baselines
from benchmarks.records import RunRecord, record_path
from benchmarks.run import run
from benchmarks.sweep_spec import expand, load_sweep
from benchmarks.workdir import WorkDir

SPEC = Path(__file__).with_name("torture.toml")
WORK_FILES = ("trace.csv", "events.jsonl")
"""What stays of a finished run beside its record, a log if there was something to say, and the
claim that it released."""


def files_but_logs(out: Path) -> set[Path]:
    """All files of a results folder but logs, released claims and the lists of sweeps."""
    files = (path for path in out.rglob("*") if path.is_file() and path.parent.name != ".sweeps")
    return {
        path
        for path in files
        if path.name not in ("sweep.log", "log")
        and not (re.fullmatch(r"claim\.\d+", path.name) and path.stat().st_size == 0)
    }


class TorturedFolder:
    """A new folder below ``place`` for the sweep `SPEC` with ``overrides``."""

    def __init__(self, place: Path, overrides: Sequence[str]) -> None:
        self.overrides = overrides
        self.specs = expand(load_sweep(SPEC, overrides))
        self.n_tasks = self.specs[0].stream_args["tasks"]
        self.alone = place / "alone"
        """Where the same runs are left alone."""
        self.out = place / f"out-{len(list(place.glob('out-*')))}"
        self.out.mkdir()
        self.attempts = 0
        self._finished: dict[str, tuple[int, int, bytes, int]] = {}
        self._tasks_done: dict[str, int] = {}
        self._dead: set[int] = set()

    def sweep(self) -> SweepProcess:
        """The sweep, started once more."""
        self.attempts += 1
        log = self.out.with_name(f"{self.out.name}-{self.attempts}.log")
        return SweepProcess(SPEC, self.out, *self.overrides, workers=2, log=log, armed=True)

    def phases_at_death(self, sweep: SweepProcess, victim: int) -> list[str]:
        """Where the runs were that ended with a process: a worker, or the whole sweep."""
        pids = {folder.name: pid for folder, pid in unfinished(sweep).items()}
        if victim != sweep.pid:
            pids = {run_id: pid for run_id, pid in pids.items() if pid == victim}
        found = [
            phase(self.out, spec, self.n_tasks, baselines.load(spec.strategy).resumable)
            for spec in self.specs
            if spec.id in pids and pids[spec.id] not in self._dead
        ]
        self._dead |= set(pids.values())
        began = any(
            event["time"] >= sweep.since
            for spec in self.specs
            for event in events(WorkDir(self.out, spec.id).folder)
        )
        return found or ["between two runs" if began else "before the first run"]

    def require_nothing_lost(self) -> None:
        """Records stay the very files they were, and runs keep the tasks they had finished."""
        for spec in self.specs:
            path = record_path(self.out, spec.stream, spec.strategy, spec.id)
            if path.exists():
                stat = path.stat()
                now = (stat.st_ino, stat.st_mtime_ns, path.read_bytes(), starts(self.out, spec))
                assert self._finished.setdefault(spec.id, now) == now, "a finished run was repeated"
                assert RunRecord.read(path).status == "finished"
            else:
                assert spec.id not in self._finished
                done = tasks_done(WorkDir(self.out, spec.id))
                assert done >= self._tasks_done.get(spec.id, 0), "finished tasks were lost"
                self._tasks_done[spec.id] = done
        assert not list(self.out.rglob("*.damaged-*"))

    def require_as_if_undisturbed(self) -> None:
        """Every number of the records and traces is that of a sweep left alone; no other file."""
        expected = set()
        for spec in self.specs:
            path = record_path(self.out, spec.stream, spec.strategy, spec.id)
            alone, here = run(spec, self.alone), RunRecord.read(path)
            assert numbers(here) == numbers(alone)
            assert here.accuracy_matrix_task_aware == alone.accuracy_matrix_task_aware
            assert trace(self.out, spec) == trace(self.alone, spec)
            work = WorkDir(self.out, spec.id).folder
            ends = [event.get("status") for event in events(work)]
            assert "finished" not in ends[:-1], "begun again after its end"
            expected |= {path, *(work / name for name in WORK_FILES)}
        assert files_but_logs(self.out) == expected
