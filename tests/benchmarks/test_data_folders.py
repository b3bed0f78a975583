"""SVHN, folders of images, and whether addresses and checksums are torchvision's."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cifar_files import Raw, md5
from data_checks import assert_holds, refused
from PIL import Image
from scipy.io import savemat

from benchmarks import data
from benchmarks.data import mini_imagenet, mnist, notmnist
from benchmarks.data.cifar import CIFAR10_FILES, CIFAR100_FILES
from benchmarks.data.svhn import SVHN_FILES


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NESS_OFFLINE", "1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def make_svhn(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Raw:
    folder.mkdir(exist_ok=True)
    generator, arrays, remotes = np.random.default_rng(0), {}, {}
    for split, n in (("train", 20), ("test", 11)):
        x = generator.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)
        y = np.arange(n) % 10
        path = folder / f"{split}_32x32.mat"
        stored = np.where(y == 0, 10, y).astype(np.uint8).reshape(-1, 1)
        savemat(path, {"X": x.transpose(1, 2, 3, 0), "y": stored}, do_compression=True)
        remotes[split] = replace(getattr(SVHN_FILES, split), md5=md5(path.read_bytes()))
        arrays |= {f"{split}_x": x, f"{split}_y": y}
    monkeypatch.setitem(data.DATASETS, "svhn", replace(SVHN_FILES, **remotes).data_set())
    return arrays


@pytest.mark.parametrize("place", [".", "svhn", "SVHN"])
def test_svhn(folder: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    expected = make_svhn(folder / place, monkeypatch)
    assert_holds(data.load("svhn", folder), expected)
    status, *_ = data.import_folder(folder, folder.parent / "cache")
    assert status.ok
    assert status.name == "svhn"


def test_damaged_and_missing_svhn(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_svhn(folder, monkeypatch)
    (folder / "test_32x32.mat").write_bytes(b"damage")
    refused("svhn", folder, str(folder / "test_32x32.mat"), "md5", SVHN_FILES.test.urls[0])
    (folder / "test_32x32.mat").unlink()
    refused("svhn", folder, str(folder / "test_32x32.mat"), SVHN_FILES.test.urls[0])


def make_images(folder: Path, size: int, mode: str) -> Raw:
    """Lossless images of two classes, written in another order than that of their names."""
    generator, arrays = np.random.default_rng(0), {}
    for split, n in (("train", 3), ("test", 2)):
        shape = (2, n, size, size, 3) if mode == "RGB" else (2, n, size, size)
        x = generator.integers(0, 256, shape, dtype=np.uint8)
        for label in (1, 0):
            place = folder / split / "ab"[label]
            place.mkdir(parents=True)
            for i in range(n)[::-1]:
                Image.fromarray(x[label, i]).save(place / f"{i}.png")
        arrays[f"{split}_x"] = x.reshape(2 * n, size, size, -1)
        arrays[f"{split}_y"] = np.repeat([0, 1], n)
    return arrays


@pytest.mark.parametrize(
    ("name", "module", "size", "mode"),
    [("miniimagenet", mini_imagenet, 84, "RGB"), ("notmnist", notmnist, 28, "L")],
)
def test_folders_of_images(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, module: Any, size: int, mode: str
) -> None:
    monkeypatch.setattr(module, "CLASSES", 2)
    expected = make_images(folder / name, size, mode)
    (folder / name / "train" / ".DS_Store").touch()
    (folder / name / "train" / "notes").mkdir()
    arrays = data.load(name, folder)
    assert_holds(arrays, expected)
    assert arrays.source == "images"


def test_folders_that_do_not_fit_are_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notmnist, "CLASSES", 2)
    place = folder / "notmnist"
    make_images(place, 28, "L")
    damaged, other_size = place / "train" / "a" / "1.png", place / "train" / "b" / "9.png"
    content = damaged.read_bytes()
    damaged.write_bytes(b"")
    refused("notmnist", folder, str(damaged), "cannot be read as an image", "delete it")
    damaged.write_bytes(content)
    Image.fromarray(np.zeros((20, 28), np.uint8)).save(other_size)
    refused("notmnist", folder, str(other_size), "28 x 20 pixels", "28 x 28")
    other_size.unlink()
    shutil.rmtree(place / "test" / "b")
    refused("notmnist", folder, str(place / "test"), "1 folders", "2 classes")


def test_addresses_and_checksums_are_torchvisions() -> None:
    datasets = pytest.importorskip("torchvision.datasets")
    for kind, files in ((datasets.CIFAR10, CIFAR10_FILES), (datasets.CIFAR100, CIFAR100_FILES)):
        assert (kind.url,) == files.archive.urls
        assert (kind.filename, kind.tgz_md5) == (files.archive.path, files.archive.md5)
        assert kind.base_folder == files.folder
        assert dict(kind.train_list) == files.batches["train"]
        assert dict(kind.test_list) == files.batches["test"]
    for kind, known_files in (
        (datasets.MNIST, mnist.MNIST_FILES),
        (datasets.FashionMNIST, mnist.FASHION_FILES),
    ):
        assert tuple(kind.mirrors) == known_files.mirrors
        remotes = known_files.data_set().remotes
        root = known_files.folders[0]
        assert [(f"{root}/{name}", digest) for name, digest in kind.resources] == [
            (remote.path, remote.md5) for remote in remotes
        ]
        assert root == f"{kind.__name__}/raw"
    for split, remote in (("train", SVHN_FILES.train), ("test", SVHN_FILES.test)):
        assert datasets.SVHN.split_list[split] == [*remote.urls, remote.path, remote.md5]
