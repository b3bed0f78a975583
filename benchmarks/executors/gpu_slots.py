"""Which run gets which GPU of this machine."""

from __future__ import annotations

import os
import queue
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class GpuSlots:
    """``runs_per_gpu`` slots for each GPU; a run on a GPU holds one while it is executed.

    ``gpus`` are names as ``CUDA_VISIBLE_DEVICES`` has them: numbers or UUIDs. Slots are handed
    out GPU by GPU, so that no second run joins a GPU while another one idles.
    """

    def __init__(self, gpus: Sequence[str], runs_per_gpu: int) -> None:
        self._free: queue.PriorityQueue[tuple[int, int]] = queue.PriorityQueue()
        self._gpus = list(gpus)
        for layer in range(runs_per_gpu):
            for number in range(len(gpus)):
                self._free.put((layer, number))

    @contextmanager
    def one(self) -> Iterator[str]:
        """Wait for a free slot and hold it; its GPU."""
        slot = self._free.get()
        try:
            yield self._gpus[slot[1]]
        finally:
            self._free.put(slot)


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, as ``CUDA_VISIBLE_DEVICES`` names them."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [gpu.strip() for gpu in named.split(",") if gpu.strip()]
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]
