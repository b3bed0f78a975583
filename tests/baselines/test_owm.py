"""OWM: the projector equals the authors' recursive least squares."""

import pytest
import torch
from avalanche.benchmarks import dataset_benchmark

from baselines.owm import OWM, projector
from ness.rows import weight_matrix
from toys import ToyConvNet, ToyDataset, ToyNet, toy_benchmark, toy_strategy, train_quietly, trunk


def recursive_least_squares(columns, alpha):
    """P <- P - k x^T P with k = P x / (alpha + x^T P x), as the paper updates it."""
    P = torch.eye(columns.shape[0], dtype=torch.float64)
    for x in columns.T:
        k = P @ x
        P = P - torch.outer(k, k) / (alpha + x @ k)
    return P


@pytest.mark.parametrize("alpha", [1e-3, 0.5, 10.0])
def test_the_projector_is_what_recursive_least_squares_arrives_at(alpha):
    A = torch.randn(6, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    P = projector(A @ A.T, alpha)
    torch.testing.assert_close(P, recursive_least_squares(A, alpha), atol=1e-9, rtol=1e-7)
    gram = A.T @ A + alpha * torch.eye(4, dtype=torch.float64)
    written_out = torch.eye(6, dtype=torch.float64) - A @ torch.linalg.inv(gram) @ A.T
    torch.testing.assert_close(P, written_out, atol=1e-9, rtol=1e-7)


@pytest.mark.parametrize("rms", [5.6, 17.0, 57.0])
def test_rounding_of_rank_deficient_inputs_does_not_blow_it_up(rms):
    generator = torch.Generator().manual_seed(0)
    S = torch.zeros(256, 256, dtype=torch.float64)
    for _ in range(20):
        mean = (rms * torch.randn(64, 256, generator=generator)).relu().mean(0, keepdim=True)
        S += (mean.T @ mean).double()
    S = S + S.float().mul(1e-7).double() * torch.randn(256, 256, generator=generator)
    S = (S + S.T) / 2
    assert torch.linalg.eigvalsh(S).min() < 0
    eigenvalues = torch.linalg.eigvalsh(projector(S, 1e-3))
    assert eigenvalues.min() >= -1e-9
    assert eigenvalues.max() <= 1 + 1e-9


@pytest.mark.parametrize(("passes", "columns"), [(1, 2), (3, 4)])
def test_columns_are_means_over_batches_of_64_cut_anew_in_every_pass(passes, columns):
    # Two batches a pass, whose means have the same sum: each further pass adds one direction.
    torch.manual_seed(0)
    plugin = OWM(passes=passes)
    model = ToyNet()
    members = [ToyDataset(0, 0, torch.eye(12), (12,), n=128)]
    stream = dataset_benchmark(members, members).train_stream
    train_quietly(toy_strategy(model, [plugin], epochs=1), stream[0])
    assert torch.linalg.matrix_rank(plugin.S["fc1"], atol=1e-4) == columns


def test_a_direction_keeps_the_share_alpha_of_alpha_plus_its_energy():
    P = projector(torch.diag(torch.tensor([3.0, 1.0, 0.0])), 1.0)
    torch.testing.assert_close(P.diag(), torch.tensor([0.25, 0.5, 1.0], dtype=torch.float64))


class ProjectGradients(OWM):
    """The authors' way: the gradient, not the update, is multiplied by P."""

    def before_update(self, strategy, **kwargs):
        for name, layer in self.constrained.items():
            gradient = weight_matrix(layer, layer.weight.grad) @ self._P[name]
            layer.weight.grad = gradient.reshape(layer.weight.shape)

    def after_update(self, strategy, **kwargs):
        pass


@pytest.mark.parametrize("net", ["mlp", "conv"])
def test_under_sgd_with_momentum_it_equals_projecting_gradients(net):
    shape = (12,) if net == "mlp" else (2, 6, 6)
    final = []
    for kind in (OWM, ProjectGradients):
        torch.manual_seed(0)
        model = ToyNet() if net == "mlp" else ToyConvNet()
        strategy = toy_strategy(model, [kind(alpha=1.0)], epochs=1)
        stream = toy_benchmark(tasks=2, shape=shape, rank=4).train_stream
        train_quietly(strategy, stream[0])
        before = trunk(model)
        train_quietly(strategy, stream[1])
        final.append(trunk(model))
    for name in final[0]:
        torch.testing.assert_close(final[0][name], final[1][name], atol=1e-5, rtol=1e-4)
    first = "fc1.weight" if net == "mlp" else "conv1.weight"
    assert (final[0][first] - before[first]).norm() > 1e-4


def test_directions_that_were_used_hardly_move():
    torch.manual_seed(0)
    model, plugin = ToyNet(), OWM(alpha=1e-6)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=0.1)
    strategy = toy_strategy(model, [plugin], optimizer=optimizer)
    stream = toy_benchmark(tasks=2, rank=1).train_stream
    train_quietly(strategy, stream[0])
    before = trunk(model)
    _, Q = torch.linalg.eigh(plugin.S["fc1"])
    train_quietly(strategy, stream[1])
    dW = (model.fc1.weight.detach() - before["fc1.weight"]).double()
    assert dW.norm() > 1e-3
    assert (dW @ Q[:, -1]).norm() < 1e-4 * dW.norm()
    assert plugin.ranks["fc1"] == 11


@pytest.mark.parametrize("arguments", [{"alpha": 0.0}, {"passes": 0}])
def test_bad_arguments_are_named(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        OWM(**arguments)
