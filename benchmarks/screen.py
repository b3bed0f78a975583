"""The terminal that a sweep's progress moves on."""

from __future__ import annotations

import sys
from collections.abc import Callable

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from benchmarks.progress_text import SweepState, failures, lines


class _Screen:
    """The lines that move, in the size that the terminal has now."""

    def __init__(self, state: Callable[[], SweepState]) -> None:
        self.state = state

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        state = self.state()
        # A sign in the last column would wrap on some terminals.
        size = max(1, options.max_width - 1), max(1, console.height - 1)
        for number, line in enumerate(lines(state, *size, ascii_only=options.ascii_only)):
            text = Text(line, no_wrap=True, overflow="crop")
            if number == 0:
                text.highlight_words([failures(state.bad)] if state.bad else [], "red")
            yield text


def live(state: Callable[[], SweepState]) -> Live | None:
    """The screen that shows ``state()`` again and again; None where stderr is no terminal."""
    if not sys.stderr.isatty():  # rich takes FORCE_COLOR for a terminal
        return None
    console = Console(file=sys.stderr, highlight=False)
    if console.is_dumb_terminal:
        return None
    return Live(_Screen(state), console=console, refresh_per_second=2)
