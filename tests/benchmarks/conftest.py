"""Folders in which the tests of the data cache put their stand-ins for data sets."""

from __future__ import annotations

from pathlib import Path

import pytest
from cifar_files import Raw, make_mosaics, trust


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
