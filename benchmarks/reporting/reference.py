"""The method that the others of a stream are tested against."""

from __future__ import annotations

from benchmarks.errors import BadInput, nearest
from benchmarks.reporting.collect import Collection


def check_reference(collection: Collection, reference: str | None) -> None:
    """Raise `BadInput` for a label that no stream of the folder has."""
    known = (
        [str(label) for label in collection.runs["label"].unique()] if len(collection.runs) else []
    )
    if reference is not None and reference not in known:
        raise BadInput(f"--reference {reference}: no such row; {nearest(reference, known)}")


def reference_of(
    collection: Collection, stream: str, asked: str | None = None
) -> tuple[str | None, list[str]]:
    """The label to test against, and what its reader has to know.

    The one asked for where it has a finished run on the stream; else the first row of ``ness``,
    else of a variant (``ness_sam``), in table order; None where there is none.
    """
    finished = {
        label: str(records[0].spec["strategy"])
        for label, records in collection.finished(stream).items()
    }
    notes: list[str] = []
    if asked in finished:
        return asked, notes
    if asked is not None:
        notes.append(f"{asked} has no finished run on {stream}.")
    own = [label for label, strategy in finished.items() if strategy == "ness"]
    variants = [label for label, strategy in finished.items() if strategy.startswith("ness")]
    rows = own or variants
    if not rows:
        return None, [*notes, f"No paired tests: no finished run of ness. {_CHOOSE}"]
    if rows[1:]:
        notes.append(f"The reference is the first of {len(rows)} rows of NESS. {_CHOOSE}")
    return rows[0], notes


_CHOOSE = "Choose a row with `--reference LABEL`."
