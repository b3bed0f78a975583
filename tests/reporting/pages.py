"""An HTML page as tests look at it: what a parser finds in it, not what a search does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

Attributes = dict[str, str | None]


class Page(HTMLParser):
    """Elements in order, and the text that a reader sees."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, Attributes]] = []
        self.texts: list[tuple[str, str]] = []
        """(innermost element, text)."""
        self._open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        self.texts.append((self._open[-1] if self._open else "", data))

    def all(self, tag: str) -> Iterator[Attributes]:
        return (attributes for name, attributes in self.elements if name == tag)

    @property
    def text(self) -> str:
        """All but style and script, white space as one blank."""
        seen = (text for tag, text in self.texts if tag not in ("style", "script"))
        return " ".join(" ".join(seen).split())

    @property
    def data(self) -> Any:
        """What the page carries for its script."""
        found = [text for tag, text in self.texts if tag == "script"]
        return json.loads(next(text for text in found if text.startswith("{")))
