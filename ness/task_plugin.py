"""What every method of this project shares: the life of a task inside an Avalanche strategy."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal, get_args

from avalanche.core import SupervisedPlugin
from avalanche.models import avalanche_forward
from torch import Tensor, nn

from ness import compat
from ness.class_rows import ClassRows, RowLimits, class_layers, class_rows, head_layers, limit_rows
from ness.layers import (
    Patterns,
    at_release,
    describe_frozen,
    find_heads,
    freeze,
    head_parameters,
    keeps_running_statistics,
    mark_task,
    norm_parameters,
    release,
    select_layers,
    shared_head,
)
from ness.moments import InputMoments, Layer, Statistic


class TaskPlugin(SupervisedPlugin[Any]):
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
    trains_updates: ClassVar[bool] = False
    """Whether later tasks train updates beside the weights, and not the weights themselves."""

    def __init__(
        self, *, include: Patterns = None, exclude: Patterns = None, heads: Patterns = None
    ) -> None:
        super().__init__()
        self.include, self.exclude, self.heads = include, exclude, heads
        self.tasks_done = 0
        """Tasks learnt so far."""
        self.ranks: dict[str, int] = {}
        """Input directions along which each layer may move in the latest task (of LoRA: the
        rank of its update); empty where nothing is constrained."""
        self.interference: dict[str, float] = {}
        """sqrt(tr(dW M dW^T) / tr(W0 M W0^T)) of the latest task's update dW, by layer."""
        self.interference_bound: dict[str, float] = {}
        """What ``interference`` can be at most: threshold * ||U||_F over the same denominator."""
        self.rows: dict[str, ClassRows] = {}
        """Rows of a single head's last layer that the current task may move, by layer name."""
        self._limits = RowLimits()
        self._classes_seen: set[int] = set()
        self._strategy: Any = None
        self._still: list[nn.Module] = []
        self._warned: set[tuple[str, str]] = set()
        self._task_labels: set[int] = set()
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

    def layers(self, model: nn.Module) -> dict[str, Layer]:
        """The layers whose inputs the method protects, by name.

        Those of a single head are among them, for the tasks that train its classes again.
        """
        layers = select_layers(model, include=self.include, exclude=self.exclude, heads=self.heads)
        for label in self._task_labels if self.single_head else ():
            for inside in head_layers(model, self.heads, label).values():
                layers |= {name: model.get_submodule(name) for name in inside}  # type: ignore[misc]
        return layers

    @property
    def single_head(self) -> bool:
        """Whether one head serves all tasks: the stream has one task label."""
        return len(self._task_labels) == 1

    @property
    def free_heads(self) -> Patterns:
        """What to pass as ``heads`` for the modules that train freely in every task.

        A single head is none of them: it serves earlier tasks too.
        """
        return () if self.single_head else self.heads

    def adapted(self, model: nn.Module) -> dict[str, Layer]:
        """Those of `layers` that the current task adapts: not a head with new classes alone."""
        layers = self.layers(model)
        fresh = {name for name, rows in self.rows.items() if not rows.known.any()}
        return {name: layer for name, layer in layers.items() if name not in fresh}

    def check_model(self, model: nn.Module, *, task_incremental: bool) -> None:
        """Raise `ValueError` for a model that the method cannot train, naming why."""
        compat.refuse_wrapped(model, type(self).__name__)
        if task_incremental and not find_heads(model, self.heads):
            raise ValueError(
                f"the stream is task-incremental but {type(model).__name__} has no head a task: "
                f"end it in avalanche.models.MultiHeadClassifier, or name its heads with heads="
            )
        if not self.layers(model):
            raise ValueError(
                f"{type(model).__name__} has no Linear or convolution layer outside its heads: "
                f"check include, exclude and heads"
            )

    def task_data(self, strategy: Any, *, batch_size: int = 64, seed: int = 0) -> Iterator[Any]:
        """The task's training split in batches: evaluation transforms, a shuffle fixed by seed.

        What replay plugins mix into training is no part of it.
        """
        dataset = compat.whole_task(strategy.experience).dataset
        return compat.evaluation_batches(dataset, batch_size=batch_size, seed=seed)

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
        self, strategy: Any, batches: Iterable[Any], *, statistic: Statistic = "second_moment"
    ) -> dict[str, Tensor]:
        """M of the adapted layers' inputs, in one pass over (x, ..., task label) batches."""
        moments = InputMoments(self.layers(strategy.model), statistic=statistic)
        moments.collect(strategy.model, batches, lambda batch: self.forward(strategy, batch))
        return moments.M

    def train_only(
        self,
        strategy: Any,
        parameters: Sequence[Tensor],
        *,
        biases: bool = False,
        norms: bool = False,
    ) -> None:
        """Until the task ends train ``parameters`` and the current heads alone.

        Of a single head the rows of new classes train, and those of known classes where
        ``parameters`` has their layer or its update; see `ness.class_rows`. Everything else is
        frozen, norm layers with their running statistics too (they run in eval mode, or old
        tasks would forget through the buffers); ``biases`` (of the adapted layers) and ``norms``
        lift that. What the user froze stays frozen.
        """
        model, layers = strategy.model, self.layers(strategy.model)
        heads = find_heads(model, self.free_heads).values()
        in_heads = {module for head in heads for module in head.modules()}
        trainable: list[Tensor] = list(parameters)
        if not self.single_head:
            experience = compat.whole_task(strategy.experience)
            trainable += head_parameters(model, self.heads, experience)
            shared = shared_head(model, self.heads, experience)
            self.warn_names("serves several task labels, trains freely and unprotected", shared)
        if biases:
            trainable += [layer.bias for layer in layers.values() if layer.bias is not None]
        else:
            biased = [name for name, layer in layers.items() if layer.bias is not None]
            self.warn_names("biases are frozen from the second task on", biased)
        if norms:
            trainable += norm_parameters(model, self.free_heads).values()
        trained = {id(parameter) for parameter in trainable}
        for name, rows in self.rows.items():
            trainable += limit_rows(self._limits, layers[name], rows, trained)
        at_release(model, self._limits.clear)
        freeze(model, trainable)
        stuck = {id(layers[name].weight) for name, rank in self.ranks.items() if rank == 0}
        if not any(p.requires_grad and id(p) not in stuck for p in model.parameters()):
            raise ValueError(
                f"{type(self).__name__} leaves nothing to train in task {self.tasks_done + 1} "
                f"(ranks {self.ranks}): allow more directions, or name the classifier with heads="
            )
        moving = [] if norms else [m for m in model.modules() if keeps_running_statistics(m)]
        self._still = [module for module in moving if module not in in_heads]
        for kind, names in describe_frozen(model, layers, self.free_heads, norms=not norms).items():
            self.warn_names(f"{kind} is frozen from the second task on", names)

    def report_ranks(self, layers: Iterable[str]) -> None:
        """Warn of the layers that stay still in this task, of those that could be adapted."""
        frozen = [name for name, rank in self.ranks.items() if rank == 0]
        unseen = [name for name in layers if name not in self.ranks]
        self.warn_names("no free direction, frozen", frozen)
        self.warn_names("never called on earlier tasks, frozen", unseen)

    def warn_names(self, message: str, names: Iterable[str]) -> None:
        """Warn of the modules that have not been named with this message before."""
        new = [name for name in names if (message, name) not in self._warned]
        if new:
            self._warned |= {(message, name) for name in new}
            warnings.warn(f"{type(self).__name__}: {message}: {', '.join(new)}", stacklevel=2)

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

    def _class_rows(self, strategy: Any) -> dict[str, ClassRows]:
        classes = compat.classes_of(strategy.experience)
        new = sorted(classes - self._classes_seen)
        if self._classes_seen and new and not find_heads(strategy.model, self.heads):
            raise ValueError(
                f"task {self.tasks_done + 1} brings new classes ({', '.join(map(str, new))}) to a "
                f"head that {type(self).__name__} does not know: name the classifier with heads="
            )
        (label,) = self._task_labels
        layers = class_layers(strategy.model, self.heads, label)
        return class_rows(layers, classes, self._classes_seen)

    def _rest(self) -> None:
        self._limits.clear()
        self._still, self._parts = [], 0

    def _refuse_others(self, strategy: Any) -> None:
        for other in strategy.plugins:
            if isinstance(other, TaskPlugin) and other is not self:
                raise ValueError(
                    f"{type(self).__name__} beside {type(other).__name__}: both decide what "
                    f"trains; use one of the two"
                )

    def before_training_iteration(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        for module in self._still:
            module.eval()

    def before_update(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        self._limits.remember()

    def after_update(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        self._limits.restore()

    def after_training_exp(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        self._parts += 1
        if compat.ends_task(strategy.experience, self._parts):
            self.end_task(strategy)
            release(strategy.model)
            self._rest()
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
