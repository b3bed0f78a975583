"""Tables as LaTeX: booktabs, every string escaped."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from benchmarks.reporting.cells import Cell, Table, heading

_WHITE = re.compile(r"\s+")

_LONG_LABEL = 24

_MARKUP = {"best": r"\textbf{{{}}}", "second": r"\underline{{{}}}", "": "{}"}

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
    "`": r"\textasciigrave{}",
    # At the start of a row a bare bracket would be read as the argument of the line break.
    "[": "{[}",
    "]": "{]}",
    "\N{PLUS-MINUS SIGN}": r"$\pm$",
    "\N{EM DASH}": "---",
    "\N{DAGGER}": r"\dag{}",
}


def render(table: Table, label: str) -> str:
    """A `table` environment to \\input: needs the package booktabs alone."""
    return environment(table.caption, label, tabular(_headings(table), table.means), table.notes)


def render_intervals(table: Table, label: str) -> str:
    """The 95 % intervals of the table, likewise; the last note says where they come from."""
    caption = f"{table.intervals_title}: {table.caption}"
    return environment(caption, label, tabular(_headings(table), table.intervals), table.notes[-1:])


def _headings(table: Table) -> list[str]:
    return ["Strategy", "n", *(heading(metric) for metric in table.shown.values())]


def environment(caption: str, label: str, tabular: str, notes: Sequence[str]) -> str:
    """A `table` environment around a tabular that is LaTeX already."""
    return "\n".join(
        [
            "% needs \\usepackage{booktabs}",
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{escape(caption)}}}",
            rf"\label{{tab:{label}}}",
            r"\footnotesize\setlength{\tabcolsep}{3pt}",
            tabular.rstrip("\n"),
            "",
            r"\medskip",
            r"\begin{minipage}{\linewidth}\footnotesize\raggedright",
            *(rf"{_prose(note)}\par" for note in notes),
            r"\end{minipage}",
            r"\end{table}",
            "",
        ]
    )


def tabular(headings: Sequence[str], rows: Sequence[tuple[str, Sequence[Cell]]]) -> str:
    """A tabular of a label and its cells a row."""
    long = any(len(label) > _LONG_LABEL for label, _ in rows)
    columns = (r"p{0.2\linewidth}" if long else "l") + "r" * (len(headings) - 1)
    lines = [[_stacked(heading) for heading in headings]]
    lines += [[_label(label), *(_cell(cell) for cell in cells)] for label, cells in rows]
    head, *body = (" & ".join(line) + r" \\" for line in lines)
    return "\n".join(
        [
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            head,
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
        ]
    )


def escape(text: str) -> str:
    """Text that pdfLaTeX prints as it is; a sign that its fonts lack, as its code point."""
    return "".join(_ESCAPES.get(sign) or _printable(sign) for sign in _WHITE.sub(" ", text))


def _prose(note: str) -> str:
    pieces = re.split(r"`([^`]+)`", note)
    return "".join(
        rf"\texttt{{{escape(piece)}}}" if number % 2 else escape(piece)
        for number, piece in enumerate(pieces)
    )


def _printable(sign: str) -> str:
    if sign.isascii():
        return sign if sign.isprintable() else ""
    plain = unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode()
    return "".join(_ESCAPES.get(part, part) for part in plain) or f"(U+{ord(sign):04X})"


def _label(label: str) -> str:
    text = escape(label)
    if len(label) <= _LONG_LABEL:
        return text
    # Spec keys are long words: let them break after a dot, an underscore or an equals sign.
    return r"\raggedright " + re.sub(r"\.|\\_|=", r"\g<0>\\allowbreak{}", text)


def _stacked(title: str) -> str:
    """A heading of two words on two lines, or it would set the width of its column."""
    if title == "n":
        return "$n$"
    first, _, rest = title.partition(" ")
    if not rest or rest.startswith("("):
        return escape(title)
    return rf"\shortstack[r]{{{escape(first)}\\{escape(rest)}}}"


def _cell(cell: Cell) -> str:
    text = escape(cell.text)
    if text.startswith("-") and text != "---":
        text = f"$-${text[1:]}"
    text = _MARKUP[cell.mark].format(text)
    if cell.footnote:
        text += rf"\textsuperscript{{{escape(cell.footnote)}}}"
    # Of no width, or the numbers of the column would not stand below each other.
    return text + r"\rlap{\textsuperscript{\dag}}" * cell.is_within_noise
