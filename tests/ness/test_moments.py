"""Second moments against a dense oracle: explicit patches, one position at a time."""

import pytest
import torch
from torch import nn

from dense_oracle import CONVOLUTIONS, dense_rows, image_for
from ness import moments
from ness.moments import InputMoments, add_moments, batch_slices, check_moments, eval_mode
from ness.rows import input_rows, sampled_rows, weight_matrix


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolution_rows_are_the_patches_it_multiplies(name):
    layer = CONVOLUTIONS[name]
    x = image_for(layer)
    rows = input_rows(layer, x)
    expected = dense_rows(layer, x)
    assert torch.equal(rows if layer.groups > 1 else rows[None], expected)
    outputs = rows @ weight_matrix(layer, layer.weight).mT
    outputs = outputs if layer.groups > 1 else outputs[None]
    actual = (layer(x) - layer.bias.view(-1, *[1] * len(layer.kernel_size))).flatten(2)
    actual = actual.unflatten(1, (layer.groups, -1)).permute(1, 0, 3, 2).flatten(1, 2)
    torch.testing.assert_close(outputs, actual, atol=1e-5, rtol=1e-5)


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolution_moments(name):
    layer = CONVOLUTIONS[name]
    batches = [image_for(layer), image_for(layer) * 2]
    moments = InputMoments({"conv": layer})
    moments.collect(layer, batches, layer)
    rows = torch.cat([dense_rows(layer, x).double() for x in batches], 1)
    expected = rows.mT @ rows
    M = moments.M["conv"]
    assert M.dtype == torch.float64
    torch.testing.assert_close(
        M, expected if layer.groups > 1 else expected[0], rtol=1e-5, atol=1e-4
    )


def test_unbatched_image_counts_as_a_batch_of_one():
    layer = CONVOLUTIONS["padding"]
    x = image_for(layer)[:1]
    assert torch.equal(input_rows(layer, x), input_rows(layer, x[0]))


def test_linear_inputs_of_higher_rank_are_flattened():
    layer = nn.Linear(3, 2)
    x = torch.randn(4, 5, 3)
    moments = InputMoments({"fc": layer})
    moments.collect(layer, [x], layer)
    rows = x.reshape(-1, 3).double()
    torch.testing.assert_close(moments.M["fc"], rows.T @ rows, rtol=1e-5, atol=1e-5)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.shared, self.unused = nn.Linear(3, 3), nn.Linear(3, 3)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x):
        return self.shared(self.dropout(self.shared(x)))


def test_a_layer_called_twice_sums_and_one_never_called_is_absent():
    net = Net()
    x = torch.randn(6, 3)
    moments = InputMoments({"shared": net.shared, "unused": net.unused})
    moments.collect(net, [x], net)
    both = torch.cat([x, net.shared(x)]).detach().double()
    torch.testing.assert_close(moments.M["shared"], both.T @ both, rtol=1e-5, atol=1e-5)
    assert set(moments.M) == {"shared"}


def test_modes_are_restored_and_hooks_removed_also_on_an_error():
    net = Net().train()
    net.unused.eval()
    modes = [module.training for module in net.modules()]
    moments = InputMoments({"shared": net.shared})

    def fail(x):
        assert not net.training
        net(x)
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        moments.collect(net, [torch.randn(2, 3)], fail)
    assert [module.training for module in net.modules()] == modes
    assert not net.shared._forward_pre_hooks


def test_moments_are_taken_outside_autocast_and_in_float32_at_least():
    layer = nn.Linear(64, 2)
    x = torch.randn(512, 64)
    exact = x.double().T @ x.double()
    moments = InputMoments({"fc": layer})
    with torch.autocast("cpu", dtype=torch.bfloat16):
        moments.collect(layer, [x], layer)
    torch.testing.assert_close(moments.M["fc"], exact, rtol=1e-5, atol=1e-3)
    half = InputMoments({"fc": layer.bfloat16()})
    half.collect(layer, [x.bfloat16()], layer)
    rows = x.bfloat16().double()
    torch.testing.assert_close(half.M["fc"], rows.T @ rows, rtol=1e-5, atol=1e-3)


def test_products_are_float64_where_float32_may_be_cut_short():
    layer = nn.Linear(64, 2)
    x = torch.randn(512, 64)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        moments = InputMoments({"fc": layer})
        moments.collect(layer, [x], layer)
    finally:
        torch.set_float32_matmul_precision(before)
    torch.testing.assert_close(moments.M["fc"], x.double().T @ x.double(), rtol=1e-12, atol=1e-12)


