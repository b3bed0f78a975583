"""Folders for the stand-ins for data sets, and the figures of `make damage` and `make torture`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from cifar_files import Raw, make_mosaics, trust
from damage import summary
from phases import FIGURES

from benchmarks.executors.slurm.cluster import COMMANDS


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


@pytest.fixture
def mosaics(source: Path, monkeypatch: pytest.MonkeyPatch) -> Raw:
    arrays = make_mosaics(source)
    trust(monkeypatch, arrays)
    return arrays


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data folder"


@pytest.fixture
def fake_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Makes SLURM's commands anew as shell scripts, found before any others on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def make(**scripts: str) -> Path:
        for name in COMMANDS:
            path = folder / name
            path.write_text(f"#!/bin/sh\n{scripts.get(name, 'exit 0')}\n")
            path.chmod(0o755)
        return folder

    return make


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in [*summary(), *FIGURES]:
        terminalreporter.write_line(line)
