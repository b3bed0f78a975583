"""``data fetch``, from a server on this machine: whole data sets, through the real code path."""

from __future__ import annotations

import pickle
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cifar_files import Raw, expect, make_archive
from data_checks import assert_holds, flip_last_bit
from idx_files import known
from pickle_files import make_pickles, write_zip
from typer.testing import CliRunner
from web_server import Served, Site, site

from benchmarks import data
from benchmarks.cli.data import app
from benchmarks.data import notmnist
from benchmarks.data.download import ATTEMPTS
from benchmarks.errors import BadInput


@pytest.fixture
def server() -> Iterator[Site]:
    with site() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def cifar(tmp_path: Path, server: Site, monkeypatch: pytest.MonkeyPatch) -> Raw:
    (tmp_path / "made").mkdir()
    arrays, files = make_archive(tmp_path / "made", server.url)
    expect(monkeypatch, files)
    name = files.archive.path
    server.files[name] = Served((tmp_path / "made" / name).read_bytes())
    return arrays


@pytest.fixture
def digits(tmp_path: Path, server: Site, monkeypatch: pytest.MonkeyPatch) -> dict[str, Raw]:
    arrays = known(tmp_path, monkeypatch, server.url)
    for seed, name in enumerate(arrays):
        for path in (tmp_path / f"known {seed}").iterdir():
            server.files[f"{name}/{path.name}"] = Served(path.read_bytes())
    return arrays


@pytest.fixture
def letters(tmp_path: Path, server: Site, monkeypatch: pytest.MonkeyPatch) -> Raw:
    monkeypatch.setattr(notmnist, "CLASSES", 3)
    arrays, contents = make_pickles((1, 32, 32), "features")
    archive = tmp_path / "made.zip"
    write_zip(archive, {notmnist.PICKLES[split]: content for split, content in contents.items()})
    server.files["notmnist.zip"] = Served(archive.read_bytes())
    remote = replace(notmnist.NOTMNIST.remotes[0], urls=(f"{server.url}notmnist.zip",))
    fake = replace(notmnist.NOTMNIST, remotes=(remote,))
    monkeypatch.setitem(data.DATASETS, "notmnist", fake)
    for split in ("train", "test"):
        arrays[f"{split}_x"] = arrays[f"{split}_x"].transpose(0, 2, 3, 1)
    return arrays


def fetch(folder: Path, *words: str, status: int = 0) -> str:
    result = CliRunner().invoke(app, ["fetch", *words, "--data", str(folder)])
    assert result.exit_code == status, result.output
    return result.stdout


def test_fetch(
    folder: Path, server: Site, cifar: Raw, digits: dict[str, Raw], letters: Raw
) -> None:
    said = fetch(folder, "cifar100", "mnist", "fashion_mnist", "notmnist").splitlines()
    assert [line.partition(":")[0] for line in said] == [
        "cifar100", "mnist", "fashion_mnist", "notmnist",
    ]  # fmt: skip
    assert f"{folder / 'cifar100'} holds 4 + 2 images of 32 x 32 x 3" in said[0]
    for name, expected in {"cifar100": cifar, "notmnist": letters, **digits}.items():
        assert_holds(data.load(name, folder), expected)
    # Nothing is left of the downloads, and nothing is asked for again.
    left = {path.name for path in folder.iterdir() if not path.name.endswith(".lock")}
    assert left == {"cifar100", "mnist", "fashion_mnist", "notmnist"}
    assert len(server.asked) == len(set(server.asked)) == 10
    fetch(folder, "cifar100", "mnist")
    assert len(server.asked) == 10


def test_a_load_fetches_too(folder: Path, cifar: Raw) -> None:
    assert_holds(data.load("cifar100", folder), cifar)


def test_an_interrupted_fetch_is_continued(
    folder: Path, server: Site, digits: dict[str, Raw]
) -> None:
    labels = "mnist/train-labels-idx1-ubyte.gz"
    server.files[labels].cuts = [10] + [0] * (ATTEMPTS - 1)
    said = fetch(folder, "mnist", status=1)
    assert f"{server.url}{labels}: it ended after 10 of" in said
    server.asked.clear()
    fetch(folder, "mnist")
    assert_holds(data.load("mnist", folder), digits["mnist"])
    images = "mnist/train-images-idx3-ubyte.gz"
    assert (labels, "bytes=10-") in server.asked
    assert images not in {name for name, _ in server.asked}


