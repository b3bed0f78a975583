"""``data import | verify | list``: what they print, and their statuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from cifar_files import Raw
from data_checks import one_line
from typer.testing import CliRunner

from benchmarks import data
from benchmarks.cli.data import app
from benchmarks.errors import BadInput


def invoke(folder: Path, *words: str, status: int = 0) -> list[str]:
    """The lines that a command prints."""
    result = CliRunner().invoke(app, [*words, "--data", str(folder)])
    assert result.exit_code == status, result.output
    lines: list[str] = result.stdout.splitlines()
    return lines


def test_commands(source: Path, folder: Path, mosaics: Raw) -> None:
    folder.mkdir()
    assert invoke(folder, "verify") == [f"nothing is cached in {folder}"]
    assert "not cached" in invoke(folder, "list")[1]
    assert "imported 12 + 6 images" in invoke(folder, "import", str(source))[0]
    assert "from mosaics" in "".join(invoke(folder, "list"))
    assert "intact" in invoke(folder, "verify")[0]
    file = folder / "cifar100" / "train_y.npy"
    file.write_bytes(file.read_bytes()[:-8])
    (line,) = invoke(folder, "verify", status=1)
    assert f"'python -m benchmarks data import FOLDER --data '{folder}'' replaces it" in line


@pytest.mark.usefixtures("mosaics")
def test_an_import_goes_on_after_a_damaged_set(source: Path, folder: Path) -> None:
    """Its report was lost, and what came after was not tried."""
    (source / "cifar-10-batches-py").mkdir()
    (source / "mnist").mkdir()
    (source / "mnist" / "train-images-idx3-ubyte").touch()
    (source / "other").mkdir()
    lines = invoke(folder, "import", str(source), status=1)
    assert [line.partition(":")[0] for line in lines] == ["cifar10", "cifar100", "mnist", "other"]
    assert f"{source / 'cifar-10-batches-py' / 'data_batch_1'}: cannot be read" in lines[0]
    assert "imported 12 + 6 images" in lines[1]
    assert f"{source / 'mnist' / 'train-images-idx3-ubyte'}: its md5" in lines[2]


def test_a_name_in_a_folder_moves_no_cursor(source: Path, folder: Path, mosaics: Raw) -> None:
    (source / "a\n\x1b[2Jb").mkdir()
    assert len(invoke(folder, "import", str(source))) == 2
    assert "\x1b" not in "".join(invoke(folder, "import", str(source)))


@pytest.mark.usefixtures("mosaics")
@pytest.mark.parametrize("left", ["train_x.npy", ".train_x.npy.partial"])
def test_verify_finds_what_an_interrupted_import_left(
    source: Path, folder: Path, left: str
) -> None:
    (folder / "cifar100").mkdir(parents=True)
    (folder / "cifar100" / left).touch()
    (line,) = invoke(folder, "verify", status=1)
    assert f"{folder / 'cifar100' / 'manifest.json'} does not exist" in line
    assert "replaces it" in line
    invoke(folder, "import", str(source))
    assert "intact" in invoke(folder, "verify")[0]


def test_verify_of_no_folder(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as error:
        data.verify(tmp_path / "typo")
    one_line(error, f"{tmp_path / 'typo'}: no such folder", "--data DIR or NESS_DATA")


@pytest.mark.usefixtures("mosaics")
@pytest.mark.parametrize("name", ["manifest.json", "test_x.npy"])
def test_a_folder_in_the_place_of_a_file(source: Path, folder: Path, name: str) -> None:
    (folder / "cifar100" / name).mkdir(parents=True)
    (line,) = invoke(folder, "import", str(source), status=1)
    assert f"{folder / 'cifar100' / name}: is a folder in the place of a file; remove it" in line


def test_commands_start_without_torch() -> None:
    code = (
        "import sys, benchmarks.cli.data, benchmarks.data\n"
        "print([m for m in ('torch', 'torchvision', 'avalanche') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
