"""The command: parse the options, run every check, print them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from benchmarks.doctor.checks import Check, off, render
from benchmarks.doctor.children import try_imports
from benchmarks.doctor.compute import (
    check_cuda,
    check_numpy,
    check_precision,
    check_threads,
    gpu_driver,
)
from benchmarks.doctor.data_sets import check_data
from benchmarks.doctor.packages import check_extras, check_needed, check_python, to_import
from benchmarks.doctor.places import (
    check_checkout,
    check_folder,
    check_git,
    check_home,
    check_temporary,
)
from benchmarks.doctor.project import read_project
from benchmarks.errors import BadInput


def main(words: Sequence[str]) -> int:
    """Print the report; status 0 if nothing is off, else 1; 2 for bad options, 130 for Ctrl-C."""
    try:
        options = _parser().parse_args(words)
        if options.workers < 1:
            raise BadInput(f"--workers {options.workers}: give at least 1")
    except BadInput as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    try:
        checks = list(examine(options.data, options.out, options.workers))
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    print(render(checks))
    return int(any(check.verdict == "off" for check in checks))


def examine(data: Path | None, out: Path, workers: int) -> Iterator[Check]:
    """Every check of the installation, for a sweep of so many workers into ``out``."""
    facts = None
    yield check_checkout()
    try:
        project = read_project()
    except BadInput as error:
        found, _, way = str(error).rpartition("; ")
        yield off("project", found, way)
    else:
        yield check_python(project)
        imports = try_imports(to_import(project))
        yield from check_needed(project, imports)
        yield from check_extras(project, imports)
        facts = imports.get("torch", {}).get("facts")
    if facts:
        yield check_numpy(facts)
        yield check_cuda(facts, gpu_driver())
        yield check_precision(facts)
    yield check_threads(workers, facts and facts["threads"])
    yield check_home()
    yield check_temporary()
    yield from check_data(data)
    yield check_folder("results folder", out, 1.0, "name another with --out DIR")
    yield check_git()


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BadInput(f"{message}; `python -m benchmarks doctor --help` has the usage")


def _parser() -> argparse.ArgumentParser:
    # Not typer, which may be what is missing.
    parser = _Parser(
        prog="python -m benchmarks doctor",
        description="Check the installation, and say how to mend what is off (exit status 1).",
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of the data sets")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", default=Path("results"), help="results folder"
    )
    parser.add_argument("--workers", type=int, default=1, help="processes that a sweep will have")
    return parser
