"""Names written beside markers."""

from __future__ import annotations

from matplotlib.figure import Figure

from benchmarks.reporting.figures.marker_names import Named, write_names


def named(label: str, x: float, y: float, value: str = "", *, is_bold: bool = False) -> Named:
    return Named(label, value, x, y, is_bold, "black")


def test_a_name_its_value_and_its_weight() -> None:
    figure = Figure(figsize=(4, 3))
    axes = figure.subplots()
    long = named("ness [strategy_args.eps=0.01, strategy_args.rule=nuclear]", 0.5, 0.5, " 3")
    write_names(figure, axes, [long, named("gpm $x$", 0.2, 0.2, is_bold=True)])
    ness, gpm = axes.texts
    assert ness.get_text() == "ness [eps=0.01,\nrule=nuclear] 3"
    assert (ness.get_fontweight(), gpm.get_fontweight()) == ("normal", "bold")
    assert gpm.get_text() == "gpm $x$"
    assert not gpm.get_parse_math()


def test_names_of_markers_in_one_place_have_lines_to_them() -> None:
    figure = Figure(figsize=(4, 3))
    axes = figure.subplots()
    write_names(figure, axes, [named(f"method_{number}", 0.5, 0.5) for number in range(9)])
    boxes = [text.get_window_extent() for text in axes.texts]
    assert not any(a.overlaps(b) for n, a in enumerate(boxes) for b in boxes[n + 1 :])
    leaders = {line.get_gid() for line in axes.lines}
    assert leaders == {f"leader method_{number}" for number in range(9)}


def test_no_names_write_nothing() -> None:
    axes = Figure().subplots()
    write_names(axes.get_figure(), axes, [])
    assert not axes.texts


def test_a_name_not_clearly_nearest_to_its_marker_has_a_line_to_it() -> None:
    figure = Figure(figsize=(4, 3))
    axes = figure.subplots()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    write_names(figure, axes, [named("alone", 0.2, 0.5)], [named("far", 0.9, 0.5)])
    assert not axes.lines
    # On all sides of it, as near to any name as itself.
    around = [
        named("other", 0.6 + x / 40, 0.5 + y / 30)
        for x in range(-4, 5)
        for y in range(-2, 3)
        if x or y
    ]
    write_names(figure, axes, [named("amid", 0.6, 0.5)], around)
    assert [line.get_gid() for line in axes.lines] == ["leader amid"]
    assert [text.get_text() for text in axes.texts] == ["alone", "amid"]


def test_a_name_over_two_markers_has_a_line_to_its_own() -> None:
    figure = Figure(figsize=(4, 3))
    axes = figure.subplots()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    # At the left edge, where the name can but stand above or below both, as near to one as to the
    # other.
    write_names(figure, axes, [named("a_long_name", 0.03, 0.5)], [named("other", 0.08, 0.5)])
    assert [line.get_gid() for line in axes.lines] == ["leader a_long_name"]
