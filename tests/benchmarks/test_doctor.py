"""``doctor``: what it finds where things are right, missing, broken, hanging or read-only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.cli import app as cli
from benchmarks.doctor import compute, packages, places
from benchmarks.doctor.checks import Check, note, off, ok, render
from benchmarks.doctor.children import try_imports
from benchmarks.doctor.command import main
from benchmarks.doctor.compute import check_cuda, check_numpy, check_precision, check_threads
from benchmarks.doctor.data_sets import check_data
from benchmarks.doctor.project import ROOT, read_project, within
from benchmarks.errors import BadInput

PROJECT = read_project()
MODULES = packages.to_import(PROJECT)
FINE = {name: {"error": "", "seconds": 0.0} for name in MODULES}
TORCH = {
    "threads": 1,
    "cuda": "13.0",
    "devices": [],
    "cuda_warning": "",
    "cuda_error": "",
    "bf16": ["cpu"],
    "numpy_error": "",
}


def doctor(*words: object, python: tuple[str, ...] = (), **environment: object) -> tuple[int, str]:
    """Exit status and report of the command in a process of its own."""
    done = subprocess.run(
        [sys.executable, *python, "-m", "benchmarks", "doctor", *map(str, words)],
        cwd=ROOT,
        env={**os.environ, **{name: str(value) for name, value in environment.items()}},
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def by_name(report: str) -> dict[str, tuple[str, str]]:
    """Verdict and text of each check of a report, whose columns have to be aligned."""
    *lines, _ = report.splitlines()
    column = next(i for i in range(8, 99) if all(line[i - 2 : i] == "  " for line in lines))
    found = {line[6:column].strip(): (line[:4].strip(), line[column:]) for line in lines}
    assert len(found) == len(lines)
    assert {verdict for verdict, _ in found.values()} <= {"ok", "note", "off"}
    assert all("; " in text for verdict, text in found.values() if verdict == "off")
    return found


def stand_ins(folder: Path, **broken: str) -> Path:
    """A folder for PYTHONPATH with every module that is tried: empty ones, and ``broken`` ones."""
    torch = """
class cuda:
    is_available = staticmethod(lambda: False)
class version:
    cuda = None
