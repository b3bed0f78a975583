"""The data cache: import, and damage that is found."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cifar_files import Raw, trust
from data_checks import assert_holds, flip_last_bit, one_line

from benchmarks import data
from benchmarks.data import cache
from benchmarks.errors import BadInput


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NESS_OFFLINE", "1")


def import_fails(source: Path, folder: Path) -> str:
    """What is said of the one data set there."""
    (status,) = data.import_folder(source, folder)
    assert not status.ok
    assert "\n" not in status.detail
    return status.detail


def test_mosaics_are_imported_and_mapped(source: Path, folder: Path, mosaics: Raw) -> None:
    (status,) = data.import_folder(source, folder)
    assert status.ok
    assert status.name == "cifar100"
    assert status.detail.startswith("imported 12 + 6 images")

    arrays = data.load("cifar100", folder)
    assert_holds(arrays, mosaics)
    assert arrays.source == "mosaics"
    assert isinstance(arrays.train_x, np.memmap)
    assert not arrays.train_x.flags.writeable


def test_data_hash_covers_order(source: Path, folder: Path, mosaics: Raw, tmp_path: Path) -> None:
    data.import_folder(source, folder)
    (tmp_path / "other").mkdir()
    flipped = {name: array[::-1] for name, array in mosaics.items()}
    other = cache.store(tmp_path / "other" / "cifar100", "torchvision", flipped)
    assert other.data_hash != data.load("cifar100", folder).data_hash


def test_second_import_keeps_what_is_there(source: Path, folder: Path, mosaics: Raw) -> None:
    data.import_folder(source, folder)
    before = (folder / "cifar100" / "manifest.json").stat().st_mtime_ns
    (status,) = data.import_folder(source, folder)
    assert status.ok
    assert "already holds" in status.detail
    assert (folder / "cifar100" / "manifest.json").stat().st_mtime_ns == before


def test_import_says_what_it_skips(source: Path, folder: Path, mosaics: Raw) -> None:
    (source / "svhn").mkdir()
    (source / "things.npz").touch()
    (source / "README.md").touch()
    first, *skipped = data.import_folder(source, folder)
    assert "imported" in first.detail
    assert [status.name for status in skipped] == ["svhn", "things.npz"]
    assert all(status.ok for status in skipped)
    assert all("no data set that this version reads" in status.detail for status in skipped)


def test_old_manifests_stay_valid(source: Path, folder: Path, mosaics: Raw) -> None:
    """Those of before provenance was kept: no import is repeated, no data hash changes."""
    data.import_folder(source, folder)
    before = data.load("cifar100", folder).data_hash
    manifest = folder / "cifar100" / "manifest.json"
    content = json.loads(manifest.read_text())
    del content["files"]
    manifest.write_text(json.dumps(content))
    assert data.load("cifar100", folder).data_hash == before
    assert "already holds" in data.import_folder(source, folder)[0].detail


def test_wrong_hash_is_refused_by_file_set(
    source: Path, folder: Path, mosaics: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust(monkeypatch, {**mosaics, "test_x": mosaics["test_x"] + 1})
    said = import_fails(source, folder)
    for word in (str(source / "cifar100" / "test" / "*.webp"), "test_x", "sha256sum -c"):
        assert word in said
    with pytest.raises(cache.NotCached):
        cache.read(folder / "cifar100")


def test_damaged_and_missing_mosaics_are_named(source: Path, folder: Path, mosaics: Raw) -> None:
    damaged = source / "cifar100" / "train" / "01_thing.webp"
    content = damaged.read_bytes()
    damaged.write_bytes(content[: len(content) // 2])
    said = import_fails(source, folder)
    assert said.startswith(f"{damaged}: cannot be read as an image")
    assert "copy it again" in said
    damaged.unlink()
    said = import_fails(source, folder)
    for word in (str(damaged.parent), "0 to 2", "found 2 files"):
        assert word in said


def test_what_macos_puts_beside_mosaics_is_none(source: Path, folder: Path, mosaics: Raw) -> None:
    (source / "cifar100" / "train" / "._00_thing.webp").write_bytes(b"resource fork")
    data.import_folder(source, folder)
    assert_holds(data.load("cifar100", folder), mosaics)


def test_a_folder_with_nothing_to_import(source: Path, folder: Path) -> None:
    with pytest.raises(BadInput) as error:
        data.import_folder(source, folder)
    one_line(error, str(source), "cifar100/{train,test}/*.webp")
    with pytest.raises(BadInput) as error:
        data.import_folder(source / "nowhere", folder)
    one_line(error, str(source / "nowhere"), "no such folder")


def test_missing_data_names_files_folder_and_command(folder: Path, offline: None) -> None:
    with pytest.raises(BadInput) as error:
        data.load("cifar100", folder)
    one_line(
        error,
        f"CIFAR-100 is not in {folder}",
        "cifar-100-python.tar.gz",
        "cifar100/{train,test}/*.webp",
        f"python -m benchmarks data import FOLDER --data '{folder}'",
        f"save https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz as {folder}/cifar-100-",
        "--offline",
    )
    assert not folder.exists()


@pytest.mark.parametrize("damage", ["truncate", "remove", "header", "manifest", "shape"])
def test_a_damaged_cache_is_never_used(
    source: Path, folder: Path, mosaics: Raw, offline: None, damage: str
) -> None:
    data.import_folder(source, folder)
    file, manifest = folder / "cifar100" / "train_x.npy", folder / "cifar100" / "manifest.json"
    content = file.read_bytes()
    if damage == "truncate":
        file.write_bytes(content[:-1000])
    elif damage == "remove":
        file.unlink()
    elif damage == "header":
        file.write_bytes(b"\0" * len(content))
    elif damage == "manifest":
        manifest.write_bytes(manifest.read_bytes()[:-20])
    else:
        manifest.write_text(manifest.read_text().replace("32", "16", 1))
    with pytest.raises(BadInput) as error:
        data.load("cifar100", folder)
    one_line(error, str(manifest if damage == "manifest" else file), "data import FOLDER")

    assert "imported" in data.import_folder(source, folder)[0].detail
    assert_holds(data.load("cifar100", folder), mosaics)


def test_verify_finds_one_flipped_bit_and_import_repairs_it(
    source: Path, folder: Path, mosaics: Raw
) -> None:
    data.import_folder(source, folder)
    assert [status.ok for status in data.verify(folder)] == [True]
    file = folder / "cifar100" / "test_x.npy"
    flip_last_bit(file)
    data.load("cifar100", folder)  # a load compares sizes alone

    (status,) = data.verify(folder)
    assert not status.ok
    assert str(file) in status.detail
    data.import_folder(source, folder)
    assert_holds(data.load("cifar100", folder), mosaics)
    assert data.verify(folder)[0].ok


def test_an_unknown_name_is_refused_with_the_nearest(folder: Path) -> None:
    with pytest.raises(BadInput) as error:
        data.load("fashion-mnist", folder)
    one_line(error, "'fashion-mnist'", "did you mean 'fashion_mnist'?")
    assert not folder.exists()


def test_an_unwritable_folder_is_named(source: Path, tmp_path: Path, mosaics: Raw) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput) as error:
        data.import_folder(source, tmp_path / "file")
    one_line(error, str(tmp_path / "file"), "--data DIR or NESS_DATA")


def test_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NESS_DATA", str(tmp_path / "named"))
    assert data.data_folder(tmp_path / "given") == tmp_path / "given"
    assert data.data_folder(None) == tmp_path / "named"
    monkeypatch.setenv("NESS_DATA", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert data.data_folder(None).name == "data"


def test_a_home_of_nobody_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput) as error:
        data.data_folder(Path("~nosuchuser/data"))
    one_line(error, "--data ~nosuchuser/data: ~nosuchuser is no user's home")
    monkeypatch.setenv("NESS_DATA", "~nosuchuser")
    with pytest.raises(BadInput) as error:
        data.data_folder(None)
    one_line(error, "NESS_DATA ~nosuchuser: ", "in full")
