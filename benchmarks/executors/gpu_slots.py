"""Which run gets which GPU of this machine."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile


class GpuSlots:
    """``runs_per_gpu`` slots for each GPU; a run on a GPU holds one while it is executed.

    ``gpus`` are names as ``CUDA_VISIBLE_DEVICES`` has them: numbers or UUIDs. A run gets the GPU
    that has the fewest, so that none joins another while a GPU idles.
    """

    def __init__(self, gpus: Sequence[str], runs_per_gpu: int) -> None:
        self._runs = dict.fromkeys(gpus, 0)
        self._most = runs_per_gpu
        self._changed = threading.Condition()

    @contextmanager
    def one(self) -> Iterator[str]:
        """Wait for a free slot and hold it; its GPU."""
        with self._changed:
            self._changed.wait_for(lambda: min(self._runs.values(), default=0) < self._most)
            gpu = min(self._runs, key=self._runs.__getitem__)
            self._runs[gpu] += 1
        try:
            yield gpu
        finally:
            with self._changed:
                self._runs[gpu] -= 1
                self._changed.notify()


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, as ``CUDA_VISIBLE_DEVICES`` names them."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        names = [gpu.strip() for gpu in named.split(",")]
        # As CUDA reads it: what follows a name that is none does not count.
        return list(takewhile(lambda gpu: gpu not in ("", "-1"), names))
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]
