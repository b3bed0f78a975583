"""Folders for the stand-ins for data sets, and the figures of `make damage` and `make torture`."""

from __future__ import annotations

from pathlib import Path

import pytest
from cifar_files import Raw, make_mosaics, trust
from damage import summary
from phases import FIGURES


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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in [*summary(), *FIGURES]:
        terminalreporter.write_line(line)
