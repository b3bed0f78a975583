"""A record names the commit that made it, and whether that is all there was."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from benchmarks import environment
from benchmarks.environment import git_state


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    (tmp_path / "baselines").mkdir()
    (tmp_path / "README.md").write_text("old")
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "stored.json").write_text("old")
    for command in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=n", "-c", "user.email=e", "commit", "-qm", "first"],
    ):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    return tmp_path


def test_a_clean_checkout_is_clean_with_results_in_it(checkout: Path) -> None:
    (checkout / "results" / "run.json").touch()
    (checkout / "results" / "stored.json").write_text("new")
    (checkout / "mine.py").touch()
    commit, dirty = git_state()
    assert commit is not None
    assert len(commit) == 40
    assert dirty is False


@pytest.mark.parametrize("name", ["README.md", "baselines/new one.py"])
def test_changed_files_and_new_code_are_not(checkout: Path, name: str) -> None:
    (checkout / name).write_text("new")
    assert git_state()[1] is True


def test_no_repository_is_neither(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    assert git_state() == (None, None)
