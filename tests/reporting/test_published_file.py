"""What a file of published numbers may say, and what a wrong one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from baselines import STRATEGIES
from benchmarks.errors import BadInput
from benchmarks.reporting.published import read_published
from benchmarks.reporting.published_entries import Estimate

VALID = """
tolerance = 2.0
[protocol.paper]
spec.protocol.epochs = 200
[[value]]
strategy = "gpm"
stream = "split_digits/til"
kind = "reported"
source = "a paper"
protocol = "paper"
acc = 80.0
"""


def refusal(folder: Path, text: str) -> str:
    path = folder / "own.toml"
    path.write_text(text)
    with pytest.raises(BadInput) as caught:
        read_published(path, STRATEGIES)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("acc = 80.0", "acc = 180.0", "value 1 (gpm on split_digits/til): acc: Input should be"),
        ("acc = 80.0", "", "value 1 (gpm on split_digits/til): acc is missing"),
        ("acc = 80.0", "acc = nan", "value 1 (gpm on split_digits/til): acc: "),
        ("acc = 80.0", "acc = true", "value 1 (gpm on split_digits/til): acc: Input should be a v"),
        ("acc = 80.0", 'acc = "72"', "value 1 (gpm on split_digits/til): acc: Input should be a v"),
        ("acc = 80.0", "acc = 80.0\nn = true", "(gpm on split_digits/til): n: Input should be a v"),
        ("acc = 80.0", "acc = 80.0\nn = 5.0", "(gpm on split_digits/til): n: Input should be a v"),
        ("acc = 80.0", "seeds = [{ seed = true, acc = 2.0 }]", "seeds.0.seed: Input should be a v"),
        ("tolerance = 2.0", "tolerance = true", "tolerance: Input should be a valid number"),
        (
            "[protocol.paper]",
            "[protocol.paper]\nunknown = [1]",
            "paper: unknown.0: Input should be",
        ),
        ("epochs = 200", "epochs = 2020-01-01", "protocol.paper: spec.protocol.epochs: "),
        ("acc = 80.0", "acc = 80.0\nbwt_std = 1.0", "bwt_std without bwt; give both"),
        ("acc = 80.0", "acc = 80.0\nseeds = [{ seed = 1, acc = 2.0 }]", "not both"),
        (
            "acc = 80.0",
            "seeds = [{ seed = 1, acc = 2.0 }, { seed = 1, acc = 3.0 }]",
            "seeds lists a seed twice",
        ),
        ("acc = 80.0", "acc = 80.0\naccc = 1.0", "unknown key 'accc'; did you mean 'acc'?"),
        ('"gpm"', '"gmp"', "value 1 (gmp on split_digits/til): unknown strategy 'gmp'; did you"),
        ('= "paper"', '= "papers"', "unknown protocol 'papers'; did you mean 'paper'?"),
        ('"reported"', '"rumoured"', "kind: Input should be 'reported', 'rerun' or 'log'"),
        ('source = "a paper"', "", "value 1 (gpm on split_digits/til): source: Field required"),
        ("[protocol.paper]", '[protocol.paper]\nbase = "other"', "protocol.paper: base: no protoc"),
        ("[protocol.paper]", "[protocol.paper]\nunknow = []", "protocol.paper: unknown key 'unkno"),
        (
            "[protocol.paper]",
            '[protocol.paper]\ndepartures = [{ as_released = "x" }]',
            "protocol.paper: departures.0.text: Field required",
        ),
        ("tolerance = 2.0", "", "tolerance: Field required"),
        ("tolerance = 2.0", "tolerance = 0.0", "tolerance: Input should be greater than 0"),
        ("tolerance = 2.0", "tolerance = 2.0\nvalues = []", "unknown key 'values'; did you mean"),
        ("tolerance = 2.0", "tolerance = ", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_told_which_entry(
    tmp_path: Path, before: str, after: str, said: str
) -> None:
    assert before in VALID
    assert said in refusal(tmp_path, VALID.replace(before, after))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            '"a paper"',
            r'"a \u001b[31mpaper"',
            r"value 1: source holds '\x1b', which does not print; w",
        ),
        ('"a paper"', r'"a\npaper"', r"value 1: source holds '\n', which does not print"),
        ('"gpm"', r'"gpm\u009b"', r"value 1: strategy holds '\x9b', which"),
        ("[protocol.paper]", r'[protocol."\u202e"]', r"protocol: a key holds '\u202e', which"),
        ("epochs = 200", r'epochs = ["\u0007"]', r"paper: spec: protocol: epochs 1 holds '\x07'"),
        ("[protocol.paper]", '[protocol.paper]\nunknown = ["\\r"]', r"paper: unknown 1 holds '\r'"),
    ],
)
def test_text_that_could_steer_a_terminal_is_refused(
    tmp_path: Path, before: str, after: str, said: str
) -> None:
    assert before in VALID
    message = refusal(tmp_path, VALID.replace(before, after))
    assert said in message
    assert message.isprintable()


def test_whole_numbers_are_numbers(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(VALID.replace("80.0", "80").replace("tolerance = 2.0", "tolerance = 2"))
    assert read_published(path).values[0].estimate("acc") == Estimate(80.0, None, None)


def test_a_missing_file_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"gone\.toml: cannot be read .*published\.toml"):
        read_published(tmp_path / "gone.toml")


def test_a_protocol_adds_to_its_base_and_a_value_may_have_its_own_tolerance(
    tmp_path: Path,
) -> None:
    path = tmp_path / "own.toml"
    path.write_text(
        VALID.replace('= "paper"', '= "more"').replace(
            "[[value]]",
            '[protocol.more]\nbase = "paper"\nspec.protocol.epochs = 100\nspec.backbone = "mlp"\n'
            "[[value]]\ntolerance = 0.5",
        )
    )
    published = read_published(path)
    assert published.protocols["more"].spec == {"protocol.epochs": 100, "backbone": "mlp"}
    assert published.tolerance_of(published.values[0]) == 0.5
