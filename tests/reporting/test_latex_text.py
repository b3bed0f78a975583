"""Text as pdfLaTeX prints it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.reporting.latex_text import breakable, escape, pieces, prose


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("100% of a_b & {c}", r"100\% of a\_b \& \{c\}"),
        ("[a]", "{[}a{]}"),  # a bare bracket after \\ would be its argument
        ("two\n\tlines", "two lines"),
        ("café ± 2 \N{EN DASH} †", r"café $\pm$ 2 -- $\dagger$"),
        ("Müller, Łoś, ß, Žižek", "Müller, Łoś, ß, Žižek"),
        ("Pająk ÷ 2 ﬁ", "Pajak (U+00F7) 2 fi"),  # OT1 has no ogonek
        ("漢\x07", "(U+6F22)"),
    ],
)
def test_escape(text: str, shown: str) -> None:
    assert escape(text) == shown


def test_long_words_break_at_their_joints() -> None:
    label = "ness [strategy_args.eps=0.01]"
    assert pieces(label.split()[1]) == ["[strategy_", "args.", "eps=", "0.01]"]
    assert breakable("split_digits/til") == r"split\_digits/til"
    assert breakable(label).count(r"\allowbreak{}") == 3
    assert breakable("from_scratch", 0) == r"from\_\allowbreak{}scratch"
    assert pieces("f" * 45) == ["f" * 20, "f" * 20, "f" * 5]


def test_code_is_set_in_typewriter() -> None:
    assert prose("run `make a_b` now") == r"run \texttt{make a\_b} now"


@given(st.text(st.sampled_from("ab1_=/.,-%&[]{}\\ é"), max_size=60), st.integers(0, 20))
@settings(deadline=None)
def test_breaks_add_nothing_to_what_is_printed(text: str, whole: int) -> None:
    assert breakable(text, whole).replace(r"\allowbreak{}", "") == escape(text)
    longest = max(map(len, re.split(r"\s", text)), default=0)
    assert all(len(p) <= max(whole, 20) for word in text.split() for p in pieces(word, whole))
    assert longest > whole or r"\allowbreak" not in breakable(text, whole)
