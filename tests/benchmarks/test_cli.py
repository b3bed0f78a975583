"""The command line that others script against: exit status, one line of error, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from small_runs import SMALL, run_spec

import baselines
from benchmarks.cli.app import main
from benchmarks.records import RunRecord, record_path
from benchmarks.run import run
from benchmarks.workdir import WorkDir


@dataclass
class Answer:
    status: int | str | None
    out: str
    err: str


Cli = Callable[..., Answer]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """`main` with arguments, in this process, which has torch already."""

    def call(*arguments: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["benchmarks", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return Answer(ended.value.code, printed.out, printed.err)

    return call


def assert_bad_input(answer: Answer, *said: str) -> None:
    assert answer.status == 2
    assert len(answer.err.splitlines()) == 1
    assert answer.err.startswith("error: ")
    assert "Traceback" not in answer.err
    for word in said:
        assert word in answer.err


def test_sweep_status_tables_and_plots(cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "results"
    answer = cli("sweep", SMALL, "--out", out, "--set", "seeds=[1,2]", "--set", "protocol.epochs=1")
    assert answer.status == 0
    assert answer.out == "4 finished\n"
    assert len(list(out.glob("runs/split_digits/til/*/*.json"))) == 4
    record = RunRecord.read(next(out.glob("runs/split_digits/til/ness/*.json")))
    assert record.spec["protocol"]["epochs"] == 1
    assert [task.epochs for task in record.tasks] == [1, 1, 1]

    answer = cli("status", out)
    assert answer.status == 0
    naive, _, summary = answer.out.splitlines()[-3:]
    assert naive.split() == ["split_digits/til", "naive", "2"]
    assert summary == "4/4 runs"

    answer = cli("tables", out)
    assert answer.status == 0
    assert "ness" in answer.out
    assert {path.suffix for path in (out / "tables").iterdir()} == {".md", ".tex", ".csv"}

    answer = cli("plots", out)
    assert answer.status == 0
    written = {Path(line) for line in answer.out.splitlines()}
    assert written == set((out / "figures").iterdir())
    assert {path.suffix for path in written} == {".png", ".pdf"}


def test_run_is_one_run_of_the_sweep(cli: Cli, tmp_path: Path) -> None:
    arguments = ("--out", tmp_path, "--strategy", "frozen", "--seed", 3)
    assert cli("run", SMALL, *arguments).status == 0
    spec = run_spec("frozen", seed=3)
    assert record_path(tmp_path, spec.stream, "frozen", spec.id).exists()


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("protocol.epoch=3", "did you mean 'epochs'?"),
        ("strategy.ness.epsilon=1", "did you mean 'eps'?"),
        ('strategies=["nes"]', "did you mean 'ness'?"),
        ("stream=split_digit/til", "did you mean 'split_digits/til'?"),
        ("strategy.ness.include=conv*", "matches no layer; the model has fc1, fc2"),
        ("strategy.ness.eps=0", "for example 1e-3"),
        ("strategy.ness.eps=-1", "for example 1e-3"),
        ("seeds=[1,1]", "name it once"),
        ("stream_args.valid_share=1e-6", "give a share between"),
        ("nonsense", "write it as key=value"),
    ],
)
def test_bad_input_of_a_sweep(cli: Cli, tmp_path: Path, override: str, said: str) -> None:
    assert_bad_input(cli("sweep", SMALL, "--out", tmp_path / "out", "--set", override), said)
    assert not list(tmp_path.rglob("*.json"))


def test_bad_input_of_every_command(cli: Cli, tmp_path: Path) -> None:
    absent, file = tmp_path / "absent", tmp_path / "file"
    file.write_text("mine")
    assert_bad_input(cli("sweep", absent, "--out", tmp_path), str(absent), "cannot be read")
    assert_bad_input(cli("sweep", SMALL, "--out", file), "another folder with --out")
    assert_bad_input(cli("sweep", SMALL, "--out", "/proc/nowhere"), "another folder with --out")
    assert_bad_input(cli("sweep", SMALL, "--out", tmp_path, "--workers", 0), "at least 1")
    retry = ("sweep", SMALL, "--out", tmp_path, "--retry", "fialed")
    assert_bad_input(cli(*retry), "did you mean 'failed'?")
    one = ("run", SMALL, "--out", tmp_path)
    assert_bad_input(cli(*one, "--strategy", "nes", "--seed", 1), "did you mean 'ness'?")
    assert_bad_input(cli(*one, "--strategy", "ness", "--seed", -1), "seeds")
    assert_bad_input(cli(*one, "--strategy", "ness", "--seed", 2**63), "seeds")
    assert_bad_input(cli(*one, "--strategy", 'a"]', "--seed", 1), "unknown strategy")
    assert_bad_input(cli("status", absent), "no such folder")
    for command in ("tables", "plots"):
        assert_bad_input(cli(command, absent), "no run records", "sweep")
        assert_bad_input(cli(command, tmp_path), "no run records", "sweep")
    assert file.read_text() == "mine"


def test_usage_errors_are_one_line_too(cli: Cli, tmp_path: Path) -> None:
    workers = ["sweep", SMALL, "--out", tmp_path, "--workers", "many"]
    run = ["run", SMALL, "--out", tmp_path]
    for arguments in (["sweep"], ["sweeep"], run, ["status"], ["status", "--deep"], workers):
        assert_bad_input(cli(*arguments), "--help")
    assert "sweep" in cli().out


def test_folders_that_cannot_be_written_to(cli: Cli, tmp_path: Path) -> None:
    for name in ("runs", "work"):
        out = tmp_path / f"in-the-way-of-{name}"
        out.mkdir()
        (out / name).touch()
        assert_bad_input(cli("sweep", SMALL, "--out", out), f"{name}: cannot write there", "--out")
    out = tmp_path / "results"
    run(run_spec(), out)
    for command, name in (("tables", "tables"), ("plots", "figures")):
        (out / name).touch()
        assert_bad_input(cli(command, out), f"{out / name}", "cannot be written")


def test_status_of_an_empty_folder(cli: Cli, tmp_path: Path) -> None:
    assert_bad_input(cli("status", tmp_path), "no results folder", "--out")
    (tmp_path / "runs").mkdir()
    answer = cli("status", tmp_path)
    assert (answer.status, answer.out) == (0, "no records yet\n")


def test_a_failed_run_gives_1_and_a_row(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(baselines.load("ness"), "begin_task", fail)
    answer = cli("sweep", SMALL, "--out", tmp_path)
    assert answer.status == 1
    assert answer.out == "1 failed, 1 finished\n"
    assert "Traceback" not in answer.err
    answer = cli("status", tmp_path)
    assert answer.status == 0
    assert "RuntimeError: boom" in answer.out
    answer = cli("tables", tmp_path)
    assert answer.status == 0
    assert "ness" in answer.out
    answer = cli("plots", tmp_path)
    assert answer.status == 0
    assert answer.err == "note: split_digits/til: ness not drawn (no finished run)\n"


def test_a_diverged_run_gives_1(cli: Cli, tmp_path: Path) -> None:
    answer = cli("sweep", SMALL, "--out", tmp_path, "--set", "optimizer.lr=1e20")
    assert answer.status == 1
    assert answer.out == "2 diverged\n"


def test_a_damaged_record_is_named_and_the_rest_is_still_shown(cli: Cli, tmp_path: Path) -> None:
    good, bad = run_spec("naive"), run_spec("ness")
    run(good, tmp_path)
    run(bad, tmp_path)
    path = record_path(tmp_path, bad.stream, "ness", bad.id)
    path.write_bytes(path.read_bytes()[:300])
    for command in ("status", "tables", "plots"):
        answer = cli(command, tmp_path)
        assert_bad_input(answer, str(path), "damaged record", "the next sweep repeats the run")
        assert answer.out
    assert "naive" in cli("status", tmp_path).out
    assert list((tmp_path / "tables").glob("*.md"))
    assert list((tmp_path / "figures").glob("*.pdf"))
    assert path.exists(), "looking changes nothing"
    assert cli("sweep", SMALL, "--out", tmp_path).status == 0
    assert cli("tables", tmp_path).status == 0


def test_ctrl_c_gives_130_and_says_how_to_go_on(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(WorkDir, "add_epoch", interrupt)
        answer = cli("sweep", SMALL, "--out", tmp_path)
    assert answer.status == 130
    assert answer.err.splitlines() == [
        "stopped; the same command goes on from the last finished task"
    ]
    assert cli("sweep", SMALL, "--out", tmp_path).status == 0


@pytest.mark.parametrize("command", ["status", "tables", "plots", "--help"])
def test_looking_at_results_imports_no_torch(tmp_path: Path, command: str) -> None:
    run(run_spec(), tmp_path)
    script = (
        "import sys\nfrom benchmarks.cli.app import main\n"
        "try:\n    main()\nexcept SystemExit as ended:\n    assert not ended.code, ended.code\n"
        "assert not {'torch', 'avalanche', 'torchvision'} & set(sys.modules)"
    )
    arguments = [command] if command == "--help" else [command, str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_bad_input_through_the_real_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "sweep", str(SMALL), "--out", str(tmp_path)]
    done = subprocess.run(
        [*command, "--set", "strategy.ness.eps=0"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: strategy.ness: eps = 0")
    assert done.stdout == ""


def test_a_home_that_cannot_be_written_to_is_no_obstacle(tmp_path: Path) -> None:
    command = ["run", SMALL, "--strategy", "naive", "--seed", "1", "--out", tmp_path / "out"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *map(str, command), "--set", "protocol.epochs=1"],
        env={**os.environ, "HOME": "/proc"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (0, "1 finished\n"), done.stderr


def test_status_does_not_call_a_finished_run_interrupted(cli: Cli, tmp_path: Path) -> None:
    record = run(run_spec("naive"), tmp_path)
    # Killed between writing the record and deleting the checkpoint.
    WorkDir(tmp_path, record.id).checkpoint.touch()
    naive, summary = cli("status", tmp_path).out.splitlines()[-2:]
    assert naive.split()[2:] == ["1"]
    assert summary == "1/1 runs"


CACHE_KEYS = {"NESS_DATA", "XDG_CACHE_HOME"}


def test_data_sets_stay_where_they_were_when_the_home_cannot_be_written_to(tmp_path: Path) -> None:
    """Avalanche dies without a home folder, so that another one is made; it is removed again."""
    script = (
        "import os; from benchmarks.data import data_folder\n"
        "from benchmarks.prepare import prepare_process\n"
        "prepare_process(); print(data_folder(None), os.environ['HOME'])"
    )
    env = {key: value for key, value in os.environ.items() if key not in CACHE_KEYS}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=env | {"HOME": "/proc", "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    data, home = done.stdout.split()
    assert data == "/proc/.cache/ness-cl/data"
    assert Path(home).parent == tmp_path
    assert list(tmp_path.iterdir()) == []