get_num_threads = lambda: 1
"""
    folder.mkdir()
    for name in MODULES:
        source = broken.get(name, torch if name == "torch" else "")
        (folder / f"{name}.py").write_text(source)
    return folder


def test_nothing_is_off_here_even_with_a_read_only_home_and_nothing_connects(tmp_path):
    watch = tmp_path / "watch"
    watch.mkdir()
    (tmp_path / "sockets").write_text("")
    (watch / "sitecustomize.py").write_text(
        "import sys\n"
        "def hook(event, arguments):\n"
        "    if event.startswith('socket.'):\n"
        f"        open({str(tmp_path / 'sockets')!r}, 'a').write(event + chr(10))\n"
        "sys.addaudithook(hook)\n"
        f"open({str(tmp_path / 'watched')!r}, 'a').write('x')\n"
    )
    out = tmp_path / "out"
    status, report = doctor(
        "--out", out, "--data", tmp_path / "none", HOME="/proc/xx", PYTHONPATH=watch
    )
    assert status == 0, report
    found = by_name(report)
    for requirement in PROJECT.needed:
        assert found[requirement.name][0] in ("ok", "note")
    assert "imported in" in found["torch"][1]
    assert found["home folder"][0] == "note"
    assert "/proc/xx" in found["home folder"][1]
    verdict, text = found["data cifar10"]
    assert verdict == "note"
    assert f"data fetch cifar10 --data {tmp_path / 'none'}" in text
    assert "data list" in found["data miniimagenet"][1]
    assert not out.exists()
    assert len((tmp_path / "watched").read_text()) == 3
    # Importing urllib3, which avalanche does, binds one to ::1 to see whether there is IPv6.
    made = set((tmp_path / "sockets").read_text().split())
    assert made <= {"socket.__new__", "socket.bind", "socket.gethostname"}


def test_it_runs_on_a_python_without_any_package(tmp_path):
    status, report = doctor("--out", tmp_path, python=("-S",))
    assert status == 1
    found = by_name(report)
    for requirement in PROJECT.needed:
        verdict, text = found[requirement.name]
        assert verdict == "off"
        assert text.startswith("not installed; run: ")
        assert "-m pip install -c constraints.txt" in text
    assert found["extra gem"][0] == "note"
    assert "quadprog" in found["extra gem"][1]


def test_what_is_broken_to_import_is_reported_and_the_rest_goes_on(tmp_path):
    folder = stand_ins(
        tmp_path / "stand-ins",
        torch="import os; os.abort()",
        avalanche="raise SystemExit(3)",
        typer="print('noise'); raise OSError('two\\nlines')",
        quadprog="import os; os._exit(0)",
    )
    status, report = doctor("--out", "/proc/xx", "--data", tmp_path, PYTHONPATH=folder)
    assert status == 1
    found = by_name(report)
    assert "SIGABRT" in found["torch"][1]
    assert f"SystemExit: 3 ({folder / 'avalanche.py'})" in found["avalanche-lib"][1]
    assert f"OSError: two lines ({folder / 'typer.py'})" in found["typer"][1]
    assert "the process ended with status 0" in found["extra gem"][1]
    assert found["scipy"][0] in ("ok", "note")
    assert found["results folder"][0] == "off"
    assert "--force-reinstall" in found["torch"][1]
    # Stand-ins for pydantic and numpy are empty, so that the data module cannot be imported.
    assert found["data folder"][0] == "off"
    assert "ModuleNotFoundError" in found["data folder"][1]
    assert {name for name, (verdict, _) in found.items() if verdict == "off"} == {
        *("torch", "avalanche-lib", "typer", "extra gem", "extra dev"),
        *("results folder", "data folder"),
    }


def test_a_hanging_import_is_given_up_and_the_next_is_tried(tmp_path, monkeypatch):
    (tmp_path / "hanging_one.py").write_text("import time; time.sleep(600)")
    (tmp_path / "sound_one.py").write_text("")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    results = try_imports(["hanging_one", "sound_one"], patience=8)
    assert results["hanging_one"]["error"].startswith("still at it after")
    assert results["sound_one"]["error"] == ""
    results = try_imports(["hanging_one", "sound_one"], patience=3)
    assert results["sound_one"]["error"] == "not tried, the others hang"


def test_imports_leave_the_home_folder_alone(tmp_path, monkeypatch):
    (tmp_path / "writes_home.py").write_text(
        "from pathlib import Path; (Path.home() / 'written').write_text('x')"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert try_imports(["writes_home"])["writes_home"]["error"] == ""
    assert not (tmp_path / "written").exists()


def needed(monkeypatch: pytest.MonkeyPatch, name: str, version: str | None) -> Check:
    real = packages.version
    monkeypatch.setattr(packages, "version", lambda one: version if one == name else real(one))
    return next(one for one in packages.check_needed(PROJECT, FINE) if one.name == name)


@pytest.mark.parametrize(
    ("name", "version", "verdict", "said"),
    [
        ("avalanche-lib", "0.5.0", "off", "avalanche-lib==0.6.0 is needed"),
        ("avalanche-lib", "0.6.0.post1", "off", "avalanche-lib==0.6.0 is needed"),
        ("avalanche-lib", "0.6.0", "ok", "0.6.0"),
        ("torch", "2.3.1+cu121", "off", "torch>=2.4 is needed"),
        ("torch", "2.5.0a0+gitabc", "ok", "2.5.0a0"),
        ("pandas", "garbage", "off", "pandas>=2.2 is needed"),
        ("scipy", "1.11.0", "note", f"stored results are of {PROJECT.pins['scipy']}"),
        ("scipy", PROJECT.pins["scipy"], "ok", ""),
        ("scipy", None, "off", "not installed"),
    ],
)
def test_versions(monkeypatch, name, version, verdict, said):
    check = needed(monkeypatch, name, version)
    assert check.verdict == verdict
    assert said in check.found
    assert (check.way == "") == (verdict == "ok")


@pytest.mark.filterwarnings("ignore:Setuptools is replacing distutils")
def test_without_packaging_pips_own_serves_and_without_either_nothing_is_judged(monkeypatch):
    monkeypatch.setitem(sys.modules, "packaging.specifiers", None)
    assert within("2.3", ">=2.4") is False
    assert within("2.4", ">=2.4") is True
    monkeypatch.setitem(sys.modules, "pip._vendor.packaging.specifiers", None)
    assert within("2.3", ">=2.4") is None
    check = needed(monkeypatch, "torch", "2.3")
    assert check.verdict == "note"
    assert "packaging" in check.way


def test_python_is_held_against_pyproject(monkeypatch):
    assert packages.check_python(PROJECT).verdict == "ok"
    monkeypatch.setattr(packages.platform, "python_version", lambda: "3.10.9")
    check = packages.check_python(PROJECT)
    assert check.verdict == "off"
    assert ">=3.11" in check.way


def test_extras(monkeypatch):
    found = {check.name: check for check in packages.check_extras(PROJECT, FINE)}
    assert set(found) == {f"extra {name}" for name in PROJECT.extras}
    assert {"extra vit", "extra gem", "extra dev"} <= set(found)
    failed = {**FINE, "timm": {"error": "OSError: no"}}
    found = {check.name: check for check in packages.check_extras(PROJECT, failed)}
    assert found["extra vit"].verdict == "off"
    assert "timm" in found["extra vit"].found


def test_the_needed_are_those_of_pyproject():
    names = [requirement.name for requirement in PROJECT.needed]
    assert names[:2] == ["torch", "avalanche-lib"]
    assert "scikit-learn" in names
    assert "bench" not in PROJECT.extras
    assert PROJECT.pins["avalanche-lib"] == "0.6.0"


def test_a_project_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    for text in ("", "[project", "[project]\ndependencies = ['?']"):
        (tmp_path / "pyproject.toml").write_text(text)
        with pytest.raises(BadInput, match="git clone"):
            read_project(tmp_path)
    monkeypatch.setitem(sys.modules, "tomllib", None)
    with pytest.raises(BadInput, match=r"older than 3\.11.*python3\.11"):
        read_project()


@pytest.mark.parametrize(
    ("change", "driver", "verdict", "said"),
    [
        ({}, "", "note", "no GPU here: runs use the CPU"),
        ({"cuda": None}, "", "ok", "without CUDA"),
        ({"cuda": None}, "580.1", "note", "idle"),
        ({"devices": ["H100"]}, "580.1", "ok", "driver 580.1: H100"),
        ({"cuda_warning": "driver too old"}, "470.1", "off", "driver too old"),
        ({"devices": ["K80"], "cuda_error": "no kernel image"}, "470.1", "off", "no kernel image"),
    ],
)
def test_cuda(monkeypatch, change, driver, verdict, said):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    check = check_cuda({**TORCH, **change}, driver)
    assert check.verdict == verdict
    assert said in check.found


def test_hidden_gpus_are_no_fault(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert check_cuda(TORCH, "580.1").verdict == "note"


def test_the_precision_that_auto_is():
    assert check_precision(TORCH).found == "'auto' is bf16 on cpu"
    found = check_precision({**TORCH, "devices": ["H100"]}).found
    assert found == "'auto' is bf16 on cpu, fp32 on cuda"


def test_torch_without_numpy():
    assert check_numpy(TORCH).verdict == "ok"
    check = check_numpy({**TORCH, "numpy_error": "RuntimeError: Numpy is not available"})
    assert check.verdict == "off"
    assert "numpy" in check.way


@pytest.mark.parametrize(
    ("omp", "mkl", "workers", "torch_threads", "verdict"),
    [
        ("1", "1", 4, 1, "ok"),
        ("1", "1", 5, 1, "note"),
        ("2", None, 2, 1, "ok"),
        ("2,1", None, 3, 1, "note"),
        (None, "8", 1, 1, "note"),
        (None, None, 1, 8, "note"),
        (None, None, 1, None, "ok"),
        ("all", None, 1, 1, "off"),
        ("0", None, 1, 1, "off"),
    ],
)
def test_threads(monkeypatch, omp, mkl, workers, torch_threads, verdict):
    monkeypatch.setattr(compute.os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    for variable, value in (("OMP_NUM_THREADS", omp), ("MKL_NUM_THREADS", mkl)):
        if value is None:
            monkeypatch.delenv(variable, raising=False)
        else:
            monkeypatch.setenv(variable, value)
    check = check_threads(workers, torch_threads)
    assert check.verdict == verdict
    assert "4 cores" in check.found or verdict == "off"
    assert (check.way == "") == (verdict == "ok")


def test_folders_are_probed_and_not_made(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "dangling").symlink_to(tmp_path / "gone")
    for bad in ("/proc/xx", tmp_path / "file", tmp_path / "file" / "below", tmp_path / "dangling"):
        check = places.check_folder("results folder", Path(bad), 0.0, "take another")
        assert (check.verdict, check.way) == ("off", "take another")
    new = tmp_path / "a" / "b"
    assert "can be made" in places.check_folder("results folder", new, 0.0, "").found
    assert "writable" in places.check_folder("results folder", tmp_path, 0.0, "").found
    assert places.check_folder("results folder", tmp_path, 1e9, "make room").verdict == "note"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dangling", "file"]


def test_a_folder_elsewhere_is_no_checkout(tmp_path):
    assert places.check_checkout().verdict == "ok"
    assert places.check_checkout(tmp_path).verdict == "off"
    (tmp_path / "benchmarks" / "specs").mkdir(parents=True)
    (tmp_path / "benchmarks" / "specs" / "demo.toml").write_text("")
    assert "ness is imported from" in places.check_checkout(tmp_path).found


def test_git_and_temporary_files(monkeypatch):
    monkeypatch.setattr(places, "git_state", lambda: ("0123456789abcdef", True))
    assert "0123456789ab, with changes" in places.check_git().found
    monkeypatch.setattr(places, "git_state", lambda: (None, None))
    assert places.check_git().verdict == "note"
    monkeypatch.setenv("PATH", "/proc/xx")
    assert places.check_git().way == "install git"
    monkeypatch.setattr(places.tempfile, "gettempdir", lambda: Path("/proc/xx").touch())
    assert places.check_temporary().verdict == "off"


def test_data_of_a_damaged_cache_and_of_no_user(tmp_path):
    (tmp_path / "svhn").mkdir()
    (tmp_path / "svhn" / "manifest.json").write_text(json.dumps({"schema": "other"}))
    found = {check.name: check for check in check_data(tmp_path)}
    assert found["data folder"].verdict == "ok"
    assert found["data svhn"].verdict == "note"
    assert "manifest.json" in found["data svhn"].found
    (check,) = check_data(Path("~nobody-of-that-name/x"))
    assert check.verdict == "off"
    assert "no user's home" in check.found


def test_render_counts_and_keeps_each_check_on_its_line():
    report = render([ok("a", "fine"), note("longer", "two\nlines"), off("c", "ba\x1bd", "mend it")])
    assert report.splitlines() == [
        "ok    a       fine",
        "note  longer  two lines",
        "off   c       ba d; mend it",
        "1 off, 1 to note, of 3 checks",
    ]


@pytest.mark.parametrize("words", [["--workers", "0"], ["--workers", "x"], ["--wrokers"]])
def test_bad_options_are_one_line_through_either_entry(monkeypatch, capsys, words):
    assert main(words) == 2
    direct = capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["benchmarks", "doctor", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == direct
    assert direct.startswith("error: ")
    assert direct.count("\n") == 1
