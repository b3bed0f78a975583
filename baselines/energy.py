"""The share of the inputs' energy that a memory has to hold, rising with the tasks."""

from __future__ import annotations

from torch import Tensor


def check_threshold(threshold: float, increment: float) -> None:
    """Raise `ValueError` for a share that is none, or one that would fall with the tasks."""
    if not 0 < threshold < 1 or increment < 0:
        raise ValueError(
            f"threshold = {threshold}, increment = {increment}: give a threshold between 0 and 1, "
            f"for example 0.97, and an increment of at least 0"
        )


def rising(threshold: float, increment: float, task: int) -> float:
    """threshold + task * increment, task from 0, never 1: that would freeze every layer."""
    return min(threshold + task * increment, 1 - 1e-6)


def lacking(eigenvalues: Tensor, outside: Tensor, total: Tensor, energy: float) -> int:
    """How many leading directions a memory lacks until it holds the share ``energy``.

    ``outside``: second moment of the part of the inputs that is not in the memory, with its
    ``eigenvalues`` (rising); ``total``: the trace of the inputs' own.
    """
    largest_first = eigenvalues.flip(0)
    held = 1 - outside.trace() / total + (largest_first.cumsum(0) - largest_first) / total
    return int((held < energy).sum())
