"""Which numeric settings were varied, and what came of each value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from benchmarks.errors import BadInput, nearest
from benchmarks.records import IMPLIED, RunRecord
from benchmarks.reporting.collect import Collection, flat_spec
from benchmarks.reporting.order import CONTROLS, UPPER_BOUNDS
from benchmarks.reporting.specs import IMAGES, SEED_KEYS, Flat, at

FEWEST = 3
"""Values from which a varied key is drawn without being asked for."""

MOST_REFERENCES = 6

_OWN = "strategy_args."


@dataclass
class Ablation:
    """One key of the spec, varied."""

    key: str
    curves: dict[str, dict[float, list[RunRecord]]] = field(default_factory=dict)
    """Under its name, the runs at each value of what was varied in that key alone."""
    references: dict[str, list[RunRecord]] = field(default_factory=dict)
    """Methods without the key, or with one value of it: levels to compare with."""
    undrawn: int = 0
    """How many more of these there are than `MOST_REFERENCES`."""


def ablations(collection: Collection, stream: str, over: str | None = None) -> list[Ablation]:
    """The keys of a stream's finished runs that have at least `FEWEST` numeric values, by name.

    `over`: that key alone, from two values on. Settings beside the key that were varied as well
    give a curve for each of their combinations.
    """
    finished = collection.finished(stream)
    specs = {label: _spec(records[0]) for label, records in finished.items()}
    keys = [over] if over is not None else sorted({key for flat in specs.values() for key in flat})
    found = []
    for key in keys:
        ablation = _ablation(key, finished, specs)
        values = max((len(curve) for curve in ablation.curves.values()), default=0)
        if values >= (FEWEST if over is None else 2):
            found.append(ablation)
    return found


def varied_key(collection: Collection, given: str) -> str:
    """The dotted key that a user means by `given`: ``strategy_args.eps``, ``eps``,
    ``strategy.ness.eps``.

    Raises `BadInput` where no finished run has it, or its values are no numbers or only one.
    """
    finished = {
        label: records
        for stream in collection.streams
        for label, records in collection.finished(stream).items()
    }
    flats = [_spec(record) for records in finished.values() for record in records]
    known = {key for flat in flats for key in flat}
    table, _, rest = given.partition(".")
    meant = [given, _OWN + given]
    if table == "strategy":
        meant.append(_OWN + rest.partition(".")[2])
    key = next((key for key in meant if key in known), None)
    varied = sorted(short(k) for k in known if len(_numbers(k, flats)) > 1)
    out = nearest(given, varied) if varied else "no key takes two numbers in these runs"
    if key is None:
        raise BadInput(f"--over {given}: no finished run has this key; {out}")
    numbers = _numbers(key, flats)
    if not numbers:
        shown = ", ".join(sorted({at(flat, key) for flat in flats}))
        raise BadInput(f"--over {given}: its values are no numbers ({shown}); {out}")
    if len(numbers) == 1:
        (only,) = numbers
        raise BadInput(f"--over {given}: a curve needs two values, all have {only:g}; {out}")
    return key


def short(key: str) -> str:
    """The key as the figures and their files call it."""
    return key.removeprefix(_OWN)


def _ablation(
    key: str, finished: Mapping[str, list[RunRecord]], specs: Mapping[str, Flat]
) -> Ablation:
    found = Ablation(key)
    strategies = {label: records[0].spec["strategy"] for label, records in finished.items()}
    for strategy in dict.fromkeys(strategies.values()):
        of_strategy = {x: specs[x] for x in finished if strategies[x] == strategy}
        curves: dict[str, dict[float, list[RunRecord]]] = {}
        for label, (settings, value) in _points(key, of_strategy).items():
            name = f"{strategy} [{settings}]" if settings else strategy
            curves.setdefault(name, {})[value] = finished[label]
        found.curves |= {name: curve for name, curve in curves.items() if len(curve) > 1}
    drawn = {id(r) for curve in found.curves.values() for rs in curve.values() for r in rs}
    rest = [x for x, records in finished.items() if id(records[0]) not in drawn]
    variants = {
        strategy: [x for x in rest if strategies[x] == strategy] for strategy in strategies.values()
    }
    # Every strategy before the second setting of any; among them the bounds and controls first.
    chosen = sorted(
        rest,
        key=lambda x: (
            variants[strategies[x]].index(x),
            strategies[x] not in (*UPPER_BOUNDS, *CONTROLS),
        ),
    )
    found.references = {x: finished[x] for x in rest if x in chosen[:MOST_REFERENCES]}
    found.undrawn = len(rest) - len(found.references)
    return found


def _points(key: str, specs: Mapping[str, Flat]) -> dict[str, tuple[str, float]]:
    """The other settings that differ, as shown, and the value: of each label that has one."""
    values = {label: _number(key, flat) for label, flat in specs.items()}
    if not any(key in flat for flat in specs.values()):
        return {}
    everything = {k for flat in specs.values() for k in flat} - {key}
    # Images and number of tasks follow from the stream's arguments, unless they tell runs apart.
    for follows in ({"tasks", IMAGES} if key.startswith("stream_args.") else set(), set[str]()):
        others = sorted(
            k for k in everything - follows if len({at(flat, k) for flat in specs.values()}) > 1
        )
        points = {
            label: (", ".join(f"{short(k)}={at(specs[label], k)}" for k in others), value)
            for label, value in values.items()
            if value is not None
        }
        if len(set(points.values())) == len(points):
            break
    return points


def _spec(record: RunRecord) -> Flat:
    """The flat spec of a run without its seeds, with how it was computed and on what."""
    flat = flat_spec(record) | {"tasks": len(record.accuracy_matrix)}
    return {key: value for key, value in flat.items() if key not in SEED_KEYS}


def _number(key: str, flat: Flat) -> float | None:
    """The value of a key or what its absence means, where that is a number."""
    value = flat.get(key, IMPLIED.get(key))
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _numbers(key: str, flats: Iterable[Flat]) -> set[float]:
    return {value for flat in flats if (value := _number(key, flat)) is not None}
