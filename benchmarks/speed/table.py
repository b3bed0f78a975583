"""The ratios as a table, and the verdicts on them. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.reporting.markdown import bullets, grid
from benchmarks.speed.quantities import KINDS, NETS, QUANTITIES, Bound, Quantity, bounds, split
from benchmarks.speed.speed_file import Entry, Measured

NOTES = """\
Median of the rounds' ratios, and the 95 % bootstrap interval of that median. Both sides of a ratio
run once in every round, in a rotating order.

Step: zero_grad, forward, loss, backward, SGD with momentum and weight decay, in the second task and
with batches of 64. NESS has the ranks that the last task of a stored run left its layers, or half
of each layer's directions. `naive` trains everything; heads alone, with a frozen trunk, is the
floor. Layers of rank 0 are frozen: where that is most of them (ResNet18's early ones), the half of
all directions is the harder case, and the fairer one.

Between two tasks: decomposition and attachment before a task, merging and moments after it, at the
full size of the tasks. The epoch is one of `naive` on the same images.

Options: a step of `naive` with `channels_last = true`, with `backbone_args.fast_dropout = true`,
and with torch's fused SGD (which no spec asks for), beside one without.

Epoch: of `naive`, through Avalanche with the harness's loader and plugins, and in a bare loop.
"""


def ordered(measured: Measured) -> list[tuple[str, Quantity, str, Entry]]:
    """(name, quantity, net, entry) of what was measured, in the order of `QUANTITIES`."""
    rows = [(name, *split(name), entry) for name, entry in measured.ratios.items()]
    quantities, nets = list(QUANTITIES.values()), list(NETS)
    return sorted(rows, key=lambda row: (quantities.index(row[1]), nets.index(row[2])))


def markdown(measured: Measured) -> str:
    """The whole page."""
    parts = ["# What NESS and the harness cost", bullets(place(measured))]
    rows = ordered(measured)
    for kind, heading in KINDS.items():
        of_kind = [row for row in rows if row[1].kind == kind]
        if of_kind:
            parts += [f"## {heading}", _grid(of_kind)]
    return "\n\n".join([*parts, bullets([*NOTES.split("\n\n"), *_nets(measured)])]) + "\n"


def _grid(rows: list[tuple[str, Quantity, str, Entry]]) -> str:
    headings = ["Ratio", "Net", "Median", "95 % interval", "Goal", "Rounds", "Seconds"]
    cells = []
    for name, quantity, net, entry in rows:
        bound = quantity.bounds.get(net)
        over, under = (
            f"{entry.seconds[s]:.3g}" for s in (quantity.numerator, quantity.denominator)
        )
        cells.append(
            [
                f"{quantity.title} (`{name.partition('/')[0]}`)",
                NETS[net],
                f"{entry.median:.3f}",
                f"{entry.low:.3f} to {entry.high:.3f}",
                "" if bound is None else _goal(entry, bound),
                str(entry.rounds),
                f"{over} / {under}",
            ]
        )
    return grid(headings, cells, names=2)


def _goal(entry: Entry, bound: Bound) -> str:
    if bound.limit is not None and entry.median > bound.limit:
        return f"≤ {bound.goal:g}, **above its limit {bound.limit:g}**"
    return f"≤ {bound.goal:g}, {'met' if entry.median <= bound.goal else 'missed'}"


def place(measured: Measured) -> list[str]:
    """Where it was measured, and what was not."""
    found = measured.environment
    device = found.get("gpu") or found.get("cpu")
    commit = str(found.get("git_commit"))[:10] + (" with changes" if found.get("git_dirty") else "")
    where = (
        f"{device}, {found.get('threads')} thread of {found.get('cores')} cores, torch "
        f"{found.get('torch')}, commit {commit}; load average when it began "
        f"{found.get('load_average')}."
    )
    lines = [where]
    if measured.missing:
        lines.append(f"Not measured: {', '.join(measured.missing)}.")
    return lines


def _nets(measured: Measured) -> list[str]:
    lines = []
    for name, net in measured.nets.items():
        ranks = ", ".join(map(str, net.ranks.values()))
        lines.append(
            f"{NETS[name]}: images {tuple(net.input_shape)}, {net.samples} of "
            f"{net.classes} classes a task ({net.loop_samples} beside the bare loop), "
            f"{net.tasks} tasks; ranks {ranks} (of results/{net.ranks_from})."
        )
    return lines


def goals_missed(ratios: Mapping[str, Entry]) -> list[str]:
    """A line for each ratio above its goal, but not above its limit."""
    return [
        f"{name} is {ratios[name].median:.3f}, its goal {bound.goal:g}"
        for name, bound in bounds()
        if name in ratios and bound.goal < ratios[name].median <= (bound.limit or float("inf"))
    ]


def limits_passed(ratios: Mapping[str, Entry]) -> list[str]:
    """A line for each ratio above what it must not pass."""
    return [
        f"{name} is {ratios[name].median:.3f}, above its limit {bound.limit:g}"
        for name, bound in bounds()
        if name in ratios and bound.limit is not None and ratios[name].median > bound.limit
    ]
