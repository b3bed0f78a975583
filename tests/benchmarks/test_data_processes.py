"""The data cache: crashes, and two processes at once."""

from __future__ import annotations

import multiprocessing
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cifar_files import Raw
from data_checks import assert_holds, flip_last_bit

from benchmarks import data
from benchmarks.data import cache, locks


def test_a_crash_while_storing_leaves_no_cache(
    source: Path, folder: Path, mosaics: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where a cache with one flipped bit is being replaced."""
    data.import_folder(source, folder)
    flip_last_bit(folder / "cifar100" / "test_x.npy")
    save, calls = np.save, []

    def crash(file: Any, array: Any, **options: Any) -> None:
        calls.append(array)
        if len(calls) == 3:
            file.write(b"half an arr")
            raise KeyboardInterrupt
        save(file, array, **options)

    monkeypatch.setattr(np, "save", crash)
    with pytest.raises(KeyboardInterrupt):
        data.import_folder(source, folder)
    with pytest.raises(cache.NotCached):
        cache.read(folder / "cifar100")

    monkeypatch.setattr(np, "save", save)
    data.import_folder(source, folder)
    assert_holds(data.load("cifar100", folder), mosaics)
    assert not list((folder / "cifar100").glob(".*"))


def test_two_processes_importing_at_once(source: Path, folder: Path, mosaics: Raw) -> None:
    context = multiprocessing.get_context("fork")  # children keep the patched hashes
    start, results = context.Barrier(2), context.Queue()

    def work() -> None:
        start.wait()
        results.put(data.import_folder(source, folder)[0].detail)

    children = [context.Process(target=work) for _ in range(2)]
    for child in children:
        child.start()
    details = sorted(results.get(timeout=60) for _ in children)
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0, 0]
    assert details[0].startswith("imported")
    assert "already holds" in details[1]
    assert data.verify(folder)[0].ok
    assert_holds(data.load("cifar100", folder), mosaics)


def test_a_wait_for_another_process_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(locks, "PATIENCE_S", 0.05)
    context = multiprocessing.get_context("fork")
    held, release = context.Event(), context.Event()

    def hold() -> None:
        with locks.locked(folder / "cifar100"):
            held.set()
            release.wait(60)

    child = context.Process(target=hold)
    child.start()
    assert held.wait(60)
    timer = threading.Timer(0.4, release.set)
    timer.start()
    with locks.locked(folder / "cifar100"):
        assert release.is_set()
    child.join(60)
    said = capfd.readouterr().err
    assert said.count("\n") == 1
    assert f"waiting for another process that is writing {folder / 'cifar100'}" in said
    with locks.locked(folder / "cifar100"):
        pass
    assert capfd.readouterr().err == ""
