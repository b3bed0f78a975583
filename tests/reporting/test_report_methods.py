from __future__ import annotations

from pathlib import Path

from benchmarks.reporting.html.methods import PAGE, methods

TEXT = """# Fidelity

Of every method.

## gpm

A paper.

**Departures.** Two:
- `a` differs
- b <i>too</i>

## ness

Ours.
"""


def test_sections_in_the_order_asked_for(tmp_path: Path) -> None:
    page = tmp_path / "fidelity.md"
    page.write_text(TEXT)
    ness, gpm = methods(["ness", "unknown", "gpm"], page)
    assert (ness.name, ness.paragraphs) == ("ness", [("Ours.", [])])
    assert gpm.paragraphs == [
        ("A paper.", []),
        (
            "<strong>Departures.</strong> Two:",
            ["<code>a</code> differs", "b &lt;i&gt;too&lt;/i&gt;"],
        ),
    ]


def test_no_page_no_methods(tmp_path: Path) -> None:
    assert methods(["ness"], tmp_path / "absent.md") == []


def test_the_page_of_this_checkout_says_how_gpm_departs() -> None:
    assert PAGE.is_file()
    (gpm,) = methods(["gpm"])
    assert any("Departures." in text for text, _ in gpm.paragraphs)
