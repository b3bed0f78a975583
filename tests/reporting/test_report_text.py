from __future__ import annotations

import html

from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup
from pages import Page

from benchmarks.reporting.html.text import markdown, prose, visible


def test_signs_that_cannot_be_seen_are_shown_by_their_code() -> None:
    assert visible("a\x00b\u202ec\ud800") == r"a\u0000b\u202ec\ud800"
    assert visible("two\nlines\tand 汉字 é") == "two\nlines\tand 汉字 é"
    assert visible({"\x07": ["\u200f", 1, None]}) == {r"\u0007": [r"\u200f", 1, None]}
    assert visible(Markup("\u200f")) == "\u200f"


def test_backticks_are_code_and_markup_is_text() -> None:
    assert prose("run `make <x>` & see") == "run <code>make &lt;x&gt;</code> &amp; see"


def test_markdown_of_the_page_of_fidelity() -> None:
    assert markdown(r"**Keeps** `C`, d \* k; g &lt;- g") == (
        "<strong>Keeps</strong> <code>C</code>, d * k; g &lt;- g"
    )


@given(st.text())
def test_whatever_it_says_it_stays_text(text: str) -> None:
    for made in (prose(text), markdown(text)):
        assert {tag for tag, _ in Page(made).elements} <= {"code", "strong"}
    assert html.unescape(prose(text.replace("`", ""))) == visible(text.replace("`", ""))
