"""``python -m benchmarks tune``: hyper-parameters of every method by one budget."""

from __future__ import annotations

import sys

import typer

from benchmarks.cli.options import (
    DataOption,
    ExecutorOption,
    ExecutorOptions,
    OfflineOption,
    OutOption,
    RetryOption,
    SetOption,
    SpecArgument,
    WorkersOption,
    retried,
)
from benchmarks.prepare import prepare_process

app = typer.Typer()


@app.command()
def tune(
    spec: SpecArgument,
    out: OutOption,
    workers: WorkersOption = None,
    executor: ExecutorOption = None,
    option: ExecutorOptions = None,
    set_: SetOption = None,
    data: DataOption = None,
    retry: RetryOption = None,
    offline: OfflineOption = False,
) -> None:
    """Try [tune] of SPEC.toml on validation images: OUT/tuned.toml has what won of every method.

    Every method gets the same number of configurations; OUT/tuning/ has them all. What is finished
    is not run again. Exit status 1 if runs are missing, or a method has no finished one.
    """
    again = frozenset(retried(retry))
    prepare_process(offline)
    from benchmarks.executors import make
    from benchmarks.overrides import options
    from benchmarks.reporting.search import FOLDER
    from benchmarks.reporting.tuning import as_text
    from benchmarks.reporting.tuning_notes import incomplete, without_best
    from benchmarks.tuning.command import TUNED
    from benchmarks.tuning.command import tune as search_for

    made = make(executor, workers=workers, options=options(option or []))
    search = search_for(spec, out, overrides=set_ or [], executor=made, data_dir=data, retry=again)
    print(as_text(search))
    lacking = [*incomplete(search, out), *without_best(search)]
    if not search.missing:
        print(f"\n{out / TUNED} has the best values, {out / FOLDER / 'tuning.md'} the whole search")
    for line in lacking:
        print(f"note: {line}", file=sys.stderr)
    if lacking:
        raise typer.Exit(1)
