"""Text of unknown origin as a page shows it: every sign seen, none obeyed."""

from __future__ import annotations

import html
import re
from typing import Any

from markupsafe import Markup, escape

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
"""Controls, marks that turn the direction of writing, invisible signs and halves of pairs."""

_CODE = re.compile(r"`([^`\n]+)`")
_MARKDOWN = re.compile(r"`([^`\n]+)`|\*\*(.+?)\*\*")


def visible(value: Any) -> Any:
    """Text with what cannot be seen as its code, ``\\u202e``; lists and tables part by part.

    Of `Markup` and of what is no text nothing is changed.
    """
    if isinstance(value, Markup) or (isinstance(value, str) and _is_plain(value)):
        return value
    if isinstance(value, str):
        return _UNSEEN.sub(lambda sign: f"\\u{ord(sign[0]):04x}", value)
    if isinstance(value, dict):
        return {visible(key): visible(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [visible(part) for part in value]
    return value


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def prose(text: str) -> Markup:
    """A note: what stands between backticks is code."""
    return _pieces(_CODE, visible(text), lambda found: Markup("<code>{}</code>").format(found[1]))


def markdown(text: str) -> Markup:
    """A paragraph of `docs/fidelity.md`: code and bold; escapes and entities as what they mean."""

    def piece(found: re.Match[str]) -> Markup:
        if found[1]:
            return Markup("<code>{}</code>").format(found[1])
        return Markup("<strong>{}</strong>").format(_plain(found[2]))

    return _pieces(_MARKDOWN, visible(text), piece, _plain)


def _plain(text: str) -> str:
    return html.unescape(re.sub(r"\\([\\|*`$_])", r"\1", text))


def _pieces(pattern: re.Pattern[str], text: str, piece: Any, plain: Any = str) -> Markup:
    made, end = Markup(), 0
    for found in pattern.finditer(text):
        made += escape(plain(text[end : found.start()])) + piece(found)
        end = found.end()
    return made + escape(plain(text[end:]))
