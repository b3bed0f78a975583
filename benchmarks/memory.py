"""The most memory that a run has taken."""

from __future__ import annotations

import resource
from contextlib import suppress
from pathlib import Path

import torch


def reset_peak(device: str) -> None:
    """Begin to measure anew: a process may have executed other runs before.

    The libraries that it has loaded, half a gigabyte, go on to count; where the system cannot
    begin anew (it is Linux that can) the peak of earlier runs does too.
    """
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak(device: str) -> int:
    """Bytes at the peak since: resident ones of the process, or those allocated on the GPU."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
