"""Pooling without indices against torch's own, bit for bit."""

import pytest
import torch
import torch.nn.functional as F

from benchmarks.backbones.pooling import max_pool


@pytest.mark.parametrize("shape", [(2, 3, 8, 8), (2, 3, 7, 9), (1, 1, 2, 3), (3, 4, 29, 29)])
@pytest.mark.parametrize("odd", ["", "nan", "inf"])
def test_equals_torchs_with_a_gradient_and_without(shape, odd):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0)).relu()
    if odd:
        x[0, 0, 0, 0] = float(odd)
    expected = F.max_pool2d(x, 2)
    torch.testing.assert_close(max_pool(x), expected, rtol=0, atol=0, equal_nan=True)
    trained = x.requires_grad_()
    torch.testing.assert_close(max_pool(trained), expected, rtol=0, atol=0, equal_nan=True)
    max_pool(trained).nan_to_num(0, 0, 0).sum().backward()
    assert trained.grad is not None


def test_images_too_small_to_pool_are_refused_with_a_gradient_and_without():
    for x in (torch.ones(1, 2, 1, 4), torch.ones(1, 2, 1, 4).requires_grad_()):
        with pytest.raises(RuntimeError, match="too small"):
            max_pool(x)
