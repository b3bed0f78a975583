"""What every method of this project shares: the life of a task inside an Avalanche strategy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal, get_args

from avalanche.models import avalanche_forward
from torch import Tensor

from ness import compat
from ness.layers import Patterns, mark_task, release
from ness.moments import InputMoments, Statistic
from ness.trainable import TrainableLayers


class TaskPlugin(TrainableLayers):
    """Base of the methods: calls `begin_task` and `end_task` once a task, and guards both.

    A subclass overrides those two. Here is what surrounds them: the boundaries of online
    streams, a fresh optimiser that holds exactly the model's parameters, freezing and
    unfreezing, the rows of a head that serves all tasks (`ness.class_rows`), and refusals by
    name.

    ``include``, ``exclude``: shell-style patterns of layer names (`ness.layers`); ``heads``:
    patterns of the classifier modules, where they are not Avalanche's own.
    """

    scenarios: ClassVar[frozenset[str]] = frozenset({"til", "cil", "dil"})
    """Kinds of stream that the benchmark runner accepts for this method."""
    sees: ClassVar[Literal["task", "seen", "all"]] = "task"
    """The training data of a step in the benchmark runner: the task's own, that of all tasks so
    far (`cumulative`), or of the whole stream in a single step (`joint`)."""
    keeps_data: bool = False
    """Whether samples of earlier tasks are kept."""
    resumable: ClassVar[bool] = True
    """Whether `state_dict` holds all that the method carries between tasks. Where not, a run
    that was interrupted starts from task 1."""
    resets_model: ClassVar[bool] = False
    """Whether tasks start from the initial weights again, so that nothing that was measured on
    the net of earlier tasks holds for the next."""
    trains_updates: ClassVar[bool] = False
    """Whether later tasks train updates beside the weights, and not the weights themselves."""

    def __init__(
        self, *, include: Patterns = None, exclude: Patterns = None, heads: Patterns = None
    ) -> None:
        super().__init__(include=include, exclude=exclude, heads=heads)
        self.interference: dict[str, float] = {}
        """sqrt(tr(dW M dW^T) / tr(W0 M W0^T)) of the latest task's update dW, by layer."""
        self.interference_bound: dict[str, float] = {}
        """What ``interference`` can be at most: threshold * ||U||_F over the same denominator."""
        self._strategy: Any = None
        self._parts = 0

    def begin_task(self, strategy: Any) -> None:
        """Prepare the model for the coming task; its heads exist, nothing has been trained."""

    def end_task(self, strategy: Any) -> None:
        """Take what the method keeps; the task's weights are final."""

    def state_dict(self) -> dict[str, Any]:
        """All that the method carries between tasks: tensors and plain values, nothing else."""
        return {
            "tasks_done": self.tasks_done,
            "task_labels": sorted(self._task_labels),
            "classes_seen": sorted(self._classes_seen),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue after the task that `state_dict` was taken at."""
        self.tasks_done = int(state["tasks_done"])
        self._task_labels = {int(label) for label in state["task_labels"]}
        self._classes_seen = {int(label) for label in state["classes_seen"]}

    def state_bytes(self) -> int:
        """Bytes of the tensors in `state_dict`: what the method keeps beside the model."""
        return _tensor_bytes(self.state_dict())

    def task_data(self, strategy: Any, *, batch_size: int = 64, seed: int = 0) -> Iterator[Any]:
        """The task's training split in batches: evaluation transforms, a shuffle fixed by seed.

        What replay plugins mix into training is no part of it. A strategy that has them at hand
        faster gives them itself (``task_batches``), the same in the same order.
        """
        experience = compat.whole_task(strategy.experience)
        own = getattr(strategy, "task_batches", compat.task_batches)
        batches: Iterator[Any] = own(experience, batch_size=batch_size, seed=seed)
        return batches

    def task_sample(self, strategy: Any, n: int, *, seed: int) -> list[Any]:
        """About n random samples of the task's training split, in a batch a task label."""
        labels = len(set(compat.whole_task(strategy.experience).task_labels))
        batches = self.task_data(strategy, batch_size=-(-n // labels), seed=seed)
        first: dict[int, Any] = {}
        for batch in batches:
            first.setdefault(int(batch[-1][0]), batch)
            if len(first) == labels:
                break
        return list(first.values())

    def forward(self, strategy: Any, batch: Any) -> Tensor:
        """The model's outputs for an (x, ..., task label) batch."""
        x, task_labels = batch[0].to(strategy.device), batch[-1].to(strategy.device)
        outputs: Tensor = avalanche_forward(strategy.model, x, task_labels)
        return outputs

    def input_moments(
        self,
        strategy: Any,
        batches: Iterable[Any],
        *,
        statistic: Statistic = "second_moment",
        patch_share: float = 1.0,
    ) -> dict[str, Tensor]:
        """M of the adapted layers' inputs, in one pass over (x, ..., task label) batches."""
        moments = InputMoments(
            self.layers(strategy.model),
            statistic=statistic,
            patch_share=patch_share,
            seed=self.tasks_done,
        )
        moments.collect(strategy.model, batches, lambda batch: self.forward(strategy, batch))
        return moments.M

    def before_training_exp(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        if self._strategy is not None and self._strategy is not strategy:
            raise ValueError(
                f"this {type(self).__name__} already belongs to another strategy and holds its "
                f"state: make a new plugin for each strategy"
            )
        self._strategy = strategy
        if compat.starts_task(strategy.experience):
            release(strategy.model)  # of a task that was interrupted, under this plugin or another
            self._rest()
            self._parts = 0
            self._refuse_others(strategy)
            if self.trains_updates:
                compat.refuse_weight_importance(strategy, type(self).__name__)
            self._task_labels |= compat.known_task_labels(strategy.experience)
            self.check_model(strategy.model, task_incremental=not self.single_head)
            self.rows = self._class_rows(strategy) if self.single_head else {}
            self.ranks, self.interference, self.interference_bound = {}, {}, {}
            mark_task(strategy.model)
            self.begin_task(strategy)
            compat.fresh_optimizer(strategy)

    def _refuse_others(self, strategy: Any) -> None:
        for other in strategy.plugins:
            if isinstance(other, TaskPlugin) and other is not self:
                raise ValueError(
                    f"{type(self).__name__} beside {type(other).__name__}: both decide what "
                    f"trains; use one of the two"
                )

    def after_training_exp(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        self._parts += 1
        if compat.ends_task(strategy.experience, self._parts):
            self.end_task(strategy)
            release(strategy.model)
            self._rest()
            self._parts = 0
            if self.single_head:
                self._classes_seen |= compat.classes_of(strategy.experience)
            self.tasks_done += 1


def check_faults(as_released: Sequence[str], faults: Any) -> None:
    """Raise `ValueError` for a fault that is none of a Literal's."""
    for fault in as_released:
        if fault not in get_args(faults):
            raise ValueError(
                f"as_released = {fault!r} is unknown; choose among {', '.join(get_args(faults))}"
            )


def _tensor_bytes(value: Any) -> int:
    if isinstance(value, Tensor):
        return value.numel() * value.element_size()
    if isinstance(value, Mapping):
        return sum(_tensor_bytes(item) for item in value.values())
    if isinstance(value, list | tuple):
        return sum(_tensor_bytes(item) for item in value)
    return 0
