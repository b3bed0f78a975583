"""``python -m benchmarks sweep | run | plan | status``: runs, and how far they are."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.cli.options import (
    DataOption,
    DirArgument,
    ExecutorOption,
    ExecutorOptions,
    LogOption,
    OfflineOption,
    OutOption,
    RetryOption,
    SetOption,
    SpecArgument,
    WorkersOption,
    end_damaged,
    retried,
)
from benchmarks.errors import BadInput
from benchmarks.prepare import prepare_process

app = typer.Typer()


@app.command()
def sweep(
    spec: SpecArgument,
    out: OutOption,
    workers: WorkersOption = None,
    executor: ExecutorOption = None,
    option: ExecutorOptions = None,
    set_: SetOption = None,
    data: DataOption = None,
    retry: RetryOption = None,
    log: LogOption = None,
    offline: OfflineOption = False,
) -> None:
    """Run strategies x seeds of SPEC.toml; what is finished in --out is not run again."""
    again = frozenset(retried(retry))
    prepare_process(offline)
    from benchmarks.executors import make
    from benchmarks.overrides import options
    from benchmarks.sweep import sweep as run_sweep
    from benchmarks.sweep_spec import expand, load_sweep

    specs = expand(load_sweep(spec, set_ or []))
    made = make(executor, workers=workers, options=options(option or []))
    trackers = _trackers(log)
    counts = run_sweep(specs, out, executor=made, data_dir=data, retry=again, trackers=trackers)
    _finish(counts, out)


@app.command()
def run(
    spec: SpecArgument,
    strategy: Annotated[str, typer.Option(help="one of the spec's strategies, or another")],
    seed: Annotated[int, typer.Option(help="seed of weights and data order")],
    out: OutOption,
    set_: SetOption = None,
    data: DataOption = None,
    log: LogOption = None,
    offline: OfflineOption = False,
) -> None:
    """Run one strategy with one seed in this process."""
    prepare_process(offline)
    from benchmarks.sweep import sweep as run_sweep
    from benchmarks.sweep_spec import expand, load_sweep

    # Values of the command line, quoted as TOML, so that they are checked like those of the file.
    chosen = [f"strategies=[{json.dumps(strategy)}]", f"seeds=[{seed}]"]
    specs = expand(load_sweep(spec, [*(set_ or []), *chosen]))
    _finish(run_sweep(specs, out, data_dir=data, trackers=_trackers(log)), out)


@app.command("plan")
def plan_(
    spec: SpecArgument,
    out: Annotated[
        Path | None, typer.Option(help="results folder whose finished runs count as done")
    ] = None,
    workers: Annotated[int, typer.Option(help="runs at a time")] = 1,
    set_: SetOption = None,
    data: DataOption = None,
    offline: OfflineOption = False,
) -> None:
    """Say what SPEC.toml will run, in how many hours and how much memory, by method.

    Times a few steps of every method on this machine; nothing is written.
    """
    prepare_process(offline)
    from benchmarks import plan
    from benchmarks.sweep_spec import expand, load_sweep

    if workers < 1:
        raise BadInput(f"--workers {workers}: give at least 1")
    groups = plan.by_label(expand(load_sweep(spec, set_ or [])))
    width = max(map(len, groups))
    lines: list[plan.Line] = []
    for line in plan.plan(groups, out, data):
        if not lines:
            print(plan.header(width))
        print(plan.render(line, width), flush=True)
        lines.append(line)
    print(plan.summary(lines, workers))
    if any(line.problem for line in lines):
        raise typer.Exit(1)


@app.command()
def status(
    directory: DirArgument,
    as_json: Annotated[bool, typer.Option("--json", help="print it for programs")] = False,
) -> None:
    """Say what DIR holds and what is running, also from another shell or machine."""
    from benchmarks.status import status as look

    found = look(directory)
    print(json.dumps(found.data(), indent=1) if as_json else found.text())
    end_damaged(found.damaged)


def _trackers(kinds: list[str] | None) -> list[str]:
    """The kinds of ``--log`` once each, known to work."""
    if not kinds:
        return []
    from benchmarks.trackers import check

    chosen = list(dict.fromkeys(kinds))
    check(chosen)
    return chosen


def _finish(counts: Counter[str], out: Path) -> None:
    print(", ".join(f"{n} {status}" for status, n in sorted(counts.items())))
    bad = [status for status in ("failed", "diverged") if counts[status]]
    if bad:
        retry = " ".join(f"--retry {status}" for status in bad)
        print(
            f"`python -m benchmarks status {out}` has the reasons; `sweep` runs them again with "
            f"{retry}",
            file=sys.stderr,
        )
    if set(counts) - {"finished"}:
        raise typer.Exit(1)
