"""A reservoir of samples: every sample of the stream is kept with the same probability."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


class Reservoir:
    """At most ``size`` of all samples (x, y, task label) that were added (Vitter 1985).

    Kept on the CPU as the pipeline yields them. Draws from torch's global generator.
    """

    def __init__(self, size: int) -> None:
        self.size, self.seen = size, 0
        self.parts: list[Tensor] = []
        """x (n, ...), y (n,), task labels (n,)."""

    def __len__(self) -> int:
        return len(self.parts[0]) if self.parts else 0

    def add(self, *batch: Tensor) -> None:
        """Offer a batch: x (n, ...), y (n,), task labels (n,)."""
        new = [part.detach().cpu() for part in batch]
        room = max(0, min(self.size - len(self), len(new[0])))
        if not self.parts:
            self.parts = [part[:0] for part in new]
        self.parts = [
            torch.cat([old, part[:room]]) for old, part in zip(self.parts, new, strict=True)
        ]
        self.seen += room
        for index in range(room, len(new[0])):
            self.seen += 1
            place = int(torch.randint(self.seen, ()))
            if place < self.size:
                for old, part in zip(self.parts, new, strict=True):
                    old[place] = part[index]

    def draw(self, n: int) -> list[Tensor]:
        """At most n different samples at random."""
        chosen = torch.randperm(len(self))[:n]
        return [part[chosen] for part in self.parts]

    def state_dict(self) -> dict[str, Any]:
        """All that is kept."""
        return {"seen": self.seen, "parts": list(self.parts)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict`."""
        self.seen, self.parts = int(state["seen"]), [part.clone() for part in state["parts"]]
