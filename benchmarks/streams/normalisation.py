"""From stored samples to what the net sees, with the constants of one data set or of several."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor


class Normaliser(ABC):
    """x -> (x / peak - mean) / std, per channel."""

    peak: float

    @abstractmethod
    def constants(self, x: Tensor, source: Tensor | None) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation that broadcast over samples ``x``."""

    def __call__(self, x: Tensor, source: Tensor | None = None) -> Tensor:
        """Normalise samples (N, C, ...) to float32; ``source`` is that of a `Split`."""
        mean, std = self.constants(x, source)
        return (x.float() / self.peak - mean) / std

    def undo(self, x: Tensor, source: Tensor | None = None) -> Tensor:
        """The stored samples over ``peak`` again, from normalised ones (N, C, ...)."""
        mean, std = self.constants(x, source)
        return x * std + mean


@dataclass(frozen=True)
class Normalisation(Normaliser):
    """The same for every sample, whatever its ``source``."""

    peak: float = 255.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)

    def constants(self, x: Tensor, source: Tensor | None) -> tuple[Tensor, Tensor]:
        return _of_shape(self, x.ndim, x.device)


# Kept: making them takes longer than using them, where a loader takes sample by sample.
@lru_cache(maxsize=64)
def _of_shape(constants: Normalisation, ndim: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (1, C, 1, ...) of ``ndim`` axes."""
    shape = (1, -1, *(1 for _ in range(ndim - 2)))
    # Tensors made in inference mode could not be used outside of it.
    with torch.inference_mode(False):
        mean = torch.tensor(constants.mean, device=device).view(shape)
        return mean, torch.tensor(constants.std, device=device).view(shape)


@dataclass(frozen=True)
class MemberNormalisation(Normaliser):
    """Each sample as the member data set that it comes from: ``source`` (N,) is its position.

    A batch may mix members, and the task label can't select among them: where all tasks share
    a head it is 0 for all.
    """

    members: tuple[Normalisation, ...]

    def __post_init__(self) -> None:
        if len({(m.peak, len(m.mean), len(m.std)) for m in self.members}) != 1:
            raise ValueError("members differ in peak or in the number of channels")

    @property
    def peak(self) -> float:  # type: ignore[override]
        """That of every member."""
        return self.members[0].peak

    def constants(self, x: Tensor, source: Tensor | None) -> tuple[Tensor, Tensor]:
        """Raises `ValueError` without ``source``."""
        if source is None:
            raise ValueError("samples of several members need the member of each: pass source")
        shape = (len(x), -1, *(1 for _ in x.shape[2:]))
        mean = torch.tensor([m.mean for m in self.members], device=x.device)
        std = torch.tensor([m.std for m in self.members], device=x.device)
        return mean[source].view(shape), std[source].view(shape)
