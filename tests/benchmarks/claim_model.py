"""Every order in which a few processes can take, lose and drop one claim.

`benchmarks.claims` itself runs on files in memory, one operation of one process at a time. What a
process does next follows from the results it has had so far: to take a step it is run anew, the
stored results are fed to it, the next operation happens and the one after stops it. So the state
of everything is a value, and each that can be reached is looked at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from benchmarks.claim_files import ClaimFiles, Found
from benchmarks.claim_owners import Owner
from benchmarks.claims import Claimed, Held, take

WAITING, HOLDING, LEFT = "waiting", "holding", "left"


class Player(NamedTuple):
    """A process: what it has seen, whether it lives and can be seen from elsewhere, what it did."""

    results: tuple[Any, ...] = ()
    ended: bool = False
    alive: bool = True
    cut_off: bool = False
    """Its heartbeats do not arrive: to all others it looks dead."""
    was_cut: bool = False
    phase: str = WAITING
    number: int = 0
    """Of its claim, once it holds it."""
    overtaken: bool = False
    """Another held a newer one when this process began to look whether it may write."""


class World(NamedTuple):
    """Everything: the claim's files (number, player's index or None for released), the players."""

    files: tuple[tuple[int, int | None], ...]
    players: tuple[Player, ...]

    def change(self, index: int, **fields: Any) -> World:
        players = list(self.players)
        players[index] = players[index]._replace(**fields)
        return self._replace(players=tuple(players))


class Stopped(BaseException):
    """The step is done."""


class Step:
    """Runs a player up to and with its next operation."""

    def __init__(self, world: World, index: int) -> None:
        self.world, self.index = world, index
        self.left = list(world.players[index].results)
        self.done = False

    def operation(self, act: Callable[[], Any]) -> Any:
        if self.left:
            return self.left.pop(0)
        if self.done:
            raise Stopped
        self.done = True
        result = act()
        results = self.world.players[self.index].results
        self.world = self.world.change(self.index, results=(*results, result))
        return result


class Process(Owner):
    """The owner of a claim in the model, named by the player's index."""

    step: ClassVar[Step]

    def lives(self) -> bool:
        def look() -> bool:
            player = self.step.world.players[int(self.nonce)]
            return player.alive and not player.cut_off

        return bool(self.step.operation(look))


@cache
def process(index: int) -> Process:
    return Process(host="", boot="", pid_namespace=1, pid=1, started=0, nonce=str(index))


class Memory(ClaimFiles):
    """The files, with each system call an operation that others can come before and after."""

    def __init__(self, step: Step) -> None:
        super().__init__(Path("claim"))
        self.step = step

    def _files(self) -> dict[int, int | None]:
        return dict(self.step.world.files)

    def _store(self, files: dict[int, int | None]) -> None:
        self.step.world = self.step.world._replace(files=tuple(sorted(files.items())))

    def numbers(self) -> list[int]:
        return list(self.step.operation(lambda: tuple(sorted(self._files()))))

    def read(self, number: int) -> Found | None:
        content = self.step.operation(lambda: self._files().get(number, "nothing"))
        if content == "nothing":
            return None
        return Found(None if content is None else process(content), 0.0)

    def put(self, owner: Owner, number: int) -> bool:
        def link() -> bool:
            files = self._files()
            if number in files:
                return False
            self._store(files | {number: int(owner.nonce)})
            return True

        return bool(self.step.operation(link))

    def release(self, owner: Owner, number: int) -> None:
        def empty() -> None:
            files = self._files()
            if files.get(number) == int(owner.nonce):
                self._store(files | {number: None})

        self.step.operation(empty)

    def remove(self, number: int) -> None:
        self.step.operation(
            lambda: self._store({n: who for n, who in self._files().items() if n != number})
        )

    def sweep_up(self, grace: float) -> None:
        """No helper files here."""


def life(step: Step) -> None:
    """A process takes the claim, writes if it still may, and lets go of it."""
    index, files = step.index, Memory(step)

    def me(**fields: Any) -> None:
        step.world = step.world.change(index, **fields)

    def enter(number: int) -> None:
        players = step.world.players
        for player in players:
            both = player.alive and player.phase == HOLDING
            wronged = player.was_cut or players[index].was_cut
            assert not both or wronged, "two hold it that nothing was wrong with"
        me(phase=HOLDING, number=number)

    def look() -> None:
        mine = step.world.players[index].number
        me(overtaken=any(player.number > mine for player in step.world.players))

    def write() -> None:
        assert not step.world.players[index].overtaken, "it writes what another works on"

    def give_up() -> None:
        assert step.world.players[index].was_cut, "it lost a claim that it had kept alive"

    owner = process(index)
    try:
        number = take(files, owner)
    except Claimed:
        return
    held = Held(files, owner, number)
    step.operation(lambda: enter(number))
    step.operation(look)
    step.operation(give_up if held.lost else write)
    step.operation(lambda: me(phase=LEFT))
    held.release()


def after(world: World, index: int) -> World:
    """The world once a player has taken its next step."""
    step = Process.step = Step(world, index)
    try:
        life(step)
    except Stopped:
        return step.world
    return step.world.change(index, ended=True)


def nexts(world: World, kills: int, cuts: int) -> Iterator[World]:
    """All that can happen next, with so many processes killed and hosts cut off in all."""
    may_kill = sum(not player.alive for player in world.players) < kills
    may_cut = sum(player.was_cut for player in world.players) < cuts
    for index, player in enumerate(world.players):
        if player.ended or not player.alive:
            continue
        yield after(world, index)
        if may_kill:
            yield world.change(index, alive=False)
        if player.cut_off:
            yield world.change(index, cut_off=False)
        elif may_cut:
            yield world.change(index, cut_off=True, was_cut=True)


def explore(players: int, kills: int, cuts: int) -> int:
    """Look at every state that can be reached, and return how many there are.

    Wherever nothing goes on any more, a process that comes then has to get the claim.
    """
    begin = World((), (Player(),) * players)
    seen, todo = {begin}, [begin]
    while todo:
        world = todo.pop()
        if all(player.ended or not player.alive for player in world.players):
            latecomer = world._replace(players=(*world.players, Player()))
            while not latecomer.players[-1].ended:
                latecomer = after(latecomer, players)
            assert latecomer.players[-1].phase == LEFT, "nobody can take it any more"
            assert len(latecomer.files) == 1, "files are left behind"
        for found in nexts(world, kills, cuts):
            if found not in seen:
                seen.add(found)
                todo.append(found)
    return len(seen)
