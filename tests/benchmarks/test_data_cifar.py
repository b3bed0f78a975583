"""torchvision's files of CIFAR: its archive, the folder in it, and what passes for them."""

from __future__ import annotations

import io
import pickle
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cifar_files import expect, make_archive, make_mosaics, md5, trust, write_tar
from data_checks import assert_holds, one_line, refused

from benchmarks import data
from benchmarks.data import cache
from benchmarks.data.archives import tar_members
from benchmarks.data.cifar import CIFAR100_FILES, CifarFiles
from benchmarks.errors import BadInput


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NESS_OFFLINE", "1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def accept_archive(monkeypatch: pytest.MonkeyPatch, files: CifarFiles, archive: Path) -> None:
    digest = md5(archive.read_bytes())
    expect(monkeypatch, replace(files, archive=replace(files.archive, md5=digest)))


@pytest.mark.parametrize("unpacked", [False, True])
def test_torchvisions_cifar(folder: Path, monkeypatch: pytest.MonkeyPatch, unpacked: bool) -> None:
    expected, files = make_archive(folder)
    expect(monkeypatch, files)
    archive = folder / files.archive.path
    if unpacked:
        shutil.unpack_archive(archive, folder, filter="data")
        archive.unlink()
    arrays = data.load("cifar100", folder)
    assert_holds(arrays, expected)
    assert arrays.source == "torchvision"
    shutil.rmtree(folder / files.folder) if unpacked else archive.unlink()
    assert_holds(data.load("cifar100", folder), expected)


def test_the_whole_set_goes_before_mosaics(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trust(monkeypatch, make_mosaics(folder))
    expected, files = make_archive(folder)
    expect(monkeypatch, files)
    archive, mosaics = data.import_folder(folder, folder.parent / "cache")
    assert archive.ok
    assert "from torchvision" in archive.detail
    assert mosaics.detail == "skipped: CIFAR-100 is taken from cifar-100-python.tar.gz"
    assert_holds(data.load("cifar100", folder.parent / "cache"), expected)


def test_damaged_torchvision_files_are_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, files = make_archive(folder)
    expect(monkeypatch, files)
    archive, unpacked = folder / files.archive.path, folder / files.folder
    shutil.unpack_archive(archive, folder, filter="data")
    (unpacked / "test").write_bytes(b"damage")
    refused("cifar100", folder, f"{unpacked}: test", "md5", "delete it")
    (unpacked / "test").unlink()
    refused("cifar100", folder, str(unpacked / "test"), "unpack cifar-100-python.tar.gz again")
    shutil.rmtree(unpacked)
    archive.write_bytes(archive.read_bytes()[:-10])
    refused("cifar100", folder, str(archive), "md5", "delete it", files.archive.urls[0])


def test_provenance_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, files = make_archive(folder)
    expect(monkeypatch, files)
    data.load("cifar100", folder)
    name = files.archive.path
    digest = cache.file_digest(folder / name, "sha256")
    assert cache.read_manifest(folder / "cifar100").files == {name: digest}


@pytest.mark.parametrize("kind", ["climbing", "absolute", "link", "hard link", "link through"])
def test_no_tar_writes_or_reads_elsewhere(
    folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    _, files = make_archive(folder)
    archive, outside = folder / files.archive.path, folder.parent / "outside"
    with tarfile.open(archive) as tar:
        contents = {
            entry.name: tar.extractfile(entry).read()  # type: ignore[union-attr]
            for entry in tar
        }
    test = f"{files.folder}/test"
    with tarfile.open(archive, "w:gz") as tar:

        def add(name: str, content: bytes = b"", **attributes: Any) -> None:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            for key, value in attributes.items():
                setattr(entry, key, value)
            tar.addfile(entry, io.BytesIO(content))

        if kind == "climbing":
            add("../outside", b"evil")
        elif kind == "absolute":
            add(str(outside), b"evil")
        elif kind == "link through":
            add("way", type=tarfile.SYMTYPE, linkname="..")
            add("way/outside", b"evil")
        else:
            outside.write_bytes(contents.pop(test))
            link = tarfile.SYMTYPE if kind == "link" else tarfile.LNKTYPE
            add(test, type=link, linkname=str(outside))
        for name, content in contents.items():
            add(name, content)
    expect(
        monkeypatch, replace(files, archive=replace(files.archive, md5=md5(archive.read_bytes())))
    )
    if kind in {"link", "hard link"}:
        address = files.archive.urls[0]
        refused("cifar100", folder, str(archive), f"{test} is a link or folder", address)
    else:
        data.load("cifar100", folder)
        assert not outside.exists()
        assert {path.name for path in folder.parent.iterdir()} == {"data"}


@pytest.mark.parametrize(("copies", "words"), [(0, "has no member f/a"), (2, "2 members f/a")])
def test_a_member_of_a_tar_is_there_once(folder: Path, copies: int, words: str) -> None:
    with tarfile.open(folder / "a.tar.gz", "w:gz") as tar:
        for content in (b"1", b"22")[:copies]:
            entry = tarfile.TarInfo("f/a")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    with pytest.raises(BadInput) as error:
        tar_members(folder / "a.tar.gz", ["f/a"])
    one_line(error, f"{folder / 'a.tar.gz'}: ", words)


@pytest.mark.parametrize("damage", ["no tar", "cut"])
def test_a_broken_archive_of_the_right_md5(
    folder: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    _, files = make_archive(folder)
    archive = folder / files.archive.path
    archive.write_bytes(b"x" * 999 if damage == "no tar" else archive.read_bytes()[:-3000])
    expect(
        monkeypatch, replace(files, archive=replace(files.archive, md5=md5(archive.read_bytes())))
    )
    refused("cifar100", folder, str(archive), "damaged", "delete it")


def test_a_batch_without_labels(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "coarse_labels": [1]})
    archive = folder / CIFAR100_FILES.archive.path
    write_tar(archive, {f"cifar-100-python/{name}": batch for name in ("train", "test")})
    expect(
        monkeypatch,
        replace(
            CIFAR100_FILES,
            archive=replace(CIFAR100_FILES.archive, md5=md5(archive.read_bytes())),
            batches={split: {split: md5(batch)} for split in ("train", "test")},
        ),
    )
    refused("cifar100", folder, str(archive), "no 'fine_labels', only 'coarse_labels', 'data'")
