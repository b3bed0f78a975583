"""Second moments of a convolution's inputs without unfolding them.

The rows of an unfolded input are windows of the padded image; the entry of their moment for two
offsets o and o' in the kernel is the C x C matrix sum_q x(q) x(q + o' - o)^T over the positions q
that o meets. It depends on the difference o' - o but for the margins: the sum over the whole
image is taken once a difference, and what lies in the margins of an offset is taken off. A 3 x 3
kernel has 13 differences (up to transposition) in place of 81 pairs, and nothing is copied nine
times.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import torch
from torch import Tensor

Kernel = tuple[int, int]
Offset = tuple[int, int]


def window_moments(x: Tensor, kernel: Kernel) -> Tensor:
    """X^T X, (d, d), of all windows of padded images x (n, C, H, W), stride and dilation 1.

    d = C * kh * kw, ordered as ``weight.flatten(1)`` is. In the dtype of x, whose rounding error is
    one of the largest entries: what margins add is taken off again.
    """
    n, channels, height, width = x.shape
    kh, kw = kernel
    pixels = x.new_zeros(n * height * width + (kh - 1) * width + kw - 1, channels)
    pixels[: n * height * width].view(n, height, width, channels).copy_(x.permute(0, 2, 3, 1))
    margins = _Margins(pixels, (n, height, width), kernel)
    moments = x.new_zeros(channels, kh, kw, channels, kh, kw)
    for dy, dx in _differences(kh, kw):
        starts = [
            (i, j) for i, j in product(range(kh), range(kw)) if i + dy < kh and 0 <= j + dx < kw
        ]
        blocks = margins.sums_over_windows(dy * width + dx, starts)
        for (i, j), block in zip(starts, blocks, strict=True):
            moments[:, i, j, :, i + dy, j + dx] = block
            moments[:, i + dy, j + dx, :, i, j] = block.mT
    d = channels * kh * kw
    return moments.reshape(d, d)


def pays(channels: int, size: tuple[int, int], kernel: Kernel) -> bool:
    """Whether that takes fewer multiplications than unfolding padded images of a size.

    By a third at least, for what it takes beside them; products of few channels are slow.
    """
    (height, width), (kh, kw) = size, kernel
    unfolded = (height - kh + 1) * (width - kw + 1) * (channels * kh * kw) ** 2
    rows, columns = 2 * (kh - 1), 2 * (kw - 1)
    margins = rows * width + columns * height + rows * columns
    differences = ((2 * kh - 1) * (2 * kw - 1) + 1) // 2
    ours = (height * width + margins) * differences * channels**2
    return channels >= 16 and 1.5 * ours < unfolded


def _differences(kh: int, kw: int) -> Iterator[Offset]:
    """Differences of two offsets, of each pair (o, o') and (o', o) the one that is not negative."""
    for dy, dx in product(range(kh), range(1 - kw, kw)):
        if (dy, dx) >= (0, 0):
            yield dy, dx


class _Margins:
    """Sums over positions q of x(q) x(q + shift)^T: over all, and over the margins of the images.

    ``pixels``: (n * H * W and some zeros, C). The shift is one along the flattened images: it
    leaves the row at the end of one, but only from positions that are in the margin of every
    offset that has the difference.
    """

    def __init__(self, pixels: Tensor, shape: tuple[int, int, int], kernel: Kernel) -> None:
        n, self.height, self.width = shape
        self.kh, self.kw = kernel
        self.pixels, self.size = pixels, n * self.height * self.width
        self.rows = _edge(self.height, self.kh)
        self.columns = _edge(self.width, self.kw)
        grid = torch.arange(self.size, device=pixels.device).view(n, self.height, self.width)
        in_rows = grid[:, self.rows].transpose(0, 1).flatten(1)
        in_columns = grid[:, :, self.columns].permute(2, 0, 1).flatten(1)
        in_both = grid[:, self.rows][:, :, self.columns].permute(1, 2, 0).flatten(0, 1)
        self.parts = [(q, self._at(q).mT) for q in (in_rows, in_columns, in_both) if len(q)]

    def sums_over_windows(self, shift: int, starts: list[Offset]) -> Tensor:
        """The sum over the positions that each offset (i, j) meets: (offsets, C, C)."""
        whole = self.pixels[: self.size].mT @ self.pixels[shift : shift + self.size]
        sums = [whole[None], *(left @ self._at(q + shift) for q, left in self.parts)]
        signs = torch.tensor([self._signs(i, j) for i, j in starts]).to(whole)
        blocks: Tensor = torch.tensordot(signs, torch.cat(sums), 1)
        return blocks

    def _at(self, positions: Tensor) -> Tensor:
        """Pixels (..., C): `index_select` is twice as fast as indexing."""
        chosen = self.pixels.index_select(0, positions.flatten())
        return chosen.view(*positions.shape, self.pixels.shape[1])

    def _signs(self, i: int, j: int) -> list[int]:
        """What the whole, each row, each column and each crossing of both count for an offset."""
        above = [not i <= y < i + self.height - self.kh + 1 for y in self.rows]
        aside = [not j <= x < j + self.width - self.kw + 1 for x in self.columns]
        crossings = [int(a and b) for a, b in product(above, aside)]
        return [1, *(-int(out) for out in above), *(-int(out) for out in aside), *crossings]


def _edge(size: int, kernel: int) -> list[int]:
    """Positions of an axis that some offset in the kernel does not meet."""
    return sorted({*range(kernel - 1), *range(size - kernel + 1, size)})
