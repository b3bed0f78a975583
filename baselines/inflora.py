"""InfLoRA: interference-free low-rank adaptation (Liang, Li: CVPR 2024, arXiv 2404.00228)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor

from baselines.dual_memory import DualMemory
from baselines.energy import check_threshold, rising
from baselines.lora import merge_updates
from ness.adapter import Form, attach, check_form
from ness.attached import adapted_layers
from ness.layers import Patterns
from ness.nullspace import decompose, take_smallest
from ness.task_plugin import TaskPlugin


class InfLoRA(TaskPlugin):
    """W + A B with B fixed before training, orthogonal to the stored inputs of earlier tasks.

    Before task t the inputs H of every layer are measured on the new task's training split;
    the rows of B (r x d) are the leading directions of H's part outside the memory of earlier
    inputs (section 3.2), and A (out x r) alone is trained, from zero. After it, what the memory
    lacks of the task's inputs is added until it holds ``threshold + t * increment`` of their
    energy. Task 1 trains the whole net. What differs from NESS: NESS takes the directions that
    earlier inputs use least, this those that the new task uses most among the allowed ones.

    Departures. The authors adapt keys and values of a pre-trained transformer, in task 1 as
    well; here all layers of a small net. Their threshold rises from 0.95 to 1 over the stream,
    which 0.95 + 0.005 t does over ten tasks; it stops short of 1. Their B is divided by sqrt(3)
    and they train without dropout; here neither. They take singular values of the second
    moment, so its eigenvalues, and square those as if they were singular values of H; here the
    energy is that of H. Their first task takes one vector less, and where it takes more than
    d/2, they store those under the mark of the complement, which protects the others; here not.
    Everything in float64.

    Keeps for every layer the protected directions or all others, whichever are fewer, (d, d/2)
    float32 at most (of the fullest group, where a convolution is grouped); no data.
    """

    trains_updates: ClassVar[bool] = True

    def __init__(
        self,
        *,
        r: int = 10,
        threshold: float = 0.95,
        increment: float = 0.005,
        form: Form = "auto",
        include: Patterns = None,
        exclude: Patterns = None,
        heads: Patterns = None,
    ) -> None:
        super().__init__(include=include, exclude=exclude, heads=heads)
        check_form(form)
        if r < 1:
            raise ValueError(f"r = {r} must be at least 1")
        check_threshold(threshold, increment)
        self.r, self.threshold, self.increment, self.form = r, threshold, increment, form
        self.memory: dict[str, DualMemory] = {}
        """The protected directions of each layer's inputs."""

    def begin_task(self, strategy: Any) -> None:
        if self.tasks_done == 0:
            return
        layers = self.adapted(strategy.model)
        coming = self.input_moments(strategy, self.task_data(strategy))
        self.ranks = {}
        for name in [name for name in layers if name in coming and name in self.memory]:
            basis = design(self.memory[name], coming[name], self.r)
            self.ranks[name] = basis.shape[-1]
            if basis.shape[-1] and layers[name].weight.requires_grad:
                attach(layers[name], basis, form=self.form)
        self.report_ranks(layers)
        self.train_only(strategy, [layer.trained for layer in adapted_layers(layers).values()])

    def end_task(self, strategy: Any) -> None:
        merge_updates(self.layers(strategy.model))
        energy = rising(self.threshold, self.increment, self.tasks_done)
        for name, M in self.input_moments(strategy, self.task_data(strategy)).items():
            before = self.memory.get(name) or DualMemory.empty(M)
            self.memory[name] = before.extended(M, energy)

    def state_dict(self) -> dict[str, Any]:
        kept = {name: (memory.basis, memory.complement) for name, memory in self.memory.items()}
        return super().state_dict() | {"memory": kept}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self.memory = {name: DualMemory(*kept) for name, kept in state["memory"].items()}


def design(memory: DualMemory, M: Tensor, r: int) -> Tensor:
    """At most r leading directions (..., d, r) of the inputs' part outside the memory, float64.

    ``M`` (..., d, d): second moment of the new task's inputs. Directions in which that part has
    no energy above rounding (1e-10 of the inputs' largest) are left out; groups with fewer are
    padded with zero columns.
    """
    outside = memory.free(memory.free(M).mT)
    eigenvalues, eigenvectors = decompose((outside + outside.mT) / 2)
    largest = decompose(M)[0][..., -1:]
    ranks = (eigenvalues > 1e-10 * largest).sum(-1).clamp(max=r)
    leading = take_smallest(eigenvectors.flip(-1), ranks)
    # Exactly orthogonal to the memory as stored: its float32 basis is only nearly orthonormal.
    return memory.free(leading.mT).mT
