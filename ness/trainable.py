"""Which layers and rows a method trains in a task, and that everything else stays as it is."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

from avalanche.core import SupervisedPlugin
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
    norm_parameters,
    select_layers,
    shared_head,
)
from ness.rows import Layer


class TrainableLayers(SupervisedPlugin[Any]):
    """Part of `ness.task_plugin.TaskPlugin`: the choice of what trains, made anew every task.

    ``include``, ``exclude``: shell-style patterns of layer names (`ness.layers`); ``heads``:
    patterns of the classifier modules, where they are not Avalanche's own.
    """

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
        self.rows: dict[str, ClassRows] = {}
        """Rows of a single head's last layer that the current task may move, by layer name."""
        self._limits = RowLimits()
        self._classes_seen: set[int] = set()
        self._still: list[nn.Module] = []
        self._warned: set[tuple[str, str]] = set()
        self._task_labels: set[int] = set()

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
        self._still = []

    def before_training_iteration(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        for module in self._still:
            module.eval()

    def before_update(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        self._limits.remember()

    def after_update(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        self._limits.restore()
