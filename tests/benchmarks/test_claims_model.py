"""The protocol of claims in every order of its steps, and that faults in it would be seen."""

from __future__ import annotations

import claim_model
import pytest
from claim_model import Memory, explore

from benchmarks import claims
from benchmarks.claim_files import ClaimFiles
from benchmarks.claim_owners import Owner


@pytest.mark.parametrize(
    ("players", "kills", "cuts", "states"),
    [(2, 1, 1, 10_000), (3, 0, 0, 5_000)],
    ids=["one is killed and one cut off", "three at once"],
)
def test_no_order_of_steps_lets_two_hold_it(
    players: int, kills: int, cuts: int, states: int
) -> None:
    """Nor does one that was taken for dead write, or free what another holds, or is one lost that
    was kept alive, or stays one that nobody can take."""
    assert explore(players, kills, cuts) > states


def test_a_number_that_was_tidied_away_and_taken_again_would_be_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Blind(Memory):
        def newest(self) -> int:
            """What it has put, without another look, when it should look again."""
            return self.put_last or super().newest()

        put_last = 0

        def put(self, owner: Owner, number: int) -> bool:
            self.put_last = number if super().put(owner, number) else 0
            return bool(self.put_last)

    monkeypatch.setattr(claim_model, "Memory", Blind)
    with pytest.raises(AssertionError, match="two hold it"):
        explore(3, 0, 0)


def test_the_removal_of_a_newer_number_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def tidy(files: ClaimFiles, newest: int) -> None:
        for number in files.numbers():
            if number != newest:
                files.remove(number)

    monkeypatch.setattr(claims, "_tidy", tidy)
    with pytest.raises(AssertionError, match="it lost a claim that it had kept alive"):
        explore(2, 1, 1)
