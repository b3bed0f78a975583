"""A sweep killed again and again ends with the very numbers of one left alone, and repeats nothing.

Three kills here; `make torture` takes fifty, with some of SIGTERM and SIGINT between them.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from kills import drawn, strike
from phases import IN_A_TASK, Tally
from sweep_process import gone, wait_until
from tortured_folder import TorturedFolder

KILLS = int(os.environ.get("NESS_KILLS", "3"))
MANY = KILLS > 10
FEW_RUNS = ['strategies=["ness", "replay", "trgp"]']
WORK_S = 8.0 if MANY else 1.5
"""About the seconds that the sweep trains, and less."""
STREAMS = (
    [
        [],
        [
            "stream=split_digits/cil",
            'strategies=["ness", "replay", "gpm", "agem", "dfgp", "adam_nscl", "ewc", "lora"]',
        ],
    ]
    if MANY
    else [FEW_RUNS]
)
"""What one folder after the other is filled with."""
KILLED = {1, -2, -9, -15, 130, 143}
"""Exit statuses: a worker was killed, the sweep was; of SIGINT and SIGTERM also as shells say."""


@pytest.mark.timeout(180 + 60 * KILLS)
def test_a_sweep_killed_at_random_moments_loses_and_repeats_nothing(tmp_path: Path) -> None:
    kills = drawn(KILLS, others=KILLS // 16, seed=18, work_s=WORK_S)
    tally = Tally()
    folder, finished = TorturedFolder(tmp_path, STREAMS[0]), False
    while kills or not finished:
        if finished:
            tally.folders += 1
            folder = TorturedFolder(tmp_path, STREAMS[tally.folders % len(STREAMS)])
        may_end_with = {0}
        with folder.sweep() as sweep:
            while kills and not sweep.ended():
                victim = strike(kills[0], sweep)
                if victim is None:
                    break
                may_end_with = KILLED | {0}
                if victim == sweep.pid:
                    sweep.wait()
                wait_until(lambda: gone(victim), 60, f"the end of {victim}")  # noqa: B023
                tally.add(kills.pop(0), folder.phases_at_death(sweep, victim))
            status = sweep.wait()
        said = sweep.log.read_text()
        assert status in may_end_with, said
        assert "Traceback" not in said
        folder.require_nothing_lost()
        finished = status == 0
        if finished:
            folder.require_as_if_undisturbed()
    tally.folders += 1
    tally.report()
    assert tally.in_phases(IN_A_TASK) >= KILLS / 3, tally.phases
    assert len(tally.phases) >= min(KILLS // 2 + 1, 6), tally.phases
