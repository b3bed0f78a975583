from __future__ import annotations

import pytest

from benchmarks.reporting.report_captions import said_of


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("accuracy", "Average accuracy over tasks"),
        ("matrices-2", "Accuracy matrices, page 2"),
        ("ablation-optimizer.lr", "Ablation over optimizer.lr"),
        ("later", "Later"),
    ],
)
def test_a_figure_is_called_by_what_it_draws(name: str, title: str) -> None:
    assert said_of(name)[0] == title
    assert said_of(name)[1]
