"""The forward pass of training and evaluation, in the precision that a spec asks for, compiled or
not."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from avalanche.models import avalanche_forward
from torch import Tensor

from benchmarks.backbones import MultiHeadNet
from benchmarks.compiling import CompiledTrunk, RenewedEachTask, settings
from benchmarks.precision import has_bf16, resolve
from benchmarks.spec import RunSpec

log = logging.getLogger(__name__)


class Outputs:
    """Called with a net, inputs and task labels: float32 logits, whatever they were computed in."""

    def __init__(self, spec: RunSpec) -> None:
        self.device, self.threads = spec.device, spec.threads
        self.precision = resolve(spec.precision, spec.device)
        self.compiled = CompiledTrunk() if spec.compile else None
        if spec.precision == "bf16" and not has_bf16(spec.device):
            log.warning("precision = 'bf16' is emulated here: the hardware has no bfloat16")

    def __call__(self, model: MultiHeadNet, x: Tensor, task_labels: Tensor) -> Tensor:
        forward = self.compiled or avalanche_forward
        if self.precision == "fp32":
            logits: Tensor = forward(model, x, task_labels)
            return logits
        with torch.autocast(self.device, dtype=torch.bfloat16):
            logits = forward(model, x, task_labels)
        return logits.float()

    @property
    def facts(self) -> dict[str, str]:
        """What the run record says of it: what ``auto`` became, and whether the net is compiled."""
        facts: dict[str, str] = {"precision": self.precision}
        if self.compiled is not None:
            why = self.compiled.fallback
            facts["compile"] = f"eager: {why}" if why else "used"
        return facts

    @property
    def plugins(self) -> list[RenewedEachTask]:
        """What it needs at the end of the strategy's list."""
        return [] if self.compiled is None else [RenewedEachTask(self.compiled)]

    @contextmanager
    def prepared(self) -> Iterator[None]:
        """torch's settings for all calls of a run, the old ones after."""
        if self.compiled is None:
            yield
            return
        with settings(self.threads):
            yield
