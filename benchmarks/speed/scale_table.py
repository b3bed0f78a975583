"""The axes as tables. Needs no torch."""

from __future__ import annotations

from benchmarks.reporting.markdown import bullets, grid
from benchmarks.speed.scale_file import Scale
from benchmarks.speed.scale_sizes import (
    AXES,
    FITTED_FROM,
    INPUTS,
    METHODS,
    QUANTITIES,
    AxisName,
    bears,
    quantities,
)
from benchmarks.speed.table import place

NOTES = f"""\
Two hidden layers on inputs of {INPUTS} numbers, two classes and a head a task, one epoch a task in
batches of 64, through the harness. Medians of the repetitions; the methods take turns task by task.

The exponent a is that of c x^a, fitted by least squares to the logarithms, with its 95 % interval
(Student's t of the residuals). A part of the cost that does not grow makes it smaller: it is the
mean growth within the range, and holds in no other. Along tasks it is fitted from task
{FITTED_FROM} on.

Along tasks: the task of that number, of one stream, and the sum up to it; NESS has fewer free
directions to train in with every task. Along width and samples: the last task of a stream of that
size.

Between two tasks: decomposition and attachment before a task, moments or bases after it. Whole
task: that and the epoch, without evaluation on test data.

Memory kept: tensors of the method beside the model, after the task. NESS, all data kept, passes
over all inputs so far after each task (`moments = "recompute"`), as the authors' code does; the
inputs are float32 here. GPM keeps directions, as many as its threshold asks of these inputs; those
of each task lie in four directions of their own.
"""

TITLES = {
    "sweep/two_workers_one_thread_vs_one_worker_two_threads": (
        "2 workers with 1 thread / 1 worker with 2 threads, wall seconds"
    ),
    "sweep/efficiency_of_two_workers": "Efficiency of 2 workers (of 1 thread)",
    "sweep/efficiency_of_two_threads": "Efficiency of 2 threads (of 1 worker)",
}
SWEEP_NOTE = (
    "Four runs (frozen, naive, NESS, GPM) of AlexNet on synthetic images of CIFAR's size, by the "
    "command `sweep` in an empty folder, its start included. Efficiency: the time of 1 worker with "
    "1 thread over twice the time of two; 1 would be perfect. Seconds: medians of both sides."
)


def markdown(scale: Scale) -> str:
    """The whole page."""
    parts = ["# How cost grows", bullets(place(scale))]
    for axis in AXES:
        rows = _rows(scale, axis)
        if rows:
            parts += [f"## {AXES[axis]}", _sizes(scale, axis), rows]
    if scale.ratios:
        parts += ["## Two cores for a sweep", _sweep(scale)]
    notes = NOTES.split("\n\n") + [SWEEP_NOTE] * bool(scale.ratios)
    return "\n\n".join([*parts, bullets(notes)]) + "\n"


def _sizes(scale: Scale, axis: AxisName) -> str:
    size = scale.sizes[axis]
    rest = [f"{key} {size[key]}" for key in ("tasks", "width", "samples") if key != axis]
    return f"{', '.join(rest)}, {size['repeats']} repetitions."


def _rows(scale: Scale, axis: AxisName) -> str:
    cells, ends = [], list[int]()
    for quantity in quantities(axis):
        for method, label in METHODS.items():
            xs, ys = scale.course(axis, quantity, method)
            if not xs or not bears(method, quantity):
                continue
            ends = [xs[0], xs[-1]]
            fit = scale.fits.get(f"{axis}/{quantity}/{method}")
            write = _bytes if quantity == "state_bytes" else _seconds
            cells.append(
                [
                    QUANTITIES[quantity],
                    label,
                    write(ys[0]),
                    write(ys[-1]),
                    "" if fit is None else f"{fit.exponent:.2f}",
                    "" if fit is None else f"{fit.low:.2f} to {fit.high:.2f}",
                ]
            )
    if not cells:
        return ""
    first, last = (f"{axis} {x}" for x in ends)
    headings = ["Cost", "Method", f"At {first}", f"At {last}", "Exponent", "95 % interval"]
    return grid(headings, cells, names=2)


def _seconds(value: float) -> str:
    return f"{1000 * value:.3g} ms" if value < 1 else f"{value:.4g} s"


def _bytes(value: float) -> str:
    return f"{value / 2**20:.3g} MiB"


def _sweep(scale: Scale) -> str:
    cells = [
        [
            title,
            f"{entry.median:.2f}",
            f"{entry.low:.2f} to {entry.high:.2f}",
            str(entry.rounds),
            " / ".join(f"{seconds:.1f}" for seconds in entry.seconds.values()),
        ]
        for name, title in TITLES.items()
        if (entry := scale.ratios.get(name)) is not None
    ]
    return grid(["Ratio", "Median", "95 % interval", "Rounds", "Seconds"], cells)
