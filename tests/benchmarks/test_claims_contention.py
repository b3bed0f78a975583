"""Many processes, dead owners, several hosts: one living process at a time holds a claim."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import claim_workers
import pytest
from other_hosts import on_host, seen_apart
from test_claims import dead_pid, put_claim

from benchmarks import claims
from benchmarks.claims import claim, is_held

PROCESSES, ROUNDS = 4, 40


def fight(folder: Path, host: str, *numbers: float) -> list[str]:
    """The command that lets workers fight in a folder: how many, kills, seed, seconds a beat."""
    script = str(Path(claim_workers.__file__))
    return [sys.executable, script, str(folder), host, *map(str, numbers)]


def environment() -> dict[str, str]:
    root = str(Path(claims.__file__).parents[1])
    return os.environ | {"PYTHONPATH": root}


def judge(log: Path) -> Counter[str]:
    """Read what happened; fails where one took a claim that another living one held.

    Whoever is about to be killed may still take and drop claims, and be followed at any time.
    """
    holds: dict[str, str] = {}
    doomed: set[str] = set()
    happened: Counter[str] = Counter()
    for line in log.read_text().splitlines():
        what, which, name = line.split()
        happened[what] += 1
        if what == "enter":
            assert which not in holds, f"{name} and {holds[which]} hold claim {which}"
            if name not in doomed:
                holds[which] = name
        elif what == "leave" and name not in doomed:
            assert holds.pop(which) == name
        elif what == "kill":
            doomed.add(name)
            for lost in [which for which, holder in holds.items() if holder == name]:
                del holds[lost]
                happened["killed as holder"] += 1
    return happened


def assert_tidy(folder: Path) -> None:
    """Every claim can be taken, and what is left is one empty file for each."""
    for number in range(claim_workers.CLAIMS):
        assert not is_held(folder / str(number))
        with claim(folder / str(number)):
            pass
    left = sorted(path.name for path in folder.iterdir() if path.name != "log")
    assert [name.partition(".")[0] for name in left] == ["0", "1", "2"]


@pytest.mark.parametrize("seed", [1, 2])
def test_of_processes_that_are_killed_at_random_one_holds_it(tmp_path: Path, seed: int) -> None:
    kills = 60
    subprocess.run(
        fight(tmp_path, "here", 8, kills, seed, claims.BEAT_S),
        env=environment(),
        check=True,
        timeout=120,
    )
    happened = judge(tmp_path / "log")
    assert happened["kill"] == kills + 8
    assert happened["killed as holder"] > kills / 20
    assert happened["leave"] > kills
    assert_tidy(tmp_path)


@seen_apart
def test_of_processes_on_two_hosts_one_holds_it(tmp_path: Path) -> None:
    """Those of the other host are seen by their heartbeats alone: 3 s of silence are death."""
    hosts = [
        subprocess.Popen(on_host(name, fight(tmp_path, name, 3, 20, seed, 0.3)), env=environment())
        for seed, name in enumerate(["one", "two"])
    ]
    for host in hosts:
        assert host.wait(120) == 0
    happened = judge(tmp_path / "log")
    assert happened["kill"] == 2 * (20 + 3)
    assert happened["leave"] > 10


def _race(folder: Path, barrier: Any, wins: Any) -> None:
    for number in range(ROUNDS):
        barrier.wait(60)
        try:
            with claim(folder / f"{number}"):
                with wins.get_lock():
                    wins[number] += 1
                barrier.wait(60)  # held until all have tried
        except claims.Claimed:
            barrier.wait(60)


def test_of_many_that_race_for_stale_and_free_claims_one_wins(tmp_path: Path) -> None:
    pid = dead_pid()
    for number in range(0, ROUNDS, 2):
        put_claim(tmp_path / f"{number}", pid=pid)
    context = multiprocessing.get_context("spawn")
    barrier, wins = context.Barrier(PROCESSES), context.Array("i", ROUNDS)
    racers = [
        context.Process(target=_race, args=(tmp_path, barrier, wins)) for _ in range(PROCESSES)
    ]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(120)
    assert [racer.exitcode for racer in racers] == [0] * PROCESSES
    assert list(wins) == [1] * ROUNDS
