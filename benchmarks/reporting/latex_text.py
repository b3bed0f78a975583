"""Text as pdfLaTeX prints it."""

from __future__ import annotations

import re
import unicodedata

_WHITE = re.compile(r"\s+")

_BREAK = re.compile(r"(?<=[_=/,:])|(?<=\.)(?!\d)")
"""Between two signs of a word: behind a joint, but not within a number."""

_WHOLE = 20
"""Letters that stay together: labels of several keys, paths and hashes go on in the next line."""

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "|": r"\textbar{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    '"': "''",
    # Not \textasciigrave: its font is a bitmap, which conferences refuse.
    "`": "{`}",
    # At the start of a row a bare bracket would be read as the argument of the line break.
    "[": "{[}",
    "]": "{]}",
    "\N{PLUS-MINUS SIGN}": r"$\pm$",
    "\N{EM DASH}": "---",
    "\N{EN DASH}": "--",
    "\N{DAGGER}": r"$\dagger$",
}

_LETTERS = frozenset(map(chr, range(0xC0, 0x180))) - frozenset(
    "\N{MULTIPLICATION SIGN}÷ÐðÞþĄąĐđĘęĦħĮįĸĿŀŉŊŋŦŧŲųſ"
)
"""Latin letters that pdfLaTeX prints in its first encoding, OT1: its input is UTF-8 since 2018."""


def escape(text: str) -> str:
    """Text that pdfLaTeX prints as it is; a sign that its fonts lack, as the letters it is made of
    (``a`` for a with an ogonek) or as its code point."""
    return "".join(_ESCAPES.get(sign) or _printable(sign) for sign in _WHITE.sub(" ", text))


def breakable(text: str, whole: int = _WHOLE) -> str:
    """`escape` of text in which words of more than `whole` letters may go on in the next line."""
    return re.sub(
        r"\S+",
        lambda word: r"\allowbreak{}".join(map(escape, pieces(word[0], whole))),
        _WHITE.sub(" ", text),
    )


def pieces(word: str, whole: int = _WHOLE) -> list[str]:
    """What a word can be broken into: ``strategy_``, ``args.``, ``eps=``, ``0.1``."""
    if len(word) <= whole:
        return [word]
    return [
        part[start : start + _WHOLE]
        for part in _BREAK.split(word)
        for start in range(0, len(part), _WHOLE)
    ]


def prose(note: str) -> str:
    """A note, its `code` in a typewriter font."""
    parts = re.split(r"`([^`]+)`", note)
    return "".join(
        rf"\texttt{{{breakable(part)}}}" if number % 2 else breakable(part)
        for number, part in enumerate(parts)
    )


def _printable(sign: str) -> str:
    if sign.isascii():
        return sign if sign.isprintable() else ""
    if sign in _LETTERS:
        return sign
    plain = unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode()
    return "".join(_ESCAPES.get(part, part) for part in plain) or f"(U+{ord(sign):04X})"
