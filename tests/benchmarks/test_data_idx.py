"""The four files of MNIST and of Fashion-MNIST, which have the same names."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import pytest
from cifar_files import md5
from data_checks import assert_holds, refused
from idx_files import known, make_idx

from benchmarks import data
from benchmarks.data import idx, mnist
from benchmarks.errors import BadInput


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NESS_OFFLINE", "1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("place", [0, 1])
def test_idx_files(folder: Path, monkeypatch: pytest.MonkeyPatch, packed: bool, place: int) -> None:
    expected = known(folder.parent, monkeypatch)
    for seed, files in enumerate((mnist.MNIST_FILES, mnist.FASHION_FILES)):
        make_idx(folder / files.folders[place], seed, packed=packed)
        assert_holds(data.load(files.name, folder), expected[files.name])


def test_mnist_does_not_pass_for_fashion_mnist(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the authors' loader did: MNIST's files under FashionMNIST's name."""
    known(folder.parent, monkeypatch)
    make_idx(folder / "FashionMNIST" / "raw", 0)
    file = folder / "FashionMNIST" / "raw" / "train-images-idx3-ubyte.gz"
    refused("fashion_mnist", folder, str(file), "MNIST's file, put in the wrong folder")


def test_no_two_releases_of_either_share_training_images() -> None:
    digests = [
        release["train_x"]
        for releases in (mnist.MNIST_RELEASES, mnist.FASHION_RELEASES)
        for release in releases.values()
    ]
    assert len({digest.packed for digest in digests}) == len(digests)
    assert len({digest.unpacked for digest in digests}) == len(digests)


def test_damaged_missing_and_mixed_idx_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known(folder.parent, monkeypatch)
    raw = folder / "MNIST" / "raw"
    make_idx(raw, 0)
    file = raw / "t10k-labels-idx1-ubyte.gz"
    content = file.read_bytes()
    file.write_bytes(content[:-3])
    refused("mnist", folder, str(file), "no known release", "delete it")
    file.unlink()
    refused("mnist", folder, str(file), "does not exist", "all four")


def test_a_mixture_of_releases_is_refused(folder: Path) -> None:
    make_idx(folder, 0)
    make_idx(folder.parent / "other", 1)
    releases = {}
    for name, place in (("one", folder), ("other", folder.parent / "other")):
        releases[name] = {
            key: idx.Digests(md5(content), md5(gzip.decompress(content)))
            for key, file in idx.FILES.items()
            for content in [(place / f"{file}.gz").read_bytes()]
        }
    shutil.copy(folder.parent / "other" / f"{idx.FILES['test_y']}.gz", folder)
    idx.read_idx(folder, releases, {})  # the labels of both are alike
    shutil.copy(folder.parent / "other" / f"{idx.FILES['test_x']}.gz", folder)
    with pytest.raises(BadInput, match=r"not of one release \(one, other\)"):
        idx.read_idx(folder, releases, {})
