"""The real images of shared/data, all six sets of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cifar_files import shared_data

from benchmarks import data
from benchmarks.data import cache

REAL = shared_data()
pytestmark = pytest.mark.skipif(
    REAL is None, reason="no shared/data beside the checkout; set SHARED_DATA to its folder"
)

SHAPES = {
    "cifar10": (8_000, 2_000, 32, 3),
    "cifar100": (50_000, 10_000, 32, 3),
    "mnist": (20_000, 10_000, 28, 1),
    "fashion_mnist": (10_000, 2_000, 28, 1),
    "notmnist": (8_204, 1_600, 28, 1),
    "miniimagenet": (6_500, 1_500, 84, 3),
}
"""Training and test images, side, channels; from the README.md there."""

PER_CLASS = {
    "cifar10": (800, 200),
    "cifar100": (500, 100),
    "fashion_mnist": (1_000, 200),
    "miniimagenet": (65, 15),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    assert REAL is not None
    report = {status.name: status for status in data.import_folder(REAL, folder)}
    assert set(report) == set(SHAPES)
    assert all(status.ok for status in report.values())
    return folder


@pytest.mark.parametrize("name", SHAPES)
def test_sizes_and_labels(folder: Path, name: str) -> None:
    arrays = data.load(name, folder)
    n_train, n_test, side, channels = SHAPES[name]
    assert arrays.train_x.shape == (n_train, side, side, channels)
    assert arrays.test_x.shape == (n_test, side, side, channels)
    classes = len(np.unique(arrays.train_y))
    for i, y in enumerate((arrays.train_y, arrays.test_y)):
        counts = np.bincount(y)
        assert len(counts) == classes == (100 if name in {"cifar100", "miniimagenet"} else 10)
        assert (counts > 0).all()
        if name in PER_CLASS:
            assert set(counts.tolist()) == {PER_CLASS[name][i]}


@pytest.mark.parametrize("name", SHAPES)
def test_the_decoded_arrays_are_those_of_the_readme(folder: Path, name: str) -> None:
    """The hashes are of images without a channel axis and of little-endian labels: same bytes."""
    assert REAL is not None
    title = name.replace("fashion_", "fashion-")
    row = next(
        line.split("|")[2:6]
        for line in (REAL / "README.md").read_text().splitlines()
        if line.startswith(f"| {title} |") and len(line) > 250
    )
    entries = cache.read_manifest(folder / name).arrays
    assert [entries[array].sha256 for array in cache.NAMES] == [cell.strip() for cell in row]


def test_cifar100_keeps_the_hash_that_runs_were_stored_with(folder: Path) -> None:
    arrays = data.load("cifar100", folder)
    assert arrays.data_hash.startswith("bb028b422afc")
    # The README's channel means of the training images, pixels / 255.
    means = arrays.train_x.mean((0, 1, 2)) / 255
    np.testing.assert_allclose(means, [0.50708, 0.48655, 0.44092], atol=1e-5)


def test_no_training_image_of_mnist_is_in_fashion_mnist(folder: Path) -> None:
    """The authors' FashionMNIST was MNIST."""
    sets = [
        {image.tobytes() for image in data.load(name, folder).train_x}
        for name in ("mnist", "fashion_mnist")
    ]
    assert not sets[0] & sets[1]


def test_a_part_of_a_set_is_called_so(folder: Path) -> None:
    said = {status.name: status.detail for status in data.listing(folder)}
    assert "a part of its 60,000 + 10,000" in said["mnist"]
    assert "a part" not in said["cifar100"]
    assert "not cached" in said["svhn"]
    assert all(status.ok for status in data.verify(folder))
