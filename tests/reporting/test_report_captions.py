from __future__ import annotations

import pytest

from benchmarks.reporting.html.captions import said_of


@pytest.mark.parametrize(
    ("name", "page", "title"),
    [
        ("accuracy", 1, "Average accuracy over tasks"),
        ("matrices", 2, "Accuracy matrices, page 2"),
        ("ablation-optimizer.lr", 1, "Ablation over optimizer.lr"),
        ("ablation-optimizer.lr", 3, "Ablation over optimizer.lr, page 3"),
        ("ablation-depth-2", 1, "Ablation over depth-2"),
        ("later", 1, "Later"),
    ],
)
def test_a_figure_is_called_by_what_it_draws(name: str, page: int, title: str) -> None:
    assert said_of(name, page)[0] == title


@pytest.mark.parametrize(
    ("name", "signs"),
    [
        ("accuracy", ["a line a strategy", "band or bar", "dashed level", "light grey", "arrow"]),
        ("matrices", ["(across)", "(down)", "one colour scale", "Empty where"]),
        ("bars", ["(dash)", "(dot)", "grey bar", "triangle", "line through a dot"]),
        (
            "layers",
            [
                "largest rank that the update of each layer",
                "band",
                "dotted line is the bound",
                "logarithmic",
            ],
        ),
        ("plane", ["cross", "dotted line ACC", "Hollow grey", "edge", "arrow"]),
        ("pareto", ["line through a mark", "stepped line", "dashed level", "lower edge", "arrow"]),
        ("ablation-eps", ["a line a strategy", "band", "Grey levels"]),
    ],
)
def test_a_caption_explains_every_sign(name: str, signs: list[str]) -> None:
    said = said_of(name)[1]
    for sign in (*signs, "mean over seeds"):
        assert sign in said.replace("means over seeds", "mean over seeds")
    if name != "matrices":
        assert "one standard deviation" in said
        assert "standard error" not in said
    if name != "layers":
        assert "need not begin at 0" in said
