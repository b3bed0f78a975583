"""One of Avalanche's plugins as a whole strategy of this project."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from avalanche.core import SupervisedPlugin

from baselines.plugin_state import held_bytes, pack, unpack
from baselines.stock import Naive

CALLBACKS = tuple(name for name in dir(SupervisedPlugin) if name.startswith(("before_", "after_")))


class Stock(Naive):
    """Carries one Avalanche plugin, ``inner``, and hands every callback on to it.

    What surrounds a task in `TaskPlugin` (a fresh optimiser above all) lies outside the inner
    plugin: before it at the start, after it at the end.
    """

    resumable: ClassVar[bool] = False
    carries: ClassVar[tuple[str, ...]] = ()
    """Attributes of ``inner`` that hold all it takes from task to task, where resumable."""

    def __init__(self, inner: SupervisedPlugin[Any]) -> None:
        super().__init__()
        self.inner = inner
        self._counters = (0, 0)
        """Experiences and iterations trained: importance methods ask the strategy's clock for
        them, and that of a resumed strategy starts at zero."""
        self._resumed = False

    def state_dict(self) -> dict[str, Any]:
        state = super().state_dict()
        if self.resumable:
            carried = {name: pack(getattr(self.inner, name)) for name in self.carries}
            state |= {"counters": self._counters, "inner": carried}
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        if self.resumable:
            self._counters, self._resumed = tuple(state["counters"]), True
            for name in self.carries:
                value = unpack(state["inner"][name], like=getattr(self.inner, name))
                setattr(self.inner, name, value)
        elif self.tasks_done:
            raise ValueError(
                f"{type(self).__name__} cannot go on after task {self.tasks_done}: its state was "
                f"not stored; start again from task 1"
            )

    def state_bytes(self) -> int:
        """Bytes of all that the inner plugin holds; see `baselines.plugin_state.held_bytes`."""
        return held_bytes(self.inner, None if self._strategy is None else self._strategy.model)

    def before_training_exp(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        super().before_training_exp(strategy, *args, **kwargs)
        if self._resumed:
            strategy.clock.train_exp_counter, strategy.clock.train_iterations = self._counters
            self._resumed = False
        self.inner.before_training_exp(strategy, *args, **kwargs)

    def after_training_exp(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        # The clock comes last in Avalanche's list: this experience is not counted yet.
        self._counters = strategy.clock.train_exp_counter + 1, strategy.clock.train_iterations
        size = strategy.train_mb_size
        strategy.train_mb_size = without_last_of_one(len(strategy.experience.dataset), size)
        try:
            self.inner.after_training_exp(strategy, *args, **kwargs)
        finally:
            strategy.train_mb_size = size
        super().after_training_exp(strategy, *args, **kwargs)


def without_last_of_one(n: int, size: int) -> int:
    """The largest batch size up to ``size`` that leaves no last batch of one of n samples.

    Importance passes cut the task's data by it, and BatchNorm raises an error for one sample.
    """
    while size > 2 and n % size == 1:
        size -= 1
    return size


def _handing_on(name: str) -> Callable[..., None]:
    own, first = getattr(Naive, name), name.startswith("before_")

    def callback(self: Stock, strategy: Any, *args: Any, **kwargs: Any) -> None:
        if first:
            own(self, strategy, *args, **kwargs)
        getattr(self.inner, name)(strategy, *args, **kwargs)
        if not first:
            own(self, strategy, *args, **kwargs)

    callback.__name__, callback.__qualname__ = name, f"{Stock.__qualname__}.{name}"
    return callback


for _name in CALLBACKS:
    if _name not in vars(Stock):
        setattr(Stock, _name, _handing_on(_name))
