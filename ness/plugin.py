"""NESS: continual learning in the null space of small singular values (arXiv 2602.21919).

After each task, per layer: M <- M + X^T X over the task's inputs X of that layer. Before
the next: V = the eigenvectors of M with small singular values, fixed; the weight acts as
W + U V^T and U alone is trained, from zero; then the update is merged into W. An update
made of directions that earlier inputs hardly use hardly changes earlier outputs, and by how
much is known without the earlier data: ||X (U V^T)^T||_F^2 = trace(U V^T M V U^T).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from ness.attached import Attached, adapted_layers
from ness.forms import NESSForm, attach_update, check_ness_form, check_optimizer
from ness.layers import Patterns, at_release
from ness.moments import add_moments, check_moments
from ness.nullspace import NullSpace, Rule, check_rule, null_space, ratio, response
from ness.projected import DecayFromBase
from ness.rows import weight_matrix
from ness.task_plugin import TaskPlugin, check_faults

Moments = Literal["accumulate", "recompute"]
Fault = Literal["nan_freezes", "first_task_only"]


class NESSPlugin(TaskPlugin):
    """NESS as a plugin for any Avalanche strategy, model, optimiser and stream.

    Task 1 trains the whole model as the strategy would without it. From task 2 on only U of
    every adapted layer and the current head train; everything else is frozen. Of a head that
    serves all tasks the rows of new classes train, rows of classes that come again are adapted
    like any layer, and all others rest (`ness.class_rows`).

    - ``eps``, ``rule``: which singular values are small, see `ness.nullspace.null_space`.
    - ``moments``: ``"accumulate"`` adds each task's moments once, when it ends, and keeps no
      data: memory d^2 float64 a layer, flat in the number of tasks. ``"recompute"`` keeps all
      training inputs and measures them anew with the current weights after each task, as the
      authors' code does.
    - ``patch_share``: the share of each convolution's windows (patches) that the moments are
      taken over, drawn at random; 1 takes all. Less costs less and turns the basis a little, as
      long as many more windows are drawn than the layer has inputs.
    - ``include``, ``exclude``, ``heads``: shell-style patterns of module names. All Linear
      and convolution layers are adapted but the heads; Avalanche's own classifiers are
      heads, others are named with ``heads``.
    - ``train_bias``, ``train_norm``: train biases of adapted layers / norm layers in later
      tasks too. Neither is protected by the null space: old tasks may forget through them.
    - ``form``: how W + U V^T is computed, see `ness.forms.attach_update`: the weight itself is
      trained, its gradient projected, where that equals training U (SGD); U elsewhere.

    Departures. Decomposition in float64 with eigenvalues clamped at zero, where the authors'
    code gets NaN and freezes the layer; moments accumulated, where theirs keeps all data;
    batches of one task and in a fixed shuffle, where theirs mix tasks at their borders. On
    online streams a task's moments are taken over all of its parts when it ends.

    As released. ``as_released`` brings faults of the authors' code back: ``"nan_freezes"``
    decomposes in float32 without the clamp (layers with fewer samples than inputs freeze);
    ``"first_task_only"`` protects the first task alone, as their 5-datasets scripts do.

    Keeps M, (d, d) float64 a layer, flat in the number of tasks; no data, but with
    ``recompute`` all of it.
    """

    trains_updates: ClassVar[bool] = True

    def __init__(
        self,
        *,
        eps: float = 1e-3,
        rule: Rule = "nuclear",
        moments: Moments = "accumulate",
        patch_share: float = 1.0,
        include: Patterns = None,
        exclude: Patterns = None,
        heads: Patterns = None,
        train_bias: bool = False,
        train_norm: bool = False,
        form: NESSForm = "auto",
        as_released: Sequence[Fault] = (),
    ) -> None:
        super().__init__(include=include, exclude=exclude, heads=heads)
        check_faults(as_released, Fault)
        check_rule(rule, eps)
        check_ness_form(form)
        if moments not in ("accumulate", "recompute"):
            raise ValueError(f"moments = {moments!r} is unknown; choose accumulate or recompute")
        self.eps, self.rule, self.moments, self.form = eps, rule, moments, form
        if not 0 < patch_share <= 1:
            raise ValueError(f"patch_share = {patch_share} must be above 0 and at most 1")
        self.patch_share = patch_share
        self.keeps_data = moments == "recompute"
        self.train_bias, self.train_norm = train_bias, train_norm
        self.as_released = as_released
        self.M: dict[str, Tensor] = {}
        """Second moments of each layer's inputs over all tasks so far, float64."""
        self._spaces: dict[str, NullSpace] = {}
        self._kept_data: list[list[Tensor]] = []

    # Before a task: basis, attach, freeze ------------------------------------------------

    def begin_task(self, strategy: Any) -> None:
        check_optimizer(self.form, strategy.optimizer)
        if self.tasks_done == 0:
            return
        check_moments(self.M, self.layers(strategy.model))
        layers = self.adapted(strategy.model)
        self._spaces = {name: self.basis(name) for name in layers if name in self.M}
        self.ranks = {name: space.rank for name, space in self._spaces.items()}
        for name, space in self._spaces.items():
            if not space.frozen and layers[name].weight.requires_grad:
                attach_update(
                    layers[name],
                    space,
                    form=self.form,
                    optimizer=strategy.optimizer,
                    whole=name not in self.rows,
                    rows=strategy.train_mb_size,
                    first=name == next(iter(layers)),
                )
        self.report_ranks(layers)
        open_ = [name for name, space in self._spaces.items() if space.unconstrained]
        self.warn_names(f"all directions are free at eps = {self.eps}, unconstrained", open_)
        updates = adapted_layers(layers).values()
        at_release(strategy.model, DecayFromBase(strategy.optimizer, updates).remove)
        trained = [update.trained for update in updates]
        self.train_only(strategy, trained, biases=self.train_bias, norms=self.train_norm)

    def basis(self, name: str) -> NullSpace:
        """The free directions of a layer, given the moments so far."""
        try:
            return null_space(
                self.M[name],
                eps=self.eps,
                rule=self.rule,
                nan_freezes="nan_freezes" in self.as_released,
            )
        except ValueError as error:
            raise ValueError(f"layer {name!r}: {error}") from error

    # After a task: merge, moments --------------------------------------------------------

    def end_task(self, strategy: Any) -> None:
        for name, layer in adapted_layers(self.layers(strategy.model)).items():
            self._measure(name, layer)
            layer.merge()
        self._spaces = {}
        if self.tasks_done > 0 and "first_task_only" in self.as_released:
            return
        if self.moments == "accumulate":
            add_moments(self.M, self._moments(strategy, self.task_data(strategy)))
        else:
            self._kept_data += [[batch[0], batch[-1]] for batch in self.task_data(strategy)]
            self.M = self._moments(strategy, self._kept_data)

    def _moments(self, strategy: Any, batches: Iterable[Any]) -> dict[str, Tensor]:
        return self.input_moments(strategy, batches, patch_share=self.patch_share)

    def _measure(self, name: str, layer: Attached) -> None:
        """Interference of U V^T with the inputs that M recorded, and its bound tau * ||U||_F."""
        M, tau = self.M[name], self._spaces[name].threshold
        delta = weight_matrix(layer, layer.delta(torch.float64).detach())
        before = response(weight_matrix(layer, layer.start.detach()), M) ** 0.5
        norms = delta.square().sum((-2, -1)).to(tau)  # of U too: V is orthonormal
        self.interference[name] = ratio(response(delta, M) ** 0.5, before)
        self.interference_bound[name] = ratio(float((tau.square() * norms).sum()) ** 0.5, before)

    # State -------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        state = {"moments": self.moments, "M": dict(self.M), "kept_data": list(self._kept_data)}
        return super().state_dict() | state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if state["moments"] != self.moments:
            raise ValueError(
                f"the state was saved with moments = {state['moments']!r}, this plugin has "
                f"{self.moments!r}: build it with the same"
            )
        super().load_state_dict(state)
        self.M, self._kept_data = dict(state["M"]), list(state["kept_data"])
