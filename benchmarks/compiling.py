"""The nets of a run through `torch.compile`, with a way back to the plain computation.

The trunk alone is compiled: the heads look up the task of the batch, which would make a program
a head. The model itself is never wrapped or changed, so that methods attach updates to its layers,
watch them with hooks and measure through it as they would without.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
import torch._dynamo
import torch._functorch.config
import torch._inductor.config
from avalanche.core import SupervisedPlugin
from avalanche.models import avalanche_forward
from torch import Tensor

from benchmarks.backbones import MultiHeadNet
from benchmarks.errors import one_line
from benchmarks.interruptions import is_out_of_memory

log = logging.getLogger(__name__)

PROGRAMS = 64
"""Compiled versions that one function may have within a task: train and eval mode, with and without
gradients, batch sizes. One more, and the run goes on without compiling, and says so."""


class CompiledTrunk:
    """Outputs of a net whose trunk is compiled; from the first failure on those of the plain net.

    ``backend``: torch's, ``inductor`` unless a test wants another.
    """

    def __init__(self, backend: str | Callable[..., Any] = "inductor") -> None:
        self.backend = backend
        self.fallback = ""
        """Why the net is not compiled any more, as one line; empty while it is."""
        self._trunk: Callable[..., Tensor] | None = None
        self._of: MultiHeadNet | None = None

    def __call__(self, model: MultiHeadNet, x: Tensor, task_labels: Tensor) -> Tensor:
        logits: Tensor
        if self.fallback:
            logits = avalanche_forward(model, x, task_labels)
            return logits
        try:
            logits = model.heads(self._compiled(model)(x, task_labels), task_labels)
        except Exception as error:
            if is_out_of_memory(error):
                raise
            # What is wrong with the net or its inputs is raised here, as it would be without.
            logits = avalanche_forward(model, x, task_labels)
            self._fall_back(error)
        return logits

    def renew(self) -> None:
        """Forget all programs: layers have changed their class, hooks or what they train."""
        if self._trunk is not None:
            self._trunk = self._of = None
            torch.compiler.reset()

    def _compiled(self, model: MultiHeadNet) -> Callable[..., Tensor]:
        if self._trunk is None or self._of is not model:
            self._of, self._trunk = model, torch.compile(model.features, backend=self.backend)
        return self._trunk

    def _fall_back(self, error: Exception) -> None:
        self.fallback = f"{type(error).__name__}: {one_line(error)}"[:300]
        log.warning("torch.compile fell back to the plain net: %s", self.fallback)
        log.debug("the whole of it:", exc_info=error)
        self.renew()


class RenewedEachTask(SupervisedPlugin[Any]):
    """Compiles anew when a task begins and when it ends; stands after the method, which attaches
    its updates at the one and merges them at the other."""

    def __init__(self, trunk: CompiledTrunk) -> None:
        super().__init__()
        self.trunk = trunk

    def before_training_exp(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        self.trunk.renew()

    def after_training_exp(self, strategy: Any, *args: Any, **kwargs: Any) -> None:
        self.trunk.renew()


@contextmanager
def settings(threads: int) -> Iterator[None]:
    """torch's settings for `CompiledTrunk`, the old ones after; compiles in ``threads`` processes.

    By default torch returns to the plain computation without a word once a function has eight
    programs, does not look for hooks that came later, and compiles gradients when they are needed,
    which is after `CompiledTrunk` could have caught a failure.
    """
    wanted: list[tuple[Any, dict[str, Any]]] = [
        (
            torch._dynamo.config,
            {
                "recompile_limit": PROGRAMS,
                "fail_on_recompile_limit_hit": True,
                "cache_size_limit": PROGRAMS,  # names of older releases
                "fail_on_cache_limit_hit": True,
                "skip_nnmodule_hook_guards": False,
                "suppress_errors": False,
            },
        ),
        (torch._functorch.config, {"force_non_lazy_backward_lowering": True}),
        (torch._inductor.config, {"compile_threads": threads}),
    ]
    with ExitStack() as stack:
        for config, values in wanted:
            known = {key: value for key, value in values.items() if hasattr(config, key)}
            stack.enter_context(config.patch(known))
        yield