def test_batch_mean_statistic():
    layer = nn.Conv2d(2, 3, 3, padding=1)
    x = torch.randn(5, 2, 4, 4)
    moments = InputMoments({"conv": layer}, statistic="batch_mean")
    moments.collect(layer, [x], layer)
    rows = input_rows(layer, x.mean(0, keepdim=True)).double()
    torch.testing.assert_close(moments.M["conv"], rows.T @ rows, rtol=1e-4, atol=1e-5)


def test_moments_of_tasks_add():
    total = {"a": torch.eye(2)}
    add_moments(total, {"a": torch.eye(2) * 2, "b": torch.eye(3)})
    assert torch.equal(total["a"], torch.eye(2) * 3)
    assert torch.equal(total["b"], torch.eye(3))
    with pytest.raises(ValueError, match=r"'a' has inputs of dimension 3.*recorded 2"):
        check_moments(total, {"a": nn.Linear(3, 1)})


@pytest.mark.parametrize(
    ("n", "size", "lengths"),
    [
        (0, 4, []),
        (1, 4, [1]),
        (4, 4, [4]),
        (5, 4, [5]),
        (6, 4, [4, 2]),
        (9, 4, [4, 5]),
        (3, 1, [1, 1, 1]),
    ],
)
def test_no_last_batch_of_one(n, size, lengths):
    slices = batch_slices(n, size)
    assert [part.stop - part.start for part in slices] == lengths
    assert [i for part in slices for i in range(part.start, part.stop)] == list(range(n))


def test_eval_mode_restores_each_module():
    net = Net().train()
    net.unused.eval()
    with eval_mode(net):
        assert not any(module.training for module in net.modules())
    assert net.training
    assert not net.unused.training


def test_batch_mean_of_an_unbatched_image():
    layer = nn.Conv2d(2, 3, 3)
    x = torch.randn(2, 4, 4)
    moments = InputMoments({"conv": layer}, statistic="batch_mean")
    moments.collect(layer, [x], layer)
    rows = input_rows(layer, x).double()
    torch.testing.assert_close(moments.M["conv"], rows.T @ rows, rtol=1e-4, atol=1e-5)


def test_a_layer_too_wide_to_decompose_soon_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "WIDE", 100)
    layers = {"narrow": nn.Linear(99, 2), "wide": nn.Conv2d(4, 2, 5)}
    with pytest.warns(UserWarning, match=r"'wide' has 100 inputs: .* exclude='wide'") as caught:
        InputMoments(layers)
    assert len(caught) == 1


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_sampled_patches_are_rows_of_the_whole(name):
    layer = CONVOLUTIONS[name]
    x = image_for(layer)
    whole = dense_rows(layer, x)
    generator = torch.Generator().manual_seed(0)
    sampled = sampled_rows(layer, x, 0.3, generator)
    sampled = sampled if layer.groups > 1 else sampled[None]
    k, n = sampled.shape[1], whole.shape[1]
    assert k == -(-3 * n // 10)
    exact = "donot_use_mm_for_euclid_dist"
    distance = torch.cdist(sampled * (k / n) ** 0.5, whole, compute_mode=exact)
    nearest = distance.min(-1)
    assert nearest.values.max() < 1e-5
    if name != "circular":  # has the same window at several positions
        assert all(len(set(group.tolist())) == k for group in nearest.indices), "none twice"


def test_moments_of_sampled_patches_are_right_on_average():
    torch.manual_seed(0)
    layer, x = nn.Conv2d(2, 3, 3, padding=1), torch.randn(8, 2, 6, 6)

    def measured(**options):
        moments = InputMoments({"conv": layer}, **options)
        moments.collect(layer, [x], layer)
        return moments.M["conv"]

    exact = measured()
    samples = [measured(patch_share=0.5, seed=seed) for seed in range(40)]
    assert torch.equal(samples[3], measured(patch_share=0.5, seed=3))
    assert not torch.equal(samples[3], samples[4])
    spread = torch.stack(samples).std(0)
    error = (torch.stack(samples).mean(0) - exact).abs()
    assert (error < 5 * spread / 40**0.5).all()
    torch.testing.assert_close(measured(patch_share=1.0), exact)


def test_rows_of_a_linear_are_kept_as_they_were_when_it_was_called():
    class InPlace(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(50, 2)

        def forward(self, x):
            y = self.fc(x)
            x.zero_()  # as an in-place activation would
            return y

    net, batches = InPlace(), [torch.randn(30, 50) for _ in range(3)]
    rows = torch.cat(batches).double()
    moments = InputMoments({"fc": net.fc})
    moments.collect(net, batches, net)
    torch.testing.assert_close(moments.M["fc"], rows.T @ rows, rtol=1e-5, atol=1e-4)
