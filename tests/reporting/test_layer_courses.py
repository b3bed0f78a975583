"""Ranks and interference by layer and task."""

from __future__ import annotations

import numpy as np
from reporting_records import MakeRecord, task

from benchmarks.reporting.figures.layers import courses, has, layers


def test_mean_and_std_over_the_runs_that_have_the_layer(make: MakeRecord) -> None:
    records = [
        make(tasks=[task(), task(ranks={"fc1": 10, "fc2": 4}), task(ranks={"fc1": 8})]),
        make(tasks=[task(), task(ranks={"fc1": 14}), task(ranks={"fc1": 8})]),
    ]
    mean, std = courses(records, "rank", ["fc1", "fc2"])
    np.testing.assert_allclose(mean, [[np.nan, np.nan], [12, 4], [8, np.nan]])
    # 10 and 14 are sqrt(8) apart from each other as samples; one run has no spread.
    np.testing.assert_allclose(std, [[np.nan, np.nan], [np.sqrt(8), 0], [0, np.nan]])


def test_layers_are_in_the_order_of_the_task_that_has_most(make: MakeRecord) -> None:
    first, second = {"conv2": 0, "fc": 1}, {"conv1": 0, "conv2": 3, "fc": 1}
    runs = {
        "ness": [make(tasks=[task(), task(ranks=first), task(ranks=second)])],
        "gpm": [make("gpm", tasks=[task(ranks={"another": 1})])],
    }
    assert layers(runs) == ["conv1", "conv2", "fc", "another"]
    assert layers({"naive": [make("naive")]}) == []


def test_ranks_of_0_alone_are_nothing(make: MakeRecord) -> None:
    frozen = [make("frozen", tasks=[task(), task(ranks={"fc1": 0, "fc2": 0})])]
    assert not has(frozen, "rank")
    assert has([make(tasks=[task(), task(ranks={"fc1": 0, "fc2": 2})])], "rank")
