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


def window_moments(x: Tensor, kernel: tuple[int, int]) -> Tensor:
    """X^T X, (d, d), of all windows of padded images x (n, C, H, W), stride and dilation 1.

    d = C * kh * kw, ordered as ``weight.flatten(1)`` is. In the dtype of x.
    """
    n, channels, height, width = x.shape
    kh, kw = kernel
    image = x.permute(0, 2, 3, 1).reshape(n * height * width, channels).contiguous()
    flat = torch.cat([image, image.new_zeros((kh - 1) * width + kw - 1, channels)])
    moments = x.new_zeros(channels, kh, kw, channels, kh, kw)
    for dy, dx in _differences(kh, kw):
        sums = _Margins(flat, (n, height, width, channels), kernel, dy * width + dx)
        for i, j in product(range(kh), range(kw)):
            if 0 <= i + dy < kh and 0 <= j + dx < kw:
                block = sums.over_window(i, j)
                moments[:, i, j, :, i + dy, j + dx] = block
                moments[:, i + dy, j + dx, :, i, j] = block.mT
    d = channels * kh * kw
    return moments.reshape(d, d)


def pays(channels: int, size: tuple[int, int], kernel: tuple[int, int]) -> bool:
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


def _differences(kh: int, kw: int) -> Iterator[tuple[int, int]]:
    """Differences of two offsets, of each pair (o, o') and (o', o) the one that is not negative."""
    for dy, dx in product(range(kh), range(1 - kw, kw)):
        if (dy, dx) >= (0, 0):
            yield dy, dx


class _Margins:
    """Sums over positions q of x(q) x(q + shift)^T: over all, and over parts of the margins.

    The shift is one along the flattened image: it leaves the row at the end of one, but only from
    positions that are in the margin of every offset that has the difference.
    """

    def __init__(
        self, flat: Tensor, shape: tuple[int, int, int, int], kernel: tuple[int, int], shift: int
    ) -> None:
        n, self.height, self.width, _ = shape
        self.kh, self.kw = kernel
        size = n * self.height * self.width
        self.left = flat[:size].view(shape)
        self.right = flat[shift : shift + size].view(shape)
        self.all = flat[:size].mT @ flat[shift : shift + size]
        self._rows = {y: self._sum(slice(y, y + 1), slice(None)) for y in self._edge(0)}
        self._columns = {x: self._sum(slice(None), slice(x, x + 1)) for x in self._edge(1)}
        self._corners = {
            (y, x): self._sum(slice(y, y + 1), slice(x, x + 1))
            for y, x in product(self._rows, self._columns)
        }

    def _edge(self, axis: int) -> list[int]:
        size, kernel = (self.height, self.kh) if axis == 0 else (self.width, self.kw)
        return sorted({*range(kernel - 1), *range(size - kernel + 1, size)})

    def _sum(self, rows: slice, columns: slice) -> Tensor:
        channels = self.left.shape[-1]
        left = self.left[:, rows, columns].reshape(-1, channels)
        return left.mT @ self.right[:, rows, columns].reshape(-1, channels)

    def over_window(self, i: int, j: int) -> Tensor:
        """The sum over the positions that the offset (i, j) meets."""
        ys = [y for y in self._rows if not i <= y < i + self.height - self.kh + 1]
        xs = [x for x in self._columns if not j <= x < j + self.width - self.kw + 1]
        total = self.all.clone()
        for y in ys:
            total -= self._rows[y]
        for x in xs:
            total -= self._columns[x]
        for corner in product(ys, xs):
            total += self._corners[corner]
        return total
