"""The table of one stream that says what each method cost."""

from __future__ import annotations

from benchmarks.reporting import notes
from benchmarks.reporting.cells import Table
from benchmarks.reporting.collect import Collection
from benchmarks.reporting.conditions import unequal_notes
from benchmarks.reporting.summary import caption, table_rows

_MEANING = (
    "Seconds per task: wall time of training and consolidation, evaluation excluded.",
    "All costs per task: median over tasks. The load of the machine was not recorded.",
    "CPU seconds per task: of all threads, evaluation included.",
    "Final state: what the method keeps after the last task, the model excluded.",
    "Trainable parameters: in the last task, its head included.",
    "Peak memory: of the whole process, libraries included; on a GPU what was allocated there.",
)


def cost_table(collection: Collection, stream: str, reference: str | None = None) -> Table:
    """Mean and spread of every cost for every method on `stream`; no cost is ranked.

    ``reference``: the label that was asked for, see `notes.provenance`.
    """
    rows, footnotes = table_rows(collection, stream, ("cost",))
    lines = [
        *footnotes,
        *notes.errors(collection.of_stream(stream)),
        *notes.spread(rows),
        *_MEANING,
        *unequal_notes(collection.finished(stream)),
        *notes.provenance(collection, stream, reference),
    ]
    return Table(stream, f"Cost: {caption(collection, stream)}", rows, lines, ("cost",))
