"""How much room the last task had: free directions and measured interference of each layer."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pandas as pd

from benchmarks.record_parts import TaskRecord
from benchmarks.records import RunRecord
from benchmarks.reporting import markdown
from benchmarks.reporting.numbers import NOTHING
from benchmarks.reporting.stats import summarise

_QUANTITIES: dict[str, Callable[[TaskRecord], dict[str, float]]] = {
    "rank": lambda task: {layer: float(rank) for layer, rank in task.ranks.items()},
    "interference": lambda task: task.interference,
    "interference_bound": lambda task: task.interference_bound,
}


def rank_frame(finished: dict[str, list[RunRecord]]) -> pd.DataFrame:
    """A row a method and layer, for the last task: mean and std over the runs that recorded it.

    rank: free input directions; interference: sqrt(tr(dW M dW^T) / tr(W0 M W0^T)), the change
    of the layer's output on earlier inputs relative to that output; interference_bound:
    threshold * ||U||_F over the same denominator. Empty where nothing was recorded.
    """
    rows = []
    for label, records in finished.items():
        tasks = [record.tasks[-1] for record in records if record.tasks]
        measured = [{name: read(task) for name, read in _QUANTITIES.items()} for task in tasks]
        layers = dict.fromkeys(
            layer for run in measured for values in run.values() for layer in values
        )
        for layer in layers:
            row: dict[str, object] = {"label": label, "layer": layer}
            for name in _QUANTITIES:
                values = [run[name][layer] for run in measured if layer in run[name]]
                summary = summarise(values) if values else None
                row[f"{name}_n"] = len(values)
                row[f"{name}_mean"] = summary.mean if summary else float("nan")
                row[f"{name}_std"] = (
                    summary.std if summary and summary.std is not None else float("nan")
                )
            rows.append(row)
    return pd.DataFrame(rows)


def render(frame: pd.DataFrame, broken: Sequence[str], caption: str, source: str) -> str:
    """The frame as Markdown, and a row for each label of runs that have no last task; `source` is
    the note on where the numbers come from."""
    rows = [
        [markdown.escape(label), markdown.escape(layer), *numbers]
        for label, layer, *numbers in rows_of(frame)
    ]
    rows += [[markdown.escape(label), NOTHING, "0", *[NOTHING] * len(_FORMS)] for label in broken]
    title = f"# Ranks and interference in the last task: {markdown.escape(caption)}"
    notes = markdown.bullets([*NOTES, source])
    return "\n\n".join([title, markdown.grid(HEADINGS, rows, names=2), notes]) + "\n"


def rows_of(frame: pd.DataFrame) -> list[list[str]]:
    """The frame as text, a cell for each of `HEADINGS`."""
    return [
        [
            str(row["label"]),
            str(row["layer"]),
            str(max(int(row[f"{name}_n"]) for name in _QUANTITIES)),
            *(
                _show(float(row[f"{name}_mean"]), float(row[f"{name}_std"]), form)
                for name, form in _FORMS.items()
            ),
        ]
        for row in frame.to_dict("records")
    ]


HEADINGS = ("Strategy", "Layer", "n", "Rank", "Interference", "Bound on interference")

_FORMS = {"rank": "{:.1f}", "interference": "{:.2e}", "interference_bound": "{:.2e}"}

NOTES = (
    "Rank: input directions in which the layer's weight may change in the last task.",
    (
        "Interference: sqrt(tr(dW M dW^T) / tr(W0 M W0^T)) of the last task's update dW, with M "
        "the second moments of earlier inputs: the relative change of the layer's old outputs."
    ),
    (
        "n: finished runs that recorded the layer. "
        "\N{PLUS-MINUS SIGN}: sample standard deviation over them, absent where n = 1."
    ),
)


def _show(mean: float, std: float, form: str) -> str:
    if math.isnan(mean):
        return NOTHING
    spread = "" if math.isnan(std) else f" \N{PLUS-MINUS SIGN} {form.format(std)}"
    return form.format(mean) + spread
