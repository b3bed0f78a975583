"""The low-rank update against W + U V^T written out, for every layer kind and both forms."""

import copy
import io
import pickle

import pytest
import torch
from torch import nn

from ness.adapter import LowRankUpdate, _cheaper_form, attach
from ness.attached import is_adaptable
from ness.rows import weight_columns

LAYERS = {
    "linear": (lambda: nn.Linear(7, 5), (4, 7)),
    "linear_rank3": (lambda: nn.Linear(7, 5, bias=False), (4, 3, 7)),
    "conv1d": (lambda: nn.Conv1d(3, 4, 3, stride=2, padding=1), (2, 3, 9)),
    "conv2d": (lambda: nn.Conv2d(3, 4, 3, padding="same", dilation=2), (2, 3, 6, 7)),
    "reflect": (lambda: nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"), (2, 3, 6, 6)),
    "circular": (lambda: nn.Conv2d(3, 4, 3, padding=2, padding_mode="circular"), (2, 3, 6, 6)),
    "grouped": (lambda: nn.Conv2d(4, 6, 3, groups=2, stride=2), (2, 4, 7, 7)),
    "depthwise": (lambda: nn.Conv2d(4, 8, 3, groups=4, padding=1, bias=False), (2, 4, 5, 5)),
    "conv3d": (lambda: nn.Conv3d(2, 3, (1, 2, 2)), (2, 2, 3, 4, 4)),
}


def make(name, r=3, dtype=torch.float32):
    torch.manual_seed(0)
    build, shape = LAYERS[name]
    layer = build().to(dtype)
    groups = getattr(layer, "groups", 1)
    d = weight_columns(layer)
    V = torch.linalg.qr(torch.randn(groups, d, min(r, d)))[0]
    return layer, V if groups > 1 else V[0], torch.randn(shape, dtype=dtype)


def dense_delta(layer):
    """U V^T group by group, shaped like the weight."""
    groups = getattr(layer, "groups", 1)
    V = layer.V if groups > 1 else layer.V[None]
    parts = [u @ v.T for u, v in zip(layer.U.chunk(groups), V, strict=True)]
    return layer.update_scale * torch.cat(parts).reshape(layer.weight.shape)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("form", ["fold", "factored", "auto"])
def test_outputs_and_gradients_equal_those_of_the_written_out_weight(name, form):
    layer, V, x = make(name)
    oracle = copy.deepcopy(layer)
    before = layer(x)
    attach(layer, V, form=form, scale=0.5)
    assert torch.allclose(layer(x), before, atol=1e-6)  # U starts at zero
    with torch.no_grad():
        layer.U.normal_()
        oracle.weight += dense_delta(layer)
    x1, x2 = (x.clone().requires_grad_() for _ in range(2))
    y, expected = layer(x1), oracle(x2)
    torch.testing.assert_close(y, expected, atol=1e-5, rtol=1e-5)
    upstream = torch.randn_like(y)
    y.backward(upstream)
    expected.backward(upstream)
    torch.testing.assert_close(x1.grad, x2.grad, atol=1e-5, rtol=1e-5)
    # dL/dU = scale * (dL/dW) V
    groups = getattr(layer, "groups", 1)
    dW = oracle.weight.grad.flatten(1).unflatten(0, (groups, -1))
    V = layer.V if groups > 1 else layer.V[None]
    torch.testing.assert_close(layer.U.grad, (0.5 * dW @ V).flatten(0, 1), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", LAYERS)
def test_merge_keeps_the_function_and_gives_the_module_back(name):
    layer, V, x = make(name)
    kind, keys, weight = type(layer), list(layer.state_dict()), layer.weight
    attach(layer, V)
    assert list(layer.state_dict()) == [*keys, "U", "V"]
    assert layer.weight is weight
    with torch.no_grad():
        layer.U.normal_()
    before = layer(x)
    layer.merge()
    torch.testing.assert_close(layer(x), before, atol=1e-5, rtol=1e-5)
    assert type(layer) is kind
    assert layer.weight is weight
    assert list(layer.state_dict()) == keys
    assert vars(layer).keys() == vars(LAYERS[name][0]()).keys()


def test_fold_and_factored_agree_in_float64_to_rounding():
    layer, V, x = make("grouped", dtype=torch.float64)
    attach(layer, V, form="fold")
    with torch.no_grad():
        layer.U.normal_()
    folded = layer(x)
    layer.update_form = "factored"
    torch.testing.assert_close(layer(x), folded, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("name", ["linear", "grouped"])
def test_survives_deepcopy_pickle_and_state_dict(name):
    layer, V, x = make(name)
    attach(layer, V)
    with torch.no_grad():
        layer.U.normal_()
    expected = layer(x)
    copied = copy.deepcopy(layer)
    pickled = pickle.loads(pickle.dumps(layer))
    for twin in (copied, pickled):
        assert torch.equal(twin(x), expected)
        twin.merge()
        assert type(twin) is type(LAYERS[name][0]())
    assert isinstance(layer, LowRankUpdate)
    buffer = io.BytesIO()
    torch.save(layer.state_dict(), buffer)
    buffer.seek(0)
    other, V2, _ = make(name)
    attach(other, torch.zeros_like(V2))
    other.load_state_dict(torch.load(buffer, weights_only=True))
    assert torch.equal(other(x), expected)


def test_moves_with_its_module():
    layer, V, x = make("linear")
    attach(layer, V)
    layer.to(torch.float64)
    assert layer.U.dtype == layer.V.dtype == torch.float64
    assert layer(x.double()).dtype == torch.float64
    layer.to("meta")
    assert layer.V.device.type == layer.U.device.type == "meta"


@pytest.mark.parametrize("form", ["fold", "factored"])
def test_works_under_autocast(form):
    layer, V, x = make("linear")
    attach(layer, V, form=form)
    with torch.no_grad():
        layer.U.normal_()
    expected = layer(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = layer(x)
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), expected, atol=0.1, rtol=0.05)
    y.sum().backward()
    assert layer.U.grad.dtype == torch.float32


def test_fold_composes_outside_autocast():
    # Rounding U V^T to bfloat16 would move the layer along protected directions.
    layer, V, _ = make("linear")
    attach(layer, V, form="fold")
    with torch.no_grad():
        layer.weight.zero_()
        layer.U.normal_()
    protected = torch.linalg.svd(V)[0][:, -1]
    x = protected.bfloat16()
    exact = layer(x.float())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = layer(x[None])[0].float()
    torch.testing.assert_close(y, exact - layer.bias + layer.bias.bfloat16(), atol=5e-3, rtol=0)


def test_a_trainable_basis_is_a_parameter():
    layer, V, _ = make("linear")
    attach(layer, V, trainable_basis=True)
    assert dict(layer.named_parameters()).keys() == {"weight", "bias", "U", "V"}
    layer.merge()
    assert dict(layer.named_parameters()).keys() == {"weight", "bias"}


def test_auto_folds_convolutions_and_factors_wide_linear_layers():
    fc = nn.Linear(2048, 2048)
    attach(fc, torch.zeros(2048, 1886))
    assert _cheaper_form(fc, torch.empty(64, 2048, device="meta")) == "factored"
    conv = nn.Conv2d(64, 128, 3)
    attach(conv, torch.zeros(576, 360))
    assert _cheaper_form(conv, torch.empty(64, 64, 14, 14, device="meta")) == "fold"


class Odd(nn.Linear):
    def forward(self, x):
        return super().forward(x) * 2


class Plain(nn.Linear):
    pass


def test_only_layers_that_compute_as_torch_does_are_adaptable():
    assert is_adaptable(nn.Linear(2, 2))
    assert is_adaptable(Plain(2, 2))
    assert is_adaptable(nn.Conv1d(1, 1, 1))
    assert not is_adaptable(Odd(2, 2))
    assert not is_adaptable(nn.ConvTranspose2d(1, 1, 1))
    assert not is_adaptable(nn.Embedding(2, 2))
    with pytest.raises(ValueError, match="Odd"):
        attach(Odd(2, 2), torch.zeros(2, 1))


def test_subclasses_of_the_user_come_back():
    layer = Plain(3, 2)
    attach(layer, torch.eye(3)[:, :1])
    assert isinstance(layer, Plain)
    layer.merge()
    assert type(layer) is Plain


def test_refusals():
    layer = nn.Linear(3, 2)
    with pytest.raises(ValueError, match=r"\(4, 1\).*\(3, 'r'\)"):
        attach(layer, torch.zeros(4, 1))
    with pytest.raises(ValueError, match="V has shape"):
        attach(layer, torch.zeros(3, 0))
    with pytest.raises(ValueError, match="form"):
        attach(layer, torch.zeros(3, 1), form="unfolded")
    attach(layer, torch.zeros(3, 1))
    with pytest.raises(ValueError, match="already"):
        attach(layer, torch.zeros(3, 1))
