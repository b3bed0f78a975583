"""The data sets that the papers have as pickles: miniImageNet and notMNIST."""

from __future__ import annotations

import os
import pickle
import stat
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_checks import assert_holds, refused
from pickle_files import Calls, make_pickles, write_zip

from benchmarks import data
from benchmarks.data import archives, cache, mini_imagenet, notmnist


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NESS_OFFLINE", "1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def three_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notmnist, "CLASSES", 3)
    monkeypatch.setattr(mini_imagenet, "CLASSES", 3)


@pytest.mark.usefixtures("three_classes")
@pytest.mark.parametrize("place", ["zip", "zip with folders", "notmnist", "."])
def test_notmnist_of_the_papers(folder: Path, place: str) -> None:
    expected, contents = make_pickles((1, 32, 32), "features", protocol=4)
    files = {notmnist.PICKLES[split]: content for split, content in contents.items()}
    if place.startswith("zip"):
        inside = "notmnist/" if "folders" in place else ""
        junk = {"__MACOSX/._notmnist_train.pkl": b"", "__MACOSX/notmnist_train.pkl": b"junk"}
        write_zip(
            folder / "notmnist.zip", {inside + name: file for name, file in files.items()} | junk
        )
    else:
        (folder / place).mkdir(exist_ok=True)
        for name, file in files.items():
            (folder / place / name).write_bytes(file)
    arrays = data.load("notmnist", folder)
    for split in ("train", "test"):
        expected[f"{split}_x"] = expected[f"{split}_x"].transpose(0, 2, 3, 1)
    assert_holds(arrays, expected)
    assert arrays.source == "pickles"
    names = {"notmnist.zip"} if place.startswith("zip") else set(files)
    assert set(cache.read_manifest(folder / "notmnist").files) == names


@pytest.mark.usefixtures("three_classes")
@pytest.mark.parametrize("place", ["miniimagenet", "MiniImageNet"])
@pytest.mark.parametrize("kind", ["array", "lists", "floats"])
def test_miniimagenet_of_the_papers(folder: Path, place: str, kind: str) -> None:
    expected, contents = make_pickles((84, 84, 3), "images")
    (folder / place).mkdir()
    for split in ("train", "test"):
        x, y = expected[f"{split}_x"], expected[f"{split}_y"]
        if kind == "lists":
            contents[split] = pickle.dumps({"images": list(x), "labels": y.tolist()})
        elif kind == "floats":
            contents[split] = pickle.dumps({"images": x.astype("f4"), "labels": y.astype("f8")})
        (folder / place / f"{split}.pkl").write_bytes(contents[split])
    assert_holds(data.load("miniimagenet", folder), expected)


@pytest.mark.usefixtures("three_classes")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"images": np.zeros((6, 84, 84), np.uint8)}, "shape (6, 84, 84)"),
        ({"images": np.zeros((6, 32, 32, 3), np.uint8)}, "shape (6, 32, 32, 3)"),
        ({"images": np.full((6, 84, 84, 3), 0.5)}, "no whole numbers from 0 to 255"),
        ({"images": np.full((6, 84, 84, 3), 300)}, "no whole numbers from 0 to 255"),
        ({"images": np.full((6, 84, 84, 3), np.nan)}, "no whole numbers from 0 to 255"),
        ({"images": [np.zeros((84, 84, 3)), np.zeros((83, 84, 3))]}, "not of one size"),
        ({"labels": [0, 1, 2]}, "not 6 numbers"),
        ({"labels": [1, 2, 3, 1, 2, 3]}, "not 0 to 2"),
        ({"labels": [0, 1, 1, 0, 1, 1]}, "not 0 to 2"),
        ({"labels": list("abcabc")}, "not 6 numbers"),
        ({"labels": [0, [1, 2], 0, 1, 2, 0]}, "its labels are no list of numbers"),
        ({"images": np.full((6, 84, 84, 3), "a").tolist()}, "no whole numbers from 0 to 255"),
    ],
)
def test_other_contents_are_refused(folder: Path, changes: dict[str, Any], words: str) -> None:
    expected, contents = make_pickles((84, 84, 3), "images")
    (folder / "miniimagenet").mkdir()
    train = {"images": expected["train_x"], "labels": expected["train_y"], **changes}
    for split, content in (contents | {"train": pickle.dumps(train)}).items():
        (folder / "miniimagenet" / f"{split}.pkl").write_bytes(content)
    refused("miniimagenet", folder, str(folder / "miniimagenet" / "train.pkl"), words)


