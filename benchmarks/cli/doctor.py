"""``python -m benchmarks doctor`` as a command; `benchmarks.__main__` has a shorter way."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer()


@app.command(add_help_option=False, context_settings={"ignore_unknown_options": True})
def doctor(
    options: Annotated[
        list[str] | None, typer.Argument(metavar="[--data DIR] [--out DIR] [--workers N]")
    ] = None,
) -> None:
    """Check the installation, and say how to mend what is off (exit status 1)."""
    from benchmarks.doctor.command import main as examine

    raise typer.Exit(examine(options or []))
