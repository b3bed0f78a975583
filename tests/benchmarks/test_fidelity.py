"""docs/fidelity.md: what is gathered from the docstrings of strategies, and that none is bare."""

from __future__ import annotations

from typing import ClassVar

import pytest

import baselines
from baselines.stock import Naive
from benchmarks import fidelity
from benchmarks.errors import BadInput
from benchmarks.fidelity import PAGE, Fidelity, missing, page, parse
from benchmarks.reporting.order import canonical


class Documented(Naive):
    """First sentence, on
    two lines with ``code`` and a * b.

    An explanation. Departures. in the middle of a paragraph are none.

    Departures. The first <one>:

    - an item
      of two lines
    - another

    An explanation that belongs to nothing. It Keeps quiet.

    As released. ``as_released`` brings it back.

    Keeps M, (d, d) a layer.
    """

    keeps_data: ClassVar[bool] = True
    resumable: ClassVar[bool] = False
    scenarios: ClassVar[frozenset[str]] = frozenset({"cil", "til"})


def test_the_paragraphs_of_a_docstring() -> None:
    found = parse(Documented.__doc__ or "")
    assert found.summary == "First sentence, on\ntwo lines with ``code`` and a * b."
    assert found.sections == {
        "Departures.": "Departures. The first <one>:\n- an item\n  of two lines\n- another",
        "As released.": "As released. ``as_released`` brings it back.",
        "Keeps ": "Keeps M, (d, d) a layer.",
    }


@pytest.mark.parametrize("start", ["Departures from the paper:", "It keeps", "Keepsake", "keeps "])
def test_only_the_exact_prefix_begins_a_section(start: str) -> None:
    assert parse(f"Summary.\n\n{start} something.").sections == {}


def test_what_a_strategy_has_to_say() -> None:
    bare, whole = Fidelity("x", {}), parse(Documented.__doc__ or "")
    assert missing("gpm", whole) == []
    assert [line.split(": ")[0] for line in missing("gpm", bare)] == ["gpm", "gpm"]
    assert "'Departures.'" in missing("gpm", bare)[0]
    for name in ("naive", "joint", "cumulative", "frozen"):
        (line,) = missing(name, bare)
        assert "'Keeps '" in line


def test_a_section_of_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    here = f"{__name__}:Documented"
    monkeypatch.setattr(baselines, "STRATEGIES", {"zeta": here, "naive": "baselines.stock:Naive"})
    monkeypatch.setattr(baselines, "REFUSED", {"der": "it fails on two heads"})
    text = page()
    assert text.index("## naive") < text.index("## zeta") < text.index("## Refused by name")
    section = text[text.index("## zeta") :]
    facts = "scenarios: til, cil; keeps old data: yes; resumes after any task: no"
    assert section.split("\n\n")[1:8] == [
        __doc__,
        f"class: `{__name__}.Documented`; {facts}",
        r"First sentence, on two lines with `code` and a \* b.",
        "**Departures.** The first &lt;one>:",
        "- an item of two lines\n- another",
        "**As released.** `as_released` brings it back.",
        "**Keeps** M, (d, d) a layer.",
    ]
    assert "- `der`: it fails on two heads" in section


def test_a_strategy_without_its_paragraphs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    bare = type("Bare", (Naive,), {"__doc__": "Only a summary."})
    monkeypatch.setattr(fidelity.baselines, "load", lambda name: bare)
    monkeypatch.setattr(baselines, "STRATEGIES", {"zeta": "x:Bare"})
    with pytest.raises(BadInput, match=r"zeta: .* 'Departures\.'; zeta: .* 'Keeps '") as caught:
        page()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(baselines.STRATEGIES, key=canonical))
def test_every_strategy_says_where_it_departs_and_what_it_keeps(name: str) -> None:
    assert missing(name, parse(baselines.load(name).__doc__ or "")) == []


def test_the_page_is_the_one_that_the_docstrings_give() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "docs/fidelity.md is old: run `make fidelity`"
    )