@pytest.mark.usefixtures("three_classes")
def test_the_images_of_notmnist_are_of_one_size(folder: Path) -> None:
    files = {}
    for size, split in ((28, "train"), (32, "test")):
        files[notmnist.PICKLES[split]] = make_pickles((1, size, size), "features")[1][split]
    write_zip(folder / "notmnist.zip", files)
    refused(
        "notmnist", folder, str(folder / "notmnist.zip"), "(28, 28) pixels in train", "(32, 32)"
    )


@pytest.mark.usefixtures("three_classes")
@pytest.mark.parametrize(
    ("name", "there", "missing", "address"),
    [
        ("miniimagenet", "miniimagenet/train.pkl", "miniimagenet/test.pkl", 1),
        ("miniimagenet", "MiniImageNet/test.pkl", "MiniImageNet/train.pkl", 0),
        ("notmnist", "notmnist_train.pkl", "notmnist_test.pkl", 0),
        ("notmnist", "notmnist/notmnist_test.pkl", "notmnist/notmnist_train.pkl", 0),
    ],
)
def test_half_of_a_pair_is_not_unknown(
    folder: Path, name: str, there: str, missing: str, address: int
) -> None:
    (folder / there).parent.mkdir(exist_ok=True)
    (folder / there).write_bytes(b"whatever")
    (status,) = data.import_folder(folder, folder.parent / "cache")
    assert not status.ok
    assert status.detail.startswith(f"{folder / missing}: does not exist")
    assert data.DATASETS[name].remotes[address].urls[0] in status.detail


@pytest.mark.usefixtures("three_classes")
def test_half_of_a_pair_is_no_matter_beside_a_whole(folder: Path) -> None:
    expected, contents = make_pickles((32, 32, 1), "features")
    files = {notmnist.PICKLES[split]: content for split, content in contents.items()}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "notmnist").mkdir()
    (folder / "notmnist" / notmnist.PICKLES["test"]).touch()
    assert_holds(data.load("notmnist", folder), expected)


@pytest.mark.usefixtures("three_classes")
def test_an_evil_pickle_in_a_zip(folder: Path) -> None:
    evil = pickle.dumps({"features": Calls(os.system, f"touch {folder / 'evil'}")})
    write_zip(folder / "notmnist.zip", dict.fromkeys(notmnist.PICKLES.values(), evil))
    refused("notmnist", folder, str(folder / "notmnist.zip"), "notmnist_train.pkl", "posix.system")
    assert not (folder / "evil").exists()


@pytest.mark.usefixtures("three_classes")
def test_no_zip_writes_elsewhere(folder: Path) -> None:
    _, contents = make_pickles((1, 32, 32), "features")
    files = {f"../{notmnist.PICKLES[split]}": content for split, content in contents.items()}
    write_zip(folder / "notmnist.zip", files | {"../outside": b"evil", "/tmp/ness evil": b"evil"})
    data.load("notmnist", folder)
    assert {path.name for path in folder.parent.iterdir()} == {"data"}
    assert not Path("/tmp/ness evil").exists()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("no zip", "damaged (File is not a zip file)"),
        ("cut", "damaged (File is not a zip file)"),
        ("flipped", "damaged (Bad CRC-32"),
        ("member", "has no member notmnist_test.pkl"),
        ("twice", "has 2 members notmnist_train.pkl"),
        ("link", "its member notmnist_train.pkl is a link or folder"),
        ("too large", "its member notmnist_train.pkl has 2,"),
    ],
)
def test_a_damaged_zip_is_named(
    folder: Path, damage: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = folder / "notmnist.zip"
    files = dict.fromkeys(notmnist.PICKLES.values(), pickle.dumps({"a": os.urandom(2000)}))
    if damage == "member":
        files.popitem()
    elif damage == "twice":
        files |= {f"copy/{name}": content for name, content in files.items()}
    elif damage == "too large":
        monkeypatch.setattr(archives, "LARGEST", 1000)
    elif damage == "link":
        with zipfile.ZipFile(archive, "w") as opened:
            link = zipfile.ZipInfo(notmnist.PICKLES["train"])
            link.external_attr = (stat.S_IFLNK | 0o777) << 16
            opened.writestr(link, "/etc/passwd")
    if damage != "link":
        write_zip(archive, files)
    content = bytearray(archive.read_bytes())
    if damage == "no zip":
        content = bytearray(b"<html>")
    elif damage == "cut":
        del content[-100:]
    elif damage == "flipped":
        content[500] ^= 1
    archive.write_bytes(content)
    address = notmnist.NOTMNIST.remotes[0].urls[0]
    refused("notmnist", folder, f"{archive}: {words}", f"delete it and get {address} again")
