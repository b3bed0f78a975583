"""Data-augmented, flatness-aware GPM (Yang, Shen, Wang, et al.: ICCV 2023, DFGP)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from avalanche.models import avalanche_forward
from torch import Tensor

from baselines.gpm import GPM
from ness import compat
from ness.sam import SAMPlugin, unmoved_statistics
from ness.task_plugin import check_faults

Form = Literal["mixup", "sam"]
Fault = Literal["swapped_labels"]


class DFGP(GPM):
    """GPM whose steps seek weights, and mixtures of data, with a flat loss.

    Each step takes the loss CE(x, y) + ``weight`` * mean_i [(1 - l_i) CE(m_i, y_i) + l_i CE(m_i,
    y_p(i))] with m_i = (1 - l_i) x_i + l_i x_p(i), p a random permutation of the batch and l_i
    ~ Beta(``alpha``, ``alpha``). It climbs from there, in the weights by ``rho`` * g / ||g|| and in
    l by ``data_step`` * g / ||g||, and takes the gradient at that point, which the update then
    follows as in GPM; in task 1 as well. ``form = "sam"`` leaves the mixtures out (the variant
    in the code of NESS). ``threshold`` to ``samples`` are those of `baselines.gpm.GPM`.

    Defaults are those for CIFAR-100; the authors take alpha = 1 on 5-datasets and 20 elsewhere,
    thresholds 0.95, 0.95 and 0.97, weights from 1e-4 to 0.1.

    Departures. Those of GPM. Norm layers move their running statistics by the unmixed batch
    alone. Both passes share their random numbers.

    As released. ``as_released = ["swapped_labels"]`` brings their mixture back: l_i weighs y_i
    though the image has 1 - l_i of it, and both cross-entropies are means over the batch before
    they are weighted.

    Keeps C, (d, k) float32 a layer, growing until k = d; no data.
    """

    def __init__(
        self,
        *,
        form: Form = "mixup",
        alpha: float = 20.0,
        weight: float = 0.01,
        rho: float = 0.05,
        data_step: float = 0.05,
        threshold: float = 0.95,
        increment: float = 0.0,
        as_released: Sequence[Fault] = (),
        **arguments: Any,
    ) -> None:
        super().__init__(threshold=threshold, increment=increment, **arguments)
        check_faults(as_released, Fault)
        if form not in get_args(Form):
            raise ValueError(f"form = {form!r} is unknown; choose mixup or sam")
        if alpha <= 0 or weight < 0 or data_step < 0:
            raise ValueError(
                f"alpha = {alpha}, weight = {weight}, data_step = {data_step}: give alpha above 0, "
                f"the others at least 0"
            )
        self.form, self.alpha, self.weight, self.data_step = form, alpha, weight, data_step
        self.swapped_labels = "swapped_labels" in as_released
        self.sam = SAMPlugin(rho=rho)
        self._shares = torch.empty(0)
        """l of the batch's samples: what the second image and label weigh."""
        self._partners = torch.empty(0, dtype=torch.int64)

    def before_training(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        compat.put_first(strategy, self.sam)

    def before_training_iteration(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        super().before_training_iteration(strategy)
        if self.form == "mixup":
            # Drawn before the forward pass, whose random numbers the second pass repeats.
            n, device = len(strategy.mb_y), strategy.mb_x.device
            beta = torch.distributions.Beta(self.alpha, self.alpha)
            self._shares = beta.sample((n,)).to(device).requires_grad_()
            self._partners = torch.randperm(n).to(device)

    def before_backward(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        if self.form == "mixup":
            if self.sam.second_pass:
                self._shares = climb(self._shares, self.data_step)
            strategy.loss += self.weight * self._mixture_loss(strategy)

    def _mixture_loss(self, strategy: Any) -> Tensor:
        x, y, task_labels = strategy.mb_x, strategy.mb_y, strategy.mb_task_id
        if not torch.equal(task_labels[self._partners], task_labels):
            raise ValueError(
                "DFGP mixes samples of one task, and this batch has those of several: take what "
                "replays old samples away, or give form = 'sam'"
            )
        share, partners = self._shares, self._partners
        wide = share.view(-1, *(1 for _ in x.shape[1:]))
        with unmoved_statistics(strategy.model):
            mixed = (1 - wide) * x + wide * x[partners]
            logits = avalanche_forward(strategy.model, mixed, task_labels)
        if self.swapped_labels:
            own, other = F.cross_entropy(logits, y), F.cross_entropy(logits, y[partners])
            return (share * own + (1 - share) * other).mean()
        own = F.cross_entropy(logits, y, reduction="none")
        other = F.cross_entropy(logits, y[partners], reduction="none")
        return ((1 - share) * own + share * other).mean()


def climb(point: Tensor, step: float) -> Tensor:
    """point + step * g / ||g|| with g the point's gradient; the point itself where g is zero."""
    gradient = point.grad
    if gradient is None or gradient.norm() == 0:
        return point.detach()
    above: Tensor = point.detach() + step * gradient / gradient.norm()
    return above
