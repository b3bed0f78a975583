"""The templates of a report, and what they know."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from benchmarks.reporting import ranks, significance_text, tuning
from benchmarks.reporting.cells import NOISE, heading
from benchmarks.reporting.html.text import prose, visible
from benchmarks.reporting.numbers import NOTHING, difference, mean_and_std
from benchmarks.reporting.published import COMPARED
from benchmarks.reporting.registry import METRICS

TEMPLATES = Path(__file__).with_name("templates")


def render(**values: Any) -> str:
    """The page of these values; every one of them is text, and escaped, if it is no `Markup`."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"prose": prose}
    environment.globals |= _KNOWN
    style, script = (
        Markup((TEMPLATES / name).read_text(encoding="utf-8"))
        for name in ("report.css", "report.js")
    )
    hashes = _hash(style), _hash(script)
    template = environment.get_template("report.html")
    return template.render(style=style, script=script, hashes=hashes, **values)


_KNOWN: dict[str, Any] = {
    "heading": heading,
    "mean_and_std": mean_and_std,
    "difference": difference,
    "COMPARED": COMPARED,
    "METRICS": METRICS,
    "NOISE": NOISE,
    "NOTHING": NOTHING,
    "RANK_HEADINGS": ranks.HEADINGS,
    "RANK_NOTES": ranks.NOTES,
    "TEST_HEADINGS": significance_text.HEADINGS,
    "tests_of": significance_text.rows_of,
    "SEARCH_HEADINGS": tuning.HEADINGS,
    "EVERY_HEADINGS": tuning.EVERY_HEADINGS,
}


def _hash(text: str) -> str:
    """What a content security policy allows this text by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
