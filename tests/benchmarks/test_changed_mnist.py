"""Permuted and Rotated MNIST: the same images in every task, changed as it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fake_data import indices, labels, store
from PIL import Image

from benchmarks.errors import BadInput
from benchmarks.streams import STREAMS
from benchmarks.streams.changed_mnist import permuted
from benchmarks.streams.rotation import CHUNK, rotated
from benchmarks.streams.stream import SPLITS, Context, Stream


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    store(folder, "mnist", [20 + c % 3 for c in range(10)], [3] * 10)
    return folder


def build(data: Path, name: str, **arguments: Any) -> Stream:
    return STREAMS[name](**arguments, context=Context(data_dir=data))


@pytest.mark.parametrize("scenario", ["til", "dil"])
@pytest.mark.parametrize("stream", ["permuted_mnist", "rotated_mnist"])
def test_every_task_has_all_digits(data: Path, stream: str, scenario: str) -> None:
    made = build(data, f"{stream}/{scenario}", tasks=3)
    assert f"{stream}/cil" not in STREAMS
    assert made.heads == ([10] * 3 if scenario == "til" else [10])
    assert made.input_shape == (1, 28, 28)
    for t, task in enumerate(made.tasks):
        assert task.classes == tuple(range(10))
        assert made.outputs(t) == slice(0, 10)
        for name in SPLITS:
            split, first = getattr(task, name), getattr(made.tasks[0], name)
            assert torch.equal(split.y, first.y)
            assert set(split.task.tolist()) == {t if scenario == "til" else 0}
    first = made.tasks[0]
    assert not set(indices(first.train)) & set(indices(first.valid))
    assert labels(first.test) == first.test.y.tolist()


def test_permutations_are_the_seeds_and_the_first_task_has_none(data: Path) -> None:
    made = build(data, "permuted_mnist/dil", tasks=3, permutation_seed=5)
    generator = np.random.RandomState(5)
    base = made.tasks[0].train.x.flatten(1)
    assert torch.equal(base[:, 0] * 256 + base[:, 1], torch.tensor(indices(made.tasks[0].train)))
    for task in made.tasks[1:]:
        order = torch.from_numpy(generator.permutation(28 * 28))
        assert torch.equal(task.train.x.flatten(1), base[:, order])
    fewer = build(data, "permuted_mnist/dil", tasks=2, permutation_seed=5)
    assert torch.equal(fewer.tasks[1].test.x, made.tasks[1].test.x)
    other = build(data, "permuted_mnist/dil", tasks=2, permutation_seed=6)
    assert torch.equal(other.tasks[0].test.x, made.tasks[0].test.x)
    assert not torch.equal(other.tasks[1].test.x, made.tasks[1].test.x)


def test_permuted_keeps_channels_apart() -> None:
    images = np.arange(2 * 2 * 2 * 3, dtype=np.uint8).reshape(2, 2, 2, 3)
    found = permuted(images, torch.tensor([3, 2, 1, 0]))
    assert torch.equal(found, torch.from_numpy(images).permute(0, 3, 1, 2).flip(2, 3))


@pytest.mark.parametrize(("angle", "quarters"), [(0, 0), (90, 1), (180, 2), (270.0, 3)])
def test_angles_are_degrees_counter_clockwise(angle: float, quarters: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 28, 28, 1), dtype=np.uint8)
    expected = np.rot90(images, quarters, axes=(1, 2)).transpose(0, 3, 1, 2)
    assert np.array_equal(rotated(images, angle).numpy(), expected)


@pytest.mark.parametrize("angle", [1e-9, 18, 36.0, 45, 60, 108, 162, 200.5, -30, 400])
@pytest.mark.parametrize("shape", [(28, 28), (7, 12)])
def test_images_are_turned_as_pillow_turns_each(angle: float, shape: tuple[int, int]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (CHUNK + 40, *shape, 1), dtype=np.uint8)
    images[:100] = images[:100] // 64 * 85  # plain areas, where a sum is nearly whole
    images[100:120] = 255
    each = [Image.fromarray(i).rotate(angle, Image.Resampling.BILINEAR) for i in images[..., 0]]
    apart = np.abs(
        np.stack([np.asarray(i, int) for i in each]) - rotated(images, angle)[:, 0].numpy()
    )
    assert apart.max() <= 1
    assert np.mean(apart > 0) < 2e-3


def test_no_images_turn_into_none() -> None:
    assert rotated(np.empty((0, 28, 28, 1), np.uint8), 30).shape == (0, 1, 28, 28)


def test_angles_divide_half_a_turn_unless_they_are_given(data: Path) -> None:
    made = build(data, "rotated_mnist/til", tasks=4)
    given = build(data, "rotated_mnist/til", tasks=4, angles=[0, 45, 90, 135.0])
    assert made.split_hash == given.split_hash
    image = Image.fromarray(made.tasks[0].test.x[0, 0].numpy())
    turned = torch.from_numpy(np.array(image.rotate(45, Image.Resampling.BILINEAR)))
    assert torch.equal(made.tasks[1].test.x[0, 0], turned)
    with pytest.raises(BadInput, match=r"angles = \[0, 1\] are 2 for tasks = 4; give one a task"):
        build(data, "rotated_mnist/til", tasks=4, angles=[0, 1])


def test_the_splits_are_the_same_on_every_machine(data: Path) -> None:
    hashes = {
        "permuted_mnist/til": "21e68ac2efd26a2556ddc757d5bda697",
        "rotated_mnist/til": "857d085ebd363606249a95049b94e5e3",
    }
    for name, half in hashes.items():
        assert build(data, name, tasks=3).split_hash[:32] == half
