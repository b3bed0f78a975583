"""The picture of a stream: what the net sees, back in the colours that were stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from fake_data import store
from matplotlib.image import imread
from small_runs import make_strategy, run_spec
from typer.testing import CliRunner

from benchmarks import montage
from benchmarks.cli.data import app
from benchmarks.errors import BadInput
from benchmarks.montage import first_batch, make_stream, mosaic, title, write_montage
from benchmarks.streams.stream import Context, Stream

FOUR = ("cifar10", "mnist", "fashion_mnist", "notmnist")


@pytest.fixture
def four(tmp_path: Path) -> Stream:
    for name in FOUR:
        store(tmp_path, name, [20] * 10, [2] * 10)
    return make_stream("four_datasets/cil", [], tmp_path)


def test_the_batch_is_the_first_that_a_run_trains_on() -> None:
    strategy = make_strategy(run_spec(seed=3), [])
    for t in range(3):
        x, _, _ = next(iter(strategy.batches("train", t, train=True)))
        assert torch.equal(first_batch(strategy.stream, t, len(x), 3), x)


def test_the_pixels_are_the_stored_ones_over_255(four: Stream) -> None:
    for t, task in enumerate(four.tasks):
        shown = (first_batch(four, t, 32, 1) * 255).round().to(torch.uint8)
        stored = {image.numpy().tobytes() for image in task.train.x}
        assert len(shown) == 32
        assert {image.numpy().tobytes() for image in shown} <= stored


def test_a_mosaic_is_row_by_row_with_white_gaps() -> None:
    images = torch.arange(5.0).view(5, 1, 1, 1).expand(5, 1, 2, 3) / 10
    picture = mosaic(images)
    assert picture.shape == (1, 5, 11)
    assert torch.equal(picture[0, ::3, ::4], torch.tensor([[0, 0.1, 0.2], [0.3, 0.4, 1]]))
    assert picture[0, 2].min() == 1
    assert picture[0, :, 3].min() == 1


def test_titles_name_task_member_and_classes(four: Stream, tmp_path: Path) -> None:
    assert " ".join(title(four, 0).splitlines()) == (
        "task 1 (cifar10): airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck"
    )
    store(tmp_path, "miniimagenet", [30] * 100, [1] * 100)
    assert title(make_stream("split_miniimagenet/til", [], tmp_path), 1) == "task 2: 5, 6, 7, 8, 9"


def test_the_command_writes_the_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["show", "split_digits/til", "--set", "stream_args.tasks=2"]
    assert run(arguments).stdout == "montage-split_digits-til.png\n"
    assert imread(tmp_path / "montage-split_digits-til.png").shape[2] == 4
    assert run([*arguments, "--out", "other.svg"]).stdout == "other.svg\n"
    assert "task 2" in (tmp_path / "other.svg").read_text()
    for name in ("plain", "plain."):
        assert run([*arguments, "--out", name]).stdout == "plain.png\n"
        (tmp_path / "plain.png").unlink()


def test_a_class_order_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def classes(*overrides: str) -> list[int]:
        made = make_stream("split_digits/cil", overrides, None)
        return [label for task in made.tasks for label in task.classes]

    assert classes("class_order=per_seed", "seed=3") == Context(class_order_seed=3).class_order(10)
    assert classes("class_order=[4, 2]", "stream_args.tasks=1") == [4, 2]
    assert classes("seed=3") == list(range(10))
    seeds = []
    monkeypatch.setattr(montage, "write_montage", lambda *_, seed: seeds.append(seed))
    for overrides in ([], ["--set", "seed=3"]):
        run(["show", "split_digits/til", *overrides, "--out", str(tmp_path / "a.png")])
    assert seeds == [1, 3]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["split_digit/til"], "unknown stream 'split_digit/til'; did you mean 'split_digits/til'"),
        (["split_digits/til", "--set", "stream_args.task=2"], "stream_args.task; did you mean"),
        (["split_digits/til", "--set", "sed=2"], "--set: unknown key 'sed'; did you mean 'seed'"),
        (["split_digits/til", "--set", "stream_args=5"], "--set: stream_args: .* dictionary"),
        (["split_digits/til", "--set", "class_order=random"], "class_order: 'random': write"),
        (["split_digits/til", "--set", "class_order=[]"], "class_order: .*a list of class"),
        (["split_digits/til", "--out", ""], "--out '.' is a folder; give a FILE"),
        (["split_digits/til", "--out", "."], "--out '.' is a folder; give a FILE"),
        (["split_digits/til", "--out", "nowhere/a.png"], "nowhere/a.png: cannot be written"),
        (["split_digits/til", "--out", "a.xyz"], "a.xyz: cannot be written .*give another --out"),
    ],
)
def test_what_cannot_be_shown(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match=words):
        run(["show", *arguments])


def test_vectors_are_no_images(tmp_path: Path) -> None:
    samples = {f"{split}_x": torch.zeros(8, 6) for split in ("train", "test")}
    labels = {f"{split}_y": torch.arange(8) % 2 for split in ("train", "test")}
    torch.save(samples | labels, tmp_path / "own.pt")
    keys = {"file": f"'{tmp_path}/own.pt'", "tasks": 1, "classes_per_task": 2, "valid_share": 0.5}
    overrides = [f"stream_args.{key}={value}" for key, value in keys.items()]
    with pytest.raises(BadInput, match=r"samples of shape \(6,\) are no images"):
        write_montage(make_stream("from_tensors/til", overrides, None), tmp_path / "a.png")


def run(arguments: list[str]) -> Any:
    return CliRunner().invoke(app, arguments, catch_exceptions=False)