def test_a_mirror_stands_in(
    folder: Path, server: Site, digits: dict[str, Raw], monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = data.DATASETS["mnist"]
    remotes = tuple(
        replace(remote, urls=(f"{server.url}gone/", *remote.urls)) for remote in dataset.remotes
    )
    monkeypatch.setitem(data.DATASETS, "mnist", replace(dataset, remotes=remotes))
    fetch(folder, "mnist")
    assert_holds(data.load("mnist", folder), digits["mnist"])
    assert ("gone/", None) in server.asked


def test_one_that_cannot_be_had_does_not_stop_the_others(
    folder: Path, server: Site, cifar: Raw, digits: dict[str, Raw]
) -> None:
    server.files["cifar-100-python.tar.gz"].content += b"x"
    first, second = fetch(folder, "cifar100", "mnist", status=1).splitlines()
    for word in (
        f"CIFAR-100 is not in {folder}",
        "cannot be downloaded",
        f"{server.url}cifar-100-python.tar.gz: what it sent has the md5",
        f"save {server.url}cifar-100-python.tar.gz as {folder / 'cifar-100-python.tar.gz'}",
        f"data import FOLDER --data {folder}",
    ):
        assert word in first
    assert "mnist holds" in second
    assert not list(folder.glob(".*.download"))


def test_a_damaged_archive_without_checksum_is_not_taken_twice(
    folder: Path, server: Site, letters: Raw
) -> None:
    good = server.files["notmnist.zip"].content
    server.files["notmnist.zip"].content = good[:-100]
    said = fetch(folder, "notmnist", status=1)
    assert "what was downloaded is damaged or another file (notmnist.zip: damaged" in said
    assert f"save {server.url}notmnist.zip as {folder / 'notmnist.zip'}" in said
    assert ".download" not in said
    assert "delete it" not in said
    server.files["notmnist.zip"].content = good
    fetch(folder, "notmnist")
    assert_holds(data.load("notmnist", folder), letters)


def test_a_download_that_its_reader_trips_over_is_not_taken_twice(
    folder: Path, server: Site, letters: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trip(*args: object, **options: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr(notmnist, "read_pickle", trip)
        with pytest.raises(ZeroDivisionError):
            data.load("notmnist", folder)
    assert not list(folder.glob(".*.download"))
    fetch(folder, "notmnist")
    assert len(server.asked) == 2


def test_ragged_labels_are_not_taken_twice(
    folder: Path, server: Site, letters: Raw, tmp_path: Path
) -> None:
    good = server.files["notmnist.zip"].content
    ragged = pickle.dumps({"features": letters["train_x"], "labels": [0, [1, 2], 0, 1, 2, 0]})
    write_zip(tmp_path / "bad.zip", dict.fromkeys(notmnist.PICKLES.values(), ragged))
    server.files["notmnist.zip"].content = (tmp_path / "bad.zip").read_bytes()
    assert "its labels are no list of numbers" in fetch(folder, "notmnist", status=1)
    server.files["notmnist.zip"].content = good
    fetch(folder, "notmnist")
    assert_holds(data.load("notmnist", folder), letters)


def test_a_fetch_hashes_what_is_there(folder: Path, cifar: Raw) -> None:
    fetch(folder, "cifar100")
    flip_last_bit(folder / "cifar100" / "test_x.npy")
    said = fetch(folder, "cifar100", status=1)
    assert f"{folder / 'cifar100' / 'test_x.npy'} is damaged" in said
    assert f"delete {folder / 'cifar100'} and fetch it again" in said


def test_all_and_names(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NESS_OFFLINE", "1")
    lines = fetch(folder, "--all", status=1).splitlines()
    assert [line.partition(":")[0] for line in lines] == list(data.DATASETS)
    for arguments in ([], ["--all", "mnist"]):
        result = CliRunner().invoke(app, ["fetch", *arguments, "--data", str(folder)])
        assert isinstance(result.exception, BadInput)
        assert "--all" in str(result.exception)
    result = CliRunner().invoke(app, ["fetch", "mnist", "mnits", "--data", str(folder)])
    assert "did you mean 'mnist'?" in str(result.exception)


@pytest.mark.parametrize("name", list(data.DATASETS))
def test_offline_opens_no_socket_and_names_everything(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setenv("NESS_OFFLINE", "")
    said = fetch(folder, name, "--offline", status=1)
    dataset = data.DATASETS[name]
    for word in (
        dataset.by_hand or "--offline",
        f"{dataset.title} is not in {folder}",
        *(f"save {dataset.remotes[0].urls[0]} as {folder / dataset.remotes[0].path}",),
        *(str(folder / remote.path) for remote in dataset.remotes),
        *(remote.urls[0] for remote in dataset.remotes),
        dataset.files,
    ):
        assert word in said
    assert not folder.exists()


def test_files_of_google_drive_are_placed_by_hand(folder: Path, server: Site) -> None:
    said = fetch(folder, "miniimagenet", status=1)
    assert "Google Drive gives them to a browser alone" in said
    assert "drive.google.com" in said
    assert str(folder / "miniimagenet" / "train.pkl") in said
    assert not folder.exists()
