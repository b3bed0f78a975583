"""What two runs have to share to be held against each other, and what each method chooses."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.records import IMPLIED, RunRecord
from benchmarks.reporting.as_run import as_run
from benchmarks.reporting.specs import IMAGES, SEED_KEYS, Flat, flatten

_SHARED_TABLES = frozenset(
    {
        *("stream", "stream_args", "class_order", "backbone", "backbone_args"),
        *("precision", "evaluate_on"),
    }
)
_EVALUATION = "protocol.eval_batch_size"
_NO_NUMBER_DEPENDS_ON = "protocol.track_old_tasks"


def setting(record: RunRecord) -> Flat:
    """Stream, images, tasks, backbone, precision and evaluation: the same for every method."""
    shared = _choose(
        record, lambda key: key == _EVALUATION or key.partition(".")[0] in _SHARED_TABLES
    )
    of_stream = {IMAGES: record.stream.get(IMAGES), "tasks": len(record.accuracy_matrix)}
    return shared | as_run(record) | of_stream


def schedule(record: RunRecord) -> Flat:
    """How every task is trained: methods choose it, and their optimiser, themselves."""
    return _choose(
        record,
        lambda key: key.startswith("protocol.") and key not in (_EVALUATION, _NO_NUMBER_DEPENDS_ON),
    )


def optimizer(record: RunRecord) -> Flat:
    """The table of the shared optimiser."""
    return _choose(record, lambda key: key.startswith("optimizer."))


def seeds(record: RunRecord) -> tuple[object, ...]:
    """The seeds of a run that decide anything: that of the class order only where it is drawn."""
    drawn = record.spec.get("class_order") == "per_seed"
    return tuple(record.spec.get(key) for key in SEED_KEYS if drawn or key != "class_order_seed")


def _choose(record: RunRecord, wanted: Callable[[str], bool]) -> Flat:
    spec = {**IMPLIED, **flatten(record.spec)}
    return {key: value for key, value in spec.items() if wanted(key)}
