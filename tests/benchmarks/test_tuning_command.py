"""A search from beginning to end: what it runs, what it writes, how it goes on."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from small_runs import interrupt_at

from benchmarks.cli.app import main
from benchmarks.errors import BadInput
from benchmarks.records import RunRecord
from benchmarks.reporting.search import read_search
from benchmarks.reporting.tables import write_tables
from benchmarks.run import run
from benchmarks.status import status
from benchmarks.sweep import sweep
from benchmarks.sweep_spec import expand, load_sweep
from benchmarks.tuning.command import plan_search, tune

SPEC = Path(__file__).with_name("tuning.toml")

WRITTEN = ["search.json", "tuning.csv", "tuning.md", "tuning.tex"]


def files(out: Path) -> dict[str, bytes]:
    """What a search writes beside its runs."""
    paths = [*(out / "tuning").glob("*.*"), out / "tuned.toml"]
    return {p.name: p.read_bytes() for p in paths if p.is_file() and p.name != "sweep.log"}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("search")
    tune(SPEC, out)
    return out


def test_the_search_is_stored_beside_the_runs(done: Path) -> None:
    assert sorted(files(done)) == [*WRITTEN[:1], "tuned.toml", *WRITTEN[1:]]
    assert not (done / "runs").exists()
    records = [RunRecord.read(path) for path in (done / "tuning" / "runs").rglob("*.json")]
    assert len(records) == 2 * 4 * 2
    assert {record.spec["evaluate_on"] for record in records} == {"valid"}
    assert {record.spec["seed"] for record in records} == {101, 102}


def test_the_winners_are_those_of_the_records(done: Path) -> None:
    search = read_search(done)
    assert search is not None
    assert search.missing == 0
    for method in search.methods:
        means = []
        for configuration in method.configurations:
            paths = [
                done / f"tuning/runs/split_digits/til/{method.strategy}/{run}.json"
                for run in configuration.runs
            ]
            rows = [json.loads(path.read_text())["accuracy_matrix"][-1] for path in paths]
            means.append(round(sum(map(sum, rows)) / 4, 6))  # two seeds, two tasks
        assert means == [c.mean for c in method.configurations]
        assert method.winner == means.index(max(means))
        assert len(means) == 4


def test_tuned_toml_is_the_spec_with_the_winners(done: Path) -> None:
    search = read_search(done)
    assert search is not None
    text = (done / "tuned.toml").read_text()
    assert "eps = 1e-3  # a comment" in text or "spec had 0.001" in text
    assert tomllib.loads(text)["tune"] == tomllib.loads(SPEC.read_text())["tune"]
    tuned = {(run.strategy, run.seed): run for run in expand(load_sweep(done / "tuned.toml"))}
    assert sorted(tuned) == [("naive", 1), ("naive", 2), ("ness", 1), ("ness", 2)]
    changed = 0
    for method in search.methods:
        assert method.best is not None
        record = RunRecord.read(
            done / f"tuning/runs/split_digits/til/{method.strategy}/{method.best.runs[0]}.json"
        )
        seeds = dict.fromkeys(("seed", "init_seed", "data_seed"), 1)
        del record.spec["evaluate_on"]
        assert tuned[method.strategy, 1].model_dump(mode="json") == record.spec | seeds
        changed += method.winner != 0
    assert changed, "a search that finds nothing better shows nothing here"
    assert "# tuned: best of 4 on validation, seeds 101 102; spec had" in text


def test_the_same_search_writes_the_same_bytes(done: Path) -> None:
    before = files(done)
    tune(SPEC, done)
    write_tables_of(done)
    assert files(done) == before


def write_tables_of(out: Path) -> None:
    """`tables` as users call it: there have to be runs beside the search."""
    sweep(expand(load_sweep(SPEC, ['strategies=["naive"]', "seeds=[1]"])), out)
    assert {path.name for path in write_tables(out).paths} >= set(WRITTEN)


def test_an_interrupted_search_names_no_winner_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, done: Path
) -> None:
    runs = plan_search(SPEC)[1]
    stopped = runs[5]

    def interrupted(spec: Any, *args: Any, notify: Callable[..., None], **kwargs: Any) -> RunRecord:
        where = interrupt_at(1) if spec.id == stopped.id else notify
        return run(spec, *args, notify=where, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr("benchmarks.run.run", interrupted)
        with pytest.raises(KeyboardInterrupt):
            tune(SPEC, tmp_path)
    search = read_search(tmp_path)
    assert search is not None
    assert search.missing == 8, "the second seed of every configuration"
    assert [method.winner for method in search.methods] == [None, None]
    text = (tmp_path / "tuning" / "tuning.md").read_text()
    assert "Not complete: 8 of 8 configurations lack runs, so nothing is best yet" in text
    assert not (tmp_path / "tuned.toml").exists()
    tune(SPEC, tmp_path)
    assert relative(tmp_path) == relative(done)


def relative(out: Path) -> dict[str, bytes]:
    """`files` that are the same wherever they lie; LaTeX escapes paths."""
    return {
        name: content.replace(bytes(out), b"OUT")
        for name, content in files(out).items()
        if not name.endswith(".tex")
    }


def test_a_search_that_cannot_begin_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"stream_args\.tasks = 9"):
        tune(SPEC, tmp_path / "new", overrides=["stream_args.tasks=9"])
    with pytest.raises(BadInput, match="threshold"):
        tune(SPEC, tmp_path / "new", overrides=["tune.strategy.gpm.treshold=[1]"])
    with pytest.raises(BadInput, match="cifar"):
        tune(
            SPEC,
            tmp_path / "new",
            overrides=["stream=split_cifar100/til"],
            data_dir=tmp_path / "none",
        )
    assert not (tmp_path / "new").exists()


def test_a_search_that_cannot_begin_leaves_the_earlier_one(tmp_path: Path, done: Path) -> None:
    copytree(done, tmp_path, dirs_exist_ok=True)
    write_tables_of(tmp_path)
    before = files(tmp_path)
    with pytest.raises(BadInput, match="cifar"):
        tune(SPEC, tmp_path, overrides=["stream=split_cifar100/til"], data_dir=tmp_path / "none")
    assert files(tmp_path) == before


@pytest.mark.parametrize("override", ["tune.seeds=[103, 104]", None], ids=["another", "the same"])
def test_winners_of_an_earlier_search_do_not_outlive_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, done: Path, override: str | None
) -> None:
    out = tmp_path / "copy"
    copytree(done, out)

    class KilledError(Exception):
        pass

    def killed(*args: Any, **kwargs: Any) -> None:
        raise KilledError

    monkeypatch.setattr("benchmarks.tuning.command.sweep", killed)
    with pytest.raises(KilledError):
        tune(SPEC, out, overrides=[override] if override else [])
    table = (out / "tuning" / "tuning.md").read_text()
    assert ("Not complete: 8 of 8" in table) is bool(override)
    assert (out / "tuned.toml").exists() is not bool(override)


def test_a_damaged_search_is_put_back_as_it_was(tmp_path: Path, done: Path) -> None:
    copytree(done, tmp_path, dirs_exist_ok=True)
    (tmp_path / "tuning" / "search.json").write_text("{")
    before = files(tmp_path)
    with pytest.raises(BadInput, match="cifar"):
        tune(SPEC, tmp_path, overrides=["stream=split_cifar100/til"], data_dir=tmp_path / "none")
    assert files(tmp_path) == before


def test_overrides_are_in_the_tuned_spec_and_the_command(tmp_path: Path) -> None:
    overrides = ['strategies=["naive"]', "optimizer.momentum=0.5", "tune.seeds=[7]"]
    tune(SPEC, tmp_path, overrides=overrides)
    text = (tmp_path / "tuned.toml").read_text()
    tuned = tomllib.loads(text)
    assert tuned["optimizer"]["momentum"] == 0.5
    assert "momentum = 0.5  # --set" in text
    assert (tuned["strategies"], tuned["tune"]["seeds"]) == (["naive"], [7])
    said = f"tune {SPEC} --out {tmp_path} --set 'strategies=[\"naive\"]'"
    assert said in (tmp_path / "tuning" / "tuning.md").read_text()


def test_the_command_prints_the_table_and_says_where_the_winners_are(
    done: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["benchmarks", "tune", str(SPEC), "--out", str(done)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert "strategy" in printed
    assert f"{done / 'tuned.toml'} has the best values" in printed


def test_status_of_a_folder_with_a_search_alone_names_the_folder_of_its_runs(
    tmp_path: Path, done: Path
) -> None:
    copytree(done / "tuning", tmp_path / "tuning")
    with pytest.raises(BadInput, match="no runs beside a search") as caught:
        status(tmp_path)
    assert f"give {tmp_path / 'tuning'} for" in str(caught.value)
    assert status(tmp_path / "tuning").total == {"finished": 16}
    tables = write_tables(tmp_path / "tuning").paths
    assert "split_digits-til.md" in {path.name for path in tables}
