"""A damaged spec or override is refused in one line, or is another spec."""

from __future__ import annotations

from pathlib import Path

import pytest
from damage import cli, count, kinds
from mutants import SPECS, mutants, put

from benchmarks.errors import BadInput
from benchmarks.preflight import check_all
from benchmarks.sweep_spec import expand, load_sweep

SPEC = b"""\
stream = "split_digits/til"
backbone = "mlp"
strategies = ["naive", "ness", "lora"]
seeds = [1, 2]
class_order = "per_seed"
threads = 1
[stream_args]
tasks = 2
valid_share = 0.15
[backbone_args]
hidden = [4]
[optimizer]
name = "sgd"
lr = 0.05
momentum = 0.9
[protocol]
epochs = 1
batch_size = 32
patience = 6
factor = 2.0
lr_min = 1e-5
[strategy.ness]
eps = 1e-3
[strategy.ness.optimizer]
lr = 0.1
[strategy.lora]
r = 16
[grid]
"strategy.ness.eps" = [1e-4, 1e-3]
"""


def load(path: Path, *overrides: str) -> list[str] | None:
    """The ids of a spec's runs, which are checked as before a sweep; None where it is refused."""
    try:
        specs = expand(load_sweep(path, overrides))
        check_all(specs, None, None)
    except BadInput as error:
        said = str(error)
    else:
        return [spec.id for spec in specs]
    assert len(said.splitlines()) == 1
    return None


def require_refused(path: Path, *arguments: str) -> None:
    status, _, errors = cli("sweep", path, "--out", path.with_name("out"), *arguments)
    assert status == 2
    assert errors.startswith("error: ")
    assert len(errors.splitlines()) == 1


@pytest.mark.parametrize(("kind", "number"), kinds(SPECS, "specs"))
def test_a_damaged_spec_is_refused_in_one_line_or_is_another_spec(
    tmp_path: Path, kind: str, number: int
) -> None:
    sound = tmp_path / "sound.toml"
    sound.write_bytes(SPEC)
    ids = load(sound)
    for n, mutant in enumerate(mutants(SPEC, SPECS[kind], kind, number)):
        path = tmp_path / f"{n}.toml"
        put(path, kind, mutant)
        found = load(path)
        if found is None:
            require_refused(path)
        how = "refused" if found is None else "unchanged in meaning" if found == ids else "valid"
        count("specs", how)


OVERRIDES = [
    "protocol.epochs=5",
    "strategy.ness.optimizer={lr=0.1}",
    'grid."strategy.ness.eps"=[1e-4,1e-2]',
    "backbone_args.hidden=[4,4]",
    'optimizer.name="sgd"',
]


@pytest.mark.parametrize(("kind", "number"), kinds(SPECS, "overrides"))
def test_a_damaged_override_is_refused_in_one_line_or_is_another_one(
    tmp_path: Path, kind: str, number: int
) -> None:
    sound = tmp_path / "sound.toml"
    sound.write_bytes(SPEC)
    for n in range(number):
        original = OVERRIDES[n % len(OVERRIDES)].encode()
        *_, mutant = mutants(original, SPECS[kind], kind, n + 1)
        override = mutant.decode(errors="surrogateescape")
        found = load(sound, override)
        if found is None:
            require_refused(sound, f"--set={override}")
        count("overrides", "refused" if found is None else "valid")
