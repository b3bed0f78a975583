"""The most memory that a run has taken."""

from __future__ import annotations

import resource

import torch


def reset_peak(device: str) -> None:
    """Begin to measure anew where that can be done: on a GPU."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()


def peak(device: str) -> int:
    """Bytes at the peak: those allocated on the GPU, or resident ones of the process so far.

    The libraries that it has loaded count, and so do earlier runs in the same process, which only
    `benchmarks.executors.inline` has.
    """
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
