"""SGP: the importance of protected directions, and its limits."""

import pytest
import torch

from baselines.gpm import GPM
from baselines.sgp import SGP, importance
from ness.rows import weight_matrix
from toys import ToyNet, toy_benchmark, toy_strategy, train_quietly, trunk


def learn(plugin, tasks=3, rank=4, optimizer=None):
    torch.manual_seed(0)
    model = ToyNet()
    optimizer = optimizer or torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    strategy = toy_strategy(model, [plugin], optimizer=optimizer)
    for experience in toy_benchmark(tasks=tasks, rank=rank).train_stream:
        train_quietly(strategy, experience)
    return model


def test_importance_by_hand():
    s = torch.tensor([4.0, 2.0, 1.0, 0.0])
    # (a + 1) s / (a s + 4) at a = 1: 8/8, 4/6, 2/5, 0.
    torch.testing.assert_close(importance(s, 1.0), torch.tensor([1.0, 2 / 3, 2 / 5, 0.0]))
    torch.testing.assert_close(importance(s, 0.0), s / 4)
    assert importance(torch.zeros(3), 10.0).tolist() == [0, 0, 0]
    assert importance(torch.zeros(0), 10.0).shape == (0,)


def test_for_alpha_to_infinity_it_is_gpm():
    weights = [trunk(learn(kind)) for kind in (SGP(alpha=1e12, threshold=0.8), GPM(threshold=0.8))]
    for name in weights[0]:
        torch.testing.assert_close(weights[0][name], weights[1][name], atol=1e-5, rtol=1e-5)


def test_at_finite_alpha_it_is_not():
    weights = [trunk(learn(kind)) for kind in (SGP(alpha=1.0, threshold=0.8), GPM(threshold=0.8))]
    assert any((weights[0][name] - weights[1][name]).abs().max() > 1e-3 for name in weights[0])


def test_each_direction_keeps_its_share_of_the_update():
    # delta - delta C diag(l) C^T: along c_i the share 1 - l_i is left, elsewhere all of it.
    generator = torch.Generator().manual_seed(0)
    Q = torch.linalg.qr(torch.randn(6, 6, generator=generator)).Q
    plugin = SGP()
    plugin.C, plugin.importance = {"fc": Q[:, :3]}, {"fc": torch.tensor([1.0, 0.25, 0.0])}
    delta = torch.randn(4, 6, generator=generator)
    left = plugin.project("fc", delta) @ Q
    shares = torch.tensor([0.0, 0.75, 1.0, 1.0, 1.0, 1.0])
    torch.testing.assert_close(left, delta @ Q * shares, atol=1e-5, rtol=1e-5)


def test_importance_follows_the_papers_svd_and_accumulates():
    # protocol.md section 3: of old bases from the SVD of the projected part, renormalised with
    # the new singular values, added and clipped at 1.
    generator = torch.Generator().manual_seed(0)
    R1, R2 = (
        torch.randn(8, 5, generator=generator, dtype=torch.float64)
        @ torch.randn(5, 40, generator=generator, dtype=torch.float64)
        for _ in range(2)
    )
    plugin = SGP(alpha=10.0, threshold=0.9)
    plugin.remember("fc", R1 @ R1.T)
    C = plugin.C["fc"].double()
    k = C.shape[1]
    s = torch.linalg.svdvals(R1)[:k]
    first = 11 * s / (10 * s + s.max())
    torch.testing.assert_close(plugin.importance["fc"].double(), first, atol=1e-5, rtol=1e-5)
    plugin.remember("fc", R2 @ R2.T)
    U, S, _ = torch.linalg.svd(C @ C.T @ R2, full_matrices=False)
    old = torch.sqrt((C.T @ U) ** 2 @ S**2)
    added = plugin.C["fc"].shape[1] - k
    assert added > 0
    new = torch.linalg.svdvals(R2 - C @ C.T @ R2)[:added]
    both = torch.cat([old, new])
    second = 11 * both / (10 * both + both.max())
    expected = torch.cat([(first + second[:k]).clamp(max=1), second[k:]])
    torch.testing.assert_close(plugin.importance["fc"].double(), expected, atol=1e-4, rtol=1e-4)


def test_groups_keep_importances_beside_their_columns():
    M = torch.stack([torch.diag(torch.tensor(e)) for e in ([4.0, 0, 0], [4.0, 1, 0])]).double()
    plugin = SGP(alpha=1.0, threshold=0.999)
    plugin.remember("conv", M)
    # s = 2 alone; s = 2 and 1: (2 s) / (s + 2) = 1 and 2/3.
    assert plugin.importance["conv"].tolist() == [[1.0, 0.0], [1.0, pytest.approx(2 / 3)]]
    plugin.remember("conv", torch.diag(torch.tensor([0.0, 0.0, 9.0])).double().expand(2, 3, 3))
    assert [int(C.any(0).sum()) for C in plugin.C["conv"]] == [2, 3]
    assert plugin.importance["conv"][0].tolist()[:2] == [1.0, 1.0]


def test_updates_of_a_second_task_hold_back_important_directions_most():
    torch.manual_seed(0)
    model, plugin = ToyNet(), SGP(alpha=1.0, threshold=0.9)
    strategy = toy_strategy(model, [plugin])
    stream = toy_benchmark(tasks=2, rank=4).train_stream
    train_quietly(strategy, stream[0])
    before = trunk(model)
    C, weight = plugin.C["fc1"].clone(), plugin.importance["fc1"].clone()
    train_quietly(strategy, stream[1])
    dW = weight_matrix(model.fc1, model.fc1.weight.detach() - before["fc1.weight"])
    assert weight[0] == 1
    assert (dW @ C[:, 0]).norm() < 1e-5
    assert (dW @ C[:, -1]).norm() > 1e-3
    assert weight[-1] < 1


def test_a_negative_alpha_is_named():
    with pytest.raises(ValueError, match="alpha = -1"):
        SGP(alpha=-1.0)
