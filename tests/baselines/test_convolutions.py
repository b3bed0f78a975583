"""Every method on every kind of convolution, against patches cut out by hand."""

import pytest
import torch
from avalanche.models import MultiHeadClassifier, MultiTaskModule

import baselines
from dense_oracle import CONVOLUTIONS, dense_rows, image_for
from ness import compat
from ness.rows import weight_columns, weight_matrix
from toys import toy_benchmark, toy_strategy, train_quietly

METHODS = ("ness", "gpm", "sgp", "trgp", "adam_nscl", "owm", "lora", "inflora")


def arguments(method, d):
    """Settings that leave some of d directions free and some not where the spectrum is flat."""
    return {
        "ness": {"eps": 1 / d},
        "gpm": {"threshold": 1 - 1.5 / d, "samples": 48},
        "sgp": {"threshold": 1 - 1.5 / d, "samples": 48, "alpha": 1e9},
        "trgp": {"threshold": 1 - 1.5 / d, "samples": 48, "trust": 1e-3},
        "owm": {"alpha": 1.0, "passes": 1},
        "inflora": {"threshold": 1 - 1.5 / d, "r": 2},
        "adam_nscl": {"a": 100.0, "lr": 1e-2},
        "lora": {"r": 2},
    }[method]


class OneConvolution(MultiTaskModule):
    def __init__(self, layer):
        super().__init__()
        torch.manual_seed(0)
        self.conv = type(layer)(
            layer.in_channels,
            layer.out_channels,
            layer.kernel_size,
            layer.stride,
            layer.padding,
            layer.dilation,
            layer.groups,
            bias=False,
            padding_mode=layer.padding_mode,
        )
        self.classifier = MultiHeadClassifier(layer.out_channels, masking=False)

    def forward(self, x, task_labels):
        return self.classifier(torch.relu(self.conv(x)).flatten(2).mean(2), task_labels)


def moments(layer, batches):
    rows = torch.cat([dense_rows(layer, x) for x in batches], 1).double()
    return rows.mT @ rows


def free_projector(basis, complement):
    """Onto the directions outside a memory, group by group."""
    P = basis @ basis.mT
    return P if complement else torch.eye(P.shape[-1], dtype=P.dtype) - P


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_the_update_of_the_second_task(name, method):
    oracle = CONVOLUTIONS[name]
    benchmark = toy_benchmark(tasks=2, shape=tuple(image_for(oracle).shape[1:]))
    model = OneConvolution(oracle)
    settings = arguments(method, weight_columns(oracle))
    plugin = baselines.load(method)(**settings)
    strategy = toy_strategy(model, [plugin], epochs=2)
    train_quietly(strategy, benchmark.train_stream[0])
    grouped = oracle.groups > 1

    def by_group(tensor):
        return tensor.double() if grouped else tensor[None].double()

    images = torch.stack([sample[0] for sample in benchmark.train_stream[0].dataset])
    M = moments(oracle, [images])
    W0 = by_group(weight_matrix(model.conv, model.conv.weight.detach().clone()))
    if method == "adam_nscl":
        batches = compat.evaluation_batches(
            benchmark.train_stream[0].dataset, batch_size=32, seed=0
        )
        M = moments(oracle, [batch[0].mean(0, keepdim=True) for batch in batches])
        torch.testing.assert_close(by_group(plugin.X["conv"]), M, rtol=1e-3, atol=1e-3)
    if method in ("gpm", "sgp", "trgp"):
        C = by_group(plugin.C["conv"])
        for c, m in zip(C, M, strict=True):
            held = (c.T @ m @ c).trace() / m.trace()
            k = int(c.any(0).sum())
            best = torch.linalg.eigvalsh(m).flip(0).cumsum(0) / m.trace()
            assert held >= settings["threshold"] - 1e-4
            assert best[k - 1] == pytest.approx(held.item(), rel=1e-4)
            assert k == 1 or best[k - 2] < settings["threshold"]
    if method == "inflora":
        basis = by_group(plugin.memory["conv"].basis)
        assert 0 < basis.shape[-1] <= weight_columns(oracle) / 2
        free = free_projector(basis, plugin.memory["conv"].complement)
    if method == "owm":
        S = by_group(plugin.S["conv"])
    train_quietly(strategy, benchmark.train_stream[1])
    dW = by_group(weight_matrix(model.conv, model.conv.weight.detach())) - W0
    assert plugin.ranks["conv"] > 0
    assert dW.norm() > 0
    if method == "ness":
        change, output = ((w @ M * w).sum().sqrt().item() for w in (dW, W0))
        assert plugin.interference["conv"] == pytest.approx(change / output, rel=1e-2, abs=1e-5)
        eigenvalues, Q = torch.linalg.eigh(M)
        sigma = eigenvalues.clamp(min=0).sqrt()
        for w, q, s in zip(dW, Q, sigma, strict=True):
            protected = q[:, s > settings["eps"] * s.sum() * (1 + 1e-4)]
            assert (w @ protected).norm() < 1e-5
    elif method in ("gpm", "sgp", "trgp"):
        assert (dW @ C).norm() < 1e-5
    elif method == "owm":
        batches = compat.evaluation_batches(
            benchmark.train_stream[0].dataset, batch_size=64, seed=0
        )
        A = moments(oracle, [batch[0].mean(0, keepdim=True) for batch in batches])
        torch.testing.assert_close(S, A, rtol=1e-3, atol=1e-3)
        P = torch.linalg.inv(A + torch.eye(A.shape[-1], dtype=A.dtype))
        trace = P.diagonal(dim1=-2, dim2=-1).sum(-1).max()
        assert plugin.ranks["conv"] == pytest.approx(trace.item(), abs=0.51)
    elif method == "inflora":
        for w, P in zip(dW, free, strict=True):
            assert (w - w @ P).norm() < 1e-5
            assert torch.linalg.matrix_rank(w, atol=1e-6) <= 2
    elif method == "adam_nscl":
        for w, m in zip(dW, M, strict=True):
            eigenvalues, q = torch.linalg.eigh(m)
            noise = len(m) * torch.finfo(torch.float32).eps * eigenvalues[-1]
            limit = 100.0 * eigenvalues[eigenvalues > noise].min()
            assert (w @ q[:, eigenvalues > limit * (1 + 1e-2)]).norm() < 1e-5
    else:
        sigma = torch.linalg.svdvals(dW)
        assert (sigma[..., 2:] < 1e-4 * sigma[..., :1]).all()
