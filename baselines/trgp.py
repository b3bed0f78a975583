"""TRGP: trust-region gradient projection (Lin, Yang, Fan, Zhang: ICLR 2022, arXiv 2202.02931)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from baselines.energy import check_threshold, rising
from baselines.gpm import free_rank
from baselines.projection import ProjectedUpdates, drop
from baselines.trust_region import (
    ScaledSubspaces,
    attach_scales,
    scaled_part,
    scales,
    task_basis,
    trusted,
)
from ness import compat
from ness.layers import Patterns, in_task
from ness.moments import eval_mode
from ness.rows import Layer, weight_matrix
from ness.task_plugin import check_faults

Fault = Literal["drops_strongest", "trains_norms"]


class TRGP(ProjectedUpdates):
    """GPM whose new task may rescale the weights within related old tasks' input subspaces.

    Before task t the gradient g of ``samples`` images is taken. Where ||g M_j M_j^T|| > ``trust`` *
    ||g||, task j is in the layer's trust region; of the ``most_trusted`` with the largest such
    norm, the layer acts as W + sum_j (W M_j S_j M_j^T - W M_j M_j^T), with S_j trained from I.
    The update of W is projected off the bases of all tasks, as in GPM. S_j belongs to task t
    and is used when it is tested; earlier tasks are tested with theirs. After it a task's
    basis is chosen by ranking old and new directions by their energy, until ``threshold + t *
    increment`` is held (Algorithm 1). With no trusted task the steps are those of GPM.

    Evaluate through the strategy, which swaps the scaled weights in; `scaled` does it for other
    code. Task-incremental streams alone: the task has to be known.

    Departures. Those of GPM. All tasks that are trusted are judged by one batch in eval mode.
    S_j - I is trained, so that weight decay pulls S_j to I (theirs has none). A test is one
    pass; the authors average ten over shuffled batches.

    As released. ``as_released`` brings faults of the authors' code back: ``"drops_strongest"``
    leaves the strongest new direction of every task unprotected (an off-by-one);
    ``"trains_norms"`` trains norm layers in later tasks, as their CIFAR-100 script does.

    Keeps C and M_1 ... M_t, (d, k) float32 a layer each, and the S_j of every task: grows with
    tasks; no data.
    """

    scenarios: ClassVar[frozenset[str]] = frozenset({"til"})

    def __init__(
        self,
        *,
        threshold: float = 0.97,
        increment: float = 0.003,
        trust: float = 0.5,
        most_trusted: int = 2,
        samples: int = 125,
        as_released: Sequence[Fault] = (),
        include: Patterns = None,
        exclude: Patterns = None,
        heads: Patterns = None,
    ) -> None:
        super().__init__(include=include, exclude=exclude, heads=heads)
        check_faults(as_released, Fault)
        check_threshold(threshold, increment)
        if samples < 1:
            raise ValueError(f"samples = {samples} must be at least 1")
        if trust <= 0 or most_trusted < 0:
            raise ValueError(
                f"trust = {trust}, most_trusted = {most_trusted}: give trust above 0 (from 1 on no "
                f"task is trusted), most_trusted at least 0"
            )
        self.threshold, self.increment, self.samples = threshold, increment, samples
        self.trust, self.most_trusted, self.as_released = trust, most_trusted, as_released
        self.C: dict[str, Tensor] = {}
        """Orthonormal basis of all tasks' inputs, (d, k) or (groups, d, k)."""
        self.bases: list[dict[str, Tensor]] = []
        """M_j of every layer, by task."""
        self.scales: list[dict[str, dict[int, Tensor]]] = []
        """S_j - I by trusted task j of every layer, by task."""
        self.task_of_label: dict[int, int] = {}
        """The latest task of each task label, from 0."""
        self._label: int | None = None
        self._now: dict[str, list[int]] = {}
        self._swapped: list[tuple[Tensor, Tensor, Tensor]] = []

    def begin_task(self, strategy: Any) -> None:
        self._label, self._now = _only_label(strategy), {}
        self._swap_out()
        if self.single_head and (self.tasks_done > 0 or compat.has_siblings(strategy.experience)):
            raise ValueError(
                "TRGP tests every task with scales of its own, and this stream has one task label: "
                "give a stream with task labels, or take GPM"
            )
        if self.tasks_done == 0:
            return
        layers = self.layers(strategy.model)
        self.C |= {n: C.to(layers[n].weight) for n, C in self.C.items() if n in layers}
        self.constrained = {name: layers[name] for name in self.C if name in layers}
        self.ranks = {name: free_rank(self.C[name]) for name in self.constrained}
        self.report_ranks(layers)
        parameters: list[Tensor] = [layer.weight for layer in self.constrained.values()]
        for name, tasks in self._trusted(strategy).items():
            adapted = attach_scales(layers[name], [self.bases[j][name] for j in tasks])
            self._now[name] = tasks
            parameters.append(adapted.U)
        self.train_only(strategy, parameters, norms="trains_norms" in self.as_released)

    def project(self, name: str, delta: Tensor) -> Tensor:
        return drop(delta, self.C[name])

    def _trusted(self, strategy: Any) -> dict[str, list[int]]:
        """The tasks in the trust region of each layer that has any."""
        (batch,) = self.task_sample(strategy, self.samples, seed=self.tasks_done)
        with eval_mode(strategy.model):
            loss = strategy._criterion(self.forward(strategy, batch), batch[1].to(strategy.device))
            layers = {n: v for n, v in self.constrained.items() if v.weight.requires_grad}
            weights = [layer.weight for layer in layers.values()]
            gradients = torch.autograd.grad(loss, weights, allow_unused=True) if weights else ()
        found = {}
        for (name, layer), gradient in zip(layers.items(), gradients, strict=True):
            bases = {j: task[name] for j, task in enumerate(self.bases) if name in task}
            if gradient is not None:
                found[name] = trusted(
                    weight_matrix(layer, gradient),
                    bases,
                    threshold=self.trust,
                    most=self.most_trusted,
                )
        return {name: tasks for name, tasks in found.items() if tasks}

    def end_task(self, strategy: Any) -> None:
        layers = self.layers(strategy.model)
        energy = rising(self.threshold, self.increment, self.tasks_done)
        sample = self.task_sample(strategy, self.samples, seed=self.tasks_done)
        moments = self.input_moments(strategy, sample)  # as the scaled layers hand them on
        self.scales.append({})
        for name, tasks in self._now.items():
            layer = layers[name]
            assert isinstance(layer, ScaledSubspaces)
            trained = scales(layer, [self.bases[j][name] for j in tasks])
            self.scales[-1][name] = dict(zip(tasks, trained, strict=True))
            layer.detach_update()
        self.bases.append({})
        for name, M in moments.items():
            basis, union = task_basis(
                self.C.get(name),
                M,
                energy,
                drop_strongest="drops_strongest" in self.as_released and self.tasks_done > 0,
            )
            self.bases[-1][name], self.C[name] = basis.float(), union.float()
        assert self._label is not None
        self.task_of_label[self._label] = self.tasks_done
        self._label, self._now, self.constrained = None, {}, {}

    # Testing a task with its own scales ---------------------------------------------------

    def before_eval_exp(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        self._swap_in(strategy.model, _only_label(strategy))

    def after_eval_exp(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        self._swap_out()

    @contextmanager
    def scaled(self, model: nn.Module, task_label: int) -> Iterator[None]:
        """The model inside is the one that a task is tested with: weights with its scales."""
        self._swap_in(model, task_label)
        try:
            yield
        finally:
            self._swap_out()

    @torch.no_grad()
    def _swap_in(self, model: nn.Module, label: int) -> None:
        self._swap_out()
        if label == self._label and in_task(model):
            return  # the task in training: what scales it has are attached
        task = self.task_of_label.get(label)
        for name, layer in self.layers(model).items():
            part = self._scaled_part(name, layer, task)
            if isinstance(layer, ScaledSubspaces):
                self._replace(layer.U, torch.zeros_like(layer.U))
            if part is not None:
                self._replace(layer.weight, layer.weight + part)

    def _scaled_part(self, name: str, layer: Layer, task: int | None) -> Tensor | None:
        own = {} if task is None else self.scales[task].get(name, {})
        if not own:
            return None
        W = weight_matrix(layer, layer.weight)
        with torch.autocast(W.device.type, enabled=False):
            part = scaled_part(W, [self.bases[j][name] for j in own], list(own.values()))
        return part.reshape(layer.weight.shape)

    def _replace(self, parameter: Tensor, value: Tensor) -> None:
        self._swapped.append((parameter, parameter.detach().clone(), value))
        parameter.copy_(value)

    @torch.no_grad()
    def _swap_out(self) -> None:
        for parameter, before, swapped in self._swapped:
            # After an evaluation that broke off, somebody may have loaded other weights.
            if torch.equal(parameter, swapped):
                parameter.copy_(before)
        self._swapped = []

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {
            "C": dict(self.C),
            "bases": list(self.bases),
            "scales": list(self.scales),
            "task_of_label": dict(self.task_of_label),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self.C, self.bases = dict(state["C"]), list(state["bases"])
        self.scales, self.task_of_label = list(state["scales"]), dict(state["task_of_label"])


def _only_label(strategy: Any) -> int:
    labels = {int(label) for label in strategy.experience.task_labels}
    if len(labels) != 1:
        raise ValueError(
            f"TRGP has scales for one task at a time; this experience mixes {sorted(labels)}"
        )
    return labels.pop()
