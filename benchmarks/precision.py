"""In which floating-point format the nets of a run compute: what is asked for, and what it becomes.

bf16 is torch's autocast around the forward pass of training and evaluation: products of matrices
and convolutions in bfloat16. Weights, optimiser and loss stay float32; so does all that a method
measures by itself (moments, statistics, Fisher information), which is computed outside of it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch

from benchmarks.errors import BadInput

if TYPE_CHECKING:
    from benchmarks.spec import Precision  # `doctor` asks, also where pydantic is missing

Resolved = Literal["bf16", "fp32"]

CPUINFO = Path("/proc/cpuinfo")


def resolve(precision: Precision, device: str) -> Resolved:
    """What a spec's ``precision`` is on this machine: ``auto`` is bf16 where `has_bf16`."""
    if precision == "auto":
        return "bf16" if has_bf16(device) else "fp32"
    return precision


def has_bf16(device: str) -> bool:
    """Whether the hardware multiplies in bfloat16: the GPU, or the CPU's AMX or AVX512-BF16.

    Where it does not, torch emulates, and that is slower than float32.
    """
    if not _autocasts(device):
        return False
    return _gpu_has_bf16() if device == "cuda" else _cpu_has_bf16()


def require(precision: Precision, device: str) -> None:
    """Raise `BadInput` for a precision that torch cannot compute in on this device at all."""
    if precision == "bf16" and not _autocasts(device):
        raise BadInput(
            f"precision = 'bf16': this build of torch has no autocast to bfloat16 on "
            f"{device!r}; set precision = 'fp32', or 'auto' to leave the choice to the machine"
        )


def _autocasts(device: str) -> bool:
    return bool(torch.amp.is_autocast_available(device))


def _gpu_has_bf16() -> bool:
    if not torch.cuda.is_available():
        return False
    try:
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    except TypeError:  # an older torch, which does not ask
        return bool(torch.cuda.is_bf16_supported())


def _cpu_has_bf16() -> bool:
    answers = [
        getattr(torch.cpu, f"_is_{feature}_supported", None)
        for feature in ("avx512_bf16", "amx_tile")
    ]
    if None not in answers:
        return any(answer() for answer in answers if answer is not None)
    return bool({"avx512_bf16", "amx_bf16"} & _flags())


def _flags() -> set[str]:
    """The features of the CPU as Linux names them: older releases of torch do not tell."""
    try:
        found = re.search(r"^flags\s*:(.*)$", CPUINFO.read_text(), re.MULTILINE)
    except OSError:
        return set()
    return set(found[1].split()) if found else set()
