"""The search: run every configuration, say what won, write the tuned spec."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from benchmarks.errors import BadInput
from benchmarks.executors import Executor
from benchmarks.records import write_atomically
from benchmarks.reporting.search import (
    FOLDER,
    Search,
    measured,
    search_path,
)
from benchmarks.reporting.search_parts import Configuration, Method
from benchmarks.reporting.tuning import FILES, write_tuning
from benchmarks.results_folder import prepare
from benchmarks.spec import RunSpec
from benchmarks.sweep import sweep
from benchmarks.sweep_spec import load_sweep
from benchmarks.tuning.configurations import candidates
from benchmarks.tuning.tuned_spec import tuned_toml

TUNED = "tuned.toml"
"""The tuned spec in a results folder."""


def plan_search(spec: Path, overrides: Sequence[str] = ()) -> tuple[Search, list[RunSpec]]:
    """A search without results, and its runs, seed by seed; `BadInput` names what is wrong."""
    written = load_sweep(spec, overrides)
    found = candidates(written, str(spec))
    tried = [configuration for method in found for configuration in method.tried]
    runs = [run for same_seed in zip(*(t.runs for t in tried), strict=True) for run in same_seed]
    search = Search(
        spec=str(spec),
        overrides=list(overrides),
        stream=written.stream,
        keep=sorted({run.protocol.keep for run in runs}),
        budget=written.tune["budget"],
        seeds=[run.seed for run in tried[0].runs],
        methods=[
            Method(
                strategy=method.strategy,
                there_are=method.there_are,
                own_place=method.own_place,
                configurations=[
                    Configuration(values=t.values, runs=[run.id for run in t.runs])
                    for t in method.tried
                ],
            )
            for method in found
        ],
    )
    return search, runs


def tune(
    spec: Path,
    out: Path,
    *,
    overrides: Sequence[str] = (),
    executor: Executor | None = None,
    data_dir: Path | None = None,
    retry: frozenset[str] = frozenset(),
) -> Search:
    """Run what ``out/tuning`` lacks of the search of a spec; the search with its results.

    The search and its table are written before its first run, so that nothing of an earlier search
    stays, nor ``out/tuned.toml`` with its winners, and again when it ends or is interrupted; with
    the last run ``out/tuned.toml`` is there. A search that cannot begin leaves the folder as it
    was. Raises as `benchmarks.sweep.sweep` does.
    """
    search, runs = plan_search(spec, overrides)
    text = spec.read_text(encoding="utf-8")
    prepare(out / FOLDER)
    before, now = _before(out), measured(search, out)
    if before[search_path(out)] != now.as_json():
        # Before the table, so that no moment has the one beside another's winners.
        (out / TUNED).unlink(missing_ok=True)
    write_tuning(now, out)
    try:
        sweep(runs, out / FOLDER, executor=executor, data_dir=data_dir, retry=retry)
    except BadInput:
        _take_back(before, out)
        raise
    except KeyboardInterrupt:
        write_tuning(measured(search, out), out)
        raise
    return write_tuned(text, search, out)


def write_tuned(text: str, search: Search, out: Path) -> Search:
    """Write the table of a search, and ``out/tuned.toml`` from the spec ``text`` if no run is
    missing; the search with its results."""
    done = measured(search, out)
    write_tuning(done, out)
    if not done.missing:
        write_atomically(out / TUNED, tuned_toml(text, done, out).encode())
    return done


def _before(out: Path) -> dict[Path, bytes | None]:
    """What the files of a search hold; None for one that is not there."""
    paths = [out / TUNED, *(out / FOLDER / name for name in FILES)]
    return {path: path.read_bytes() if path.is_file() else None for path in paths}


def _take_back(before: dict[Path, bytes | None], out: Path) -> None:
    """Leave the folder as it was before a search that could not begin."""
    for path, content in before.items():
        if content is None:
            path.unlink(missing_ok=True)
        else:
            write_atomically(path, content)
    with suppress(OSError):  # one that has something in it stays
        (out / FOLDER).rmdir()
        out.rmdir()
