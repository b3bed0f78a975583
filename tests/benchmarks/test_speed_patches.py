"""``python -m benchmarks patches``: bases of sampled windows beside exact ones."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from small_runs import run_spec
from torch import Tensor

from benchmarks.cli.app import main
from benchmarks.errors import BadInput
from benchmarks.speed import patches as command
from benchmarks.speed.patches import compare, measure
from benchmarks.speed.patches_file import Patches
from benchmarks.speed.subspaces import leak, principal_angles
from benchmarks.streams.normalisation import Normalisation
from benchmarks.streams.split import Split
from benchmarks.streams.stream import Stream, Task
from ness.nullspace import null_space

EYE = torch.eye(6, dtype=torch.float64)


def rotated(degrees: float, axis: int, into: int) -> Tensor:
    """All directions, one of them turned into another."""
    turned, angle = EYE.clone(), math.radians(degrees)
    turned[axis, axis] = turned[into, into] = math.cos(angle)
    turned[into, axis], turned[axis, into] = math.sin(angle), -math.sin(angle)
    return turned


@pytest.mark.parametrize("degrees", [0.5, 20.0, 89.0])
def test_a_plane_turned_by_an_angle_is_that_angle_away(degrees: float) -> None:
    turned = rotated(degrees, 0, into=4)[:, :2]
    assert principal_angles(EYE[:, :2], turned).tolist() == pytest.approx([0, degrees], abs=1e-5)


def test_angles_are_those_of_spaces_and_not_of_their_bases() -> None:
    basis = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64)).Q
    assert principal_angles(EYE[:, :3], EYE[:, :3] @ basis).max() < 1e-5
    assert principal_angles(EYE[:, :3], EYE[:, 3:]).tolist() == pytest.approx([90, 90, 90])


def test_of_spaces_of_different_dimension_the_smaller_counts() -> None:
    larger, turned = EYE[:, :3], rotated(30, 1, into=5)[:, :2]
    for angles in (principal_angles(larger, turned), principal_angles(turned, larger)):
        assert angles.tolist() == pytest.approx([0, 30], abs=1e-5)
    assert principal_angles(larger, EYE[:, :0]).tolist() == []


def test_the_leak_is_the_share_of_the_inputs_along_the_free_directions() -> None:
    x = torch.randn(50, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    V = rotated(40, 0, into=3)[:, :2]
    assert leak(V, x.T @ x) == pytest.approx(float((x @ V).norm() / x.norm()))
    assert leak(EYE, x.T @ x) == pytest.approx(1)
    assert leak(V, torch.zeros(6, 6)) == 0


def test_a_basis_of_turned_inputs_lets_in_what_it_was_turned_by() -> None:
    sizes = torch.tensor([1.0, 1.0, 1.0, 0, 0, 0], dtype=torch.float64)
    turned = rotated(10, 0, into=4)
    M, other = torch.diag(sizes), turned @ torch.diag(sizes) @ turned.T
    found = compare(null_space(M), null_space(other), M)
    assert found.rank == 3
    assert found.free is not None
    assert found.protected is not None
    assert found.free.largest == pytest.approx(10, abs=1e-3)
    assert found.protected.largest == pytest.approx(10, abs=1e-3)
    assert found.leak == pytest.approx(math.sin(math.radians(10)) / math.sqrt(3), rel=1e-3)
    assert found.least == 0


def test_a_basis_without_directions_has_no_angles() -> None:
    M = EYE * 1.0
    found = compare(null_space(M), null_space(M), M)
    assert (found.rank, found.leak, found.least, found.free) == (0, 0, 0, None)
    assert found.protected is not None


def ramps(n: int, task: int) -> Split:
    """Images that are planes, the same in every colour: their windows span three directions."""
    drawn = torch.Generator().manual_seed(task)
    start, down, right = torch.randint(1, 5, (3, n, 1, 1, 1), generator=drawn)
    side = torch.arange(19)
    x = 10 * start + down * side[:, None] + right * side
    return Split(
        x.expand(n, 3, 19, 19).to(torch.uint8),
        torch.randint(0, 2, (n,), generator=drawn),
        torch.full((n,), task),
    )


@pytest.fixture(scope="module")
def found() -> Patches:
    tasks = tuple(Task((0, 1), ramps(33, t), ramps(4, t), ramps(4, t)) for t in (0, 1))
    stream = Stream("ramps/til", tasks, Normalisation(mean=(0.2,), std=(0.3,)), data_hash="ramps")
    spec = run_spec("ness", "backbone=alexnet", "backbone_args={}", "protocol.epochs=1")
    return measure(spec, stream, shares=(1.0, 0.1), eps=(1e-3,), seeds=(3, 4), budget_s=0)


def test_few_windows_are_enough_for_inputs_of_low_rank(found: Patches) -> None:
    (first,) = (basis for basis in found.bases if basis.layer == "conv1")
    assert first.rank == 48 - 3
    for draw in first.draws["0.1"]:
        assert draw.rank == first.rank
        assert draw.free is not None
        assert draw.free.largest < 0.1
        assert draw.leak < 1e-3


def test_all_windows_drawn_give_the_exact_basis_and_fewer_another(found: Patches) -> None:
    for basis in found.bases:
        for draw in basis.draws["1"]:
            assert draw.rank == basis.rank
            assert draw.leak == basis.leak
            assert draw.leak == pytest.approx(draw.least, abs=1e-3)  # float32's noise
            assert draw.free is not None
            assert draw.free.largest < 1e-3
    last = next(basis for basis in found.bases if basis.layer == "conv3")
    assert last.draws["0.1"][0] != last.draws["0.1"][1]
    assert all(draw.leak > max(last.leak, draw.least) for draw in last.draws["0.1"])


def test_the_file_has_the_shape_that_others_rely_on(found: Patches, tmp_path: Path) -> None:
    path = tmp_path / "patches.json"
    found.write(path)
    data = json.loads(path.read_text())
    assert [basis["layer"] for basis in data["bases"]] == ["conv1", "conv2", "conv3"]
    assert data["seeds"] == [3, 4]
    assert data["layers"]["conv1"] == {"inputs": 48, "windows": 33 * 16 * 16}
    assert data["seconds"].keys() == {"1", "0.1"}
    assert data["seconds"]["0.1"]["seconds"].keys() == {"0.1", "all"}
    assert {"cpu", "git_commit", "git_dirty", "load_average"} <= data["environment"].keys()
    assert Patches.read(path) == found


def patches(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> Any:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "patches", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_redrawing_measures_nothing_and_gives_the_same_bytes(
    found: Patches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(command, "run", lambda _: found)
    assert patches(monkeypatch, "--out", tmp_path) == 0
    files = [tmp_path / "tables/patches.md", *sorted((tmp_path / "figures").iterdir())]
    assert [path.name for path in files[1:]] == ["patches.pdf", "patches.png"]
    before = [path.read_bytes() for path in files]
    assert before[0].decode().strip() in capsys.readouterr().out
    assert "| conv3" in before[0].decode()
    for path in files:
        path.unlink()
    monkeypatch.setattr(command, "run", None)
    assert patches(monkeypatch, "--out", tmp_path, "--redraw") == 0
    assert [path.read_bytes() for path in files] == before


def test_a_damaged_or_absent_file_is_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "patches.json"
    with pytest.raises(BadInput, match="benchmarks patches` makes it"):
        Patches.read(path)
    path.write_text('{"bases": []}')
    with pytest.raises(BadInput, match=r"patches\.json: damaged"):
        Patches.read(path)


def test_without_the_images_one_line_says_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NESS_OFFLINE", "")  # the command sets it; this puts it back
    out = tmp_path / "out"
    assert patches(monkeypatch, "--offline", "--data", tmp_path / "empty", "--out", out) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: CIFAR-100 is not in")
    assert len(err.splitlines()) == 1
    assert not out.exists()


def test_drawing_needs_no_torch() -> None:
    code = "import sys, benchmarks.speed.patches_outputs; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0
