"""What the figures share: looks, names."""

from __future__ import annotations

from matplotlib.figure import Figure

from benchmarks.reporting.figures.looks import (
    balanced,
    freeze,
    legend_columns,
    line_styles,
    name,
)


def test_variants_of_a_strategy_share_its_colour_and_no_look_repeats() -> None:
    labels = {f"m{number}": f"m{number}" for number in range(9)} | {"m8 [eps=1]": "m8"}
    looks = line_styles(labels)
    assert looks["m8"]["color"] == looks["m8 [eps=1]"]["color"]
    assert len({str(look) for look in looks.values()}) == len(labels)


def test_names_are_wrapped_without_the_table_of_the_strategy() -> None:
    assert name("ness [strategy_args.eps=0.01]", 40) == "ness [eps=0.01]"
    assert name("ness [strategy_args.eps=0.01]", 10) == "ness\n[eps=0.01]"


def test_long_legends_have_few_columns() -> None:
    assert legend_columns(["ness", "gpm"], 7.0) > legend_columns(["ness [eps=0.01, rule=x]"], 7.0)
    assert legend_columns(["x" * 200], 3.4) == 1


def test_a_frozen_layout_stays() -> None:
    figure = Figure(layout="constrained")
    axes = figure.subplots()
    freeze(figure)
    before = axes.get_position().bounds
    axes.set_ylabel("a long\nlabel")
    figure.draw_without_rendering()
    assert axes.get_position().bounds == before


def test_parts_are_few_and_even() -> None:
    assert balanced("abcdefgh", 7) == ["abcd", "efgh"]
    assert balanced("abc", 7) == ["abc"]
    assert balanced([], 7) == []
