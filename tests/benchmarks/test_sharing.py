"""Two sweeps started at once on one empty folder, with four workers each, share its runs."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from small_runs import SMALL, run_specs
from sweep_process import SweepProcess, events, gone, in_flight, unfinished, wait_until
from test_run import starts, trace
from tortured_folder import WORK_FILES, files_but_logs

from benchmarks.records import RunRecord, read_all
from benchmarks.spec import RunSpec
from benchmarks.workdir import WorkDir

WORKERS = 4
SETS = (
    'strategies=["ness", "gpm", "replay", "lora"]',
    "seeds=[1, 2]",
    "protocol.epochs=4",
    "protocol.lr_min=0",
)
EPOCHS = [[str(task), str(epoch)] for task in range(3) for epoch in range(4)]


def specs() -> list[RunSpec]:
    return run_specs(["ness", "gpm", "replay", "lora"], [1, 2], *SETS[2:])


@contextmanager
def two_sweeps(place: Path) -> Iterator[tuple[SweepProcess, SweepProcess]]:
    out = place / "out"
    with (
        SweepProcess(SMALL, out, *SETS, workers=WORKERS, log=place / "one.log") as one,
        SweepProcess(SMALL, out, *SETS, workers=WORKERS, log=place / "other.log") as other,
    ):
        yield one, other


def require_whole(out: Path) -> None:
    """Every run has its record, and a trace with each epoch once; there is nothing else."""
    found = list(read_all(out))
    assert {record.id for record in found if isinstance(record, RunRecord)} == {
        spec.id for spec in specs()
    }
    assert len(found) == len(specs())
    for spec in specs():
        assert [line[:2] for line in trace(out, spec)[1:]] == EPOCHS
    assert len(files_but_logs(out)) == len(specs()) * (1 + len(WORK_FILES))


def test_no_run_is_begun_twice_and_both_say_that_all_is_done(tmp_path: Path) -> None:
    with two_sweeps(tmp_path) as sweeps:
        assert [sweep.wait() for sweep in sweeps] == [0, 0]
    for sweep in sweeps:
        assert sweep.log.read_text().splitlines()[-1] == f"{len(specs())} finished"
    out = sweeps[0].out
    assert [starts(out, spec) for spec in specs()] == [1] * len(specs())
    require_whole(out)


def test_one_does_all_of_it_where_the_other_is_killed(tmp_path: Path) -> None:
    with two_sweeps(tmp_path) as (killed, other):
        wait_until(lambda: in_flight(killed) and in_flight(other), 240, "both to be at work")
        killed.signal_all(signal.SIGKILL)
        assert killed.wait() == -signal.SIGKILL
        lost = {folder.name for folder, pid in unfinished(killed).items() if gone(pid)}
        assert other.wait() == 0
    assert other.log.read_text().splitlines()[-1] == f"{len(specs())} finished"
    for spec in specs():
        found = events(WorkDir(other.out, spec.id).folder)
        assert [event["status"] for event in found if event["event"] == "end"] == ["finished"]
        assert starts(other.out, spec) == 1 + (spec.id in lost)
    require_whole(other.out)
