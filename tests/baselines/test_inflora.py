"""InfLoRA: a basis for the new task, orthogonal to what earlier tasks used; its dual memory."""

import pytest
import torch

from baselines.dual_memory import DualMemory
from baselines.gpm import extend_basis
from baselines.inflora import InfLoRA, design
from ness.attached import Attached
from ness.rows import weight_matrix
from toys import ToyConvNet, ToyNet, toy_benchmark, toy_strategy, train_quietly, trunk


def moment(*energies):
    return torch.diag(torch.tensor(energies, dtype=torch.float64))


def random_moment(seed, d=8, rank=5):
    generator = torch.Generator().manual_seed(seed)
    R = torch.randn(d, rank, generator=generator, dtype=torch.float64)
    R = R @ torch.randn(rank, 40, generator=generator, dtype=torch.float64)
    return R @ R.T


def projector(memory):
    """Onto the protected directions, whichever half is stored."""
    basis = memory.basis.double()
    P = basis @ basis.mT
    return torch.eye(len(basis), dtype=torch.float64) - P if memory.complement else P


def test_the_memory_is_gpms_whichever_half_is_stored():
    memory, C = DualMemory.empty(random_moment(0)), None
    halves = []
    for seed in range(3):
        M = random_moment(seed)
        memory, C = memory.extended(M, 0.9), extend_basis(C, M, 0.9)
        torch.testing.assert_close(projector(memory), C @ C.T, atol=1e-5, rtol=0)
        assert 2 * memory.basis.shape[1] <= 8
        halves.append(memory.complement)
    assert halves[0] is False
    assert halves[-1] is True


def test_the_memory_never_forgets_and_fills_up():
    memory = DualMemory.empty(moment(1, 1, 1))
    memory = memory.extended(moment(1, 0, 0), 0.99)
    memory = memory.extended(moment(0, 1, 0), 0.99)
    assert memory.complement
    delta = torch.eye(3)
    torch.testing.assert_close(memory.free(delta), torch.diag(torch.tensor([0.0, 0.0, 1.0])))
    full = memory.extended(moment(0, 0, 1), 0.99)
    assert full.free(delta).abs().max() == 0
    assert full.extended(moment(1, 1, 1), 0.99).basis.shape == (3, 0)


def test_groups_are_kept_apart():
    M = torch.stack([moment(1, 0, 0, 0), moment(1, 1, 1, 0)])
    memory = DualMemory.empty(M).extended(M, 0.999)
    for group, expected in enumerate(([0, 1, 1, 1], [0, 0, 0, 1])):
        left = memory.free(torch.eye(4).expand(2, 4, 4))[group]
        torch.testing.assert_close(left, torch.diag(torch.tensor(expected).float()))


def test_the_design_leads_the_new_inputs_outside_the_memory():
    memory = DualMemory.empty(moment(1, 1, 1, 1)).extended(moment(1, 0, 0, 0), 0.99)
    basis = design(memory, moment(9, 4, 1, 0), r=1)
    torch.testing.assert_close(basis.abs(), torch.tensor([[0.0], [1], [0], [0]]).double())
    assert design(memory, moment(9, 4, 1, 0), r=3).shape == (4, 2)  # no energy in the fourth
    assert design(memory, moment(9, 0, 0, 0), r=3).shape == (4, 0)


def test_design_equals_the_svd_of_the_projected_inputs():
    generator = torch.Generator().manual_seed(3)
    H = torch.randn(8, 40, generator=generator, dtype=torch.float64)
    memory = DualMemory.empty(H @ H.T).extended(random_moment(0), 0.5)
    C = memory.basis.double()
    left = torch.linalg.svd(H - C @ C.T @ H, full_matrices=False)[0][:, :2]
    basis = design(memory, H @ H.T, r=2)
    torch.testing.assert_close(basis @ basis.T, left @ left.T, atol=1e-5, rtol=0)


@pytest.mark.parametrize("net", ["mlp", "conv"])
def test_updates_are_low_rank_and_orthogonal_to_the_memory(net):
    torch.manual_seed(0)
    shape = (12,) if net == "mlp" else (2, 6, 6)
    model = ToyNet() if net == "mlp" else ToyConvNet()
    plugin = InfLoRA(r=2, threshold=0.7)
    strategy = toy_strategy(model, [plugin])
    stream = toy_benchmark(tasks=3, shape=shape, rank=4).train_stream
    train_quietly(strategy, stream[0])
    for experience in stream[1:]:
        before, memory = trunk(model), dict(plugin.memory)
        train_quietly(strategy, experience)
        for name, layer in plugin.layers(model).items():
            dW = weight_matrix(layer, layer.weight.detach() - before[f"{name}.weight"])
            assert dW.norm() > 1e-4
            assert (dW - memory[name].free(dW)).norm() < 1e-5
            sigma = torch.linalg.svdvals(dW)
            assert (sigma[..., 2:] < 1e-4 * sigma[..., :1]).all()
            assert plugin.ranks[name] == 2
    assert not any(isinstance(module, Attached) for module in model.modules())


def test_a_full_layer_is_frozen_and_named():
    torch.manual_seed(0)
    model, plugin = ToyNet(), InfLoRA(threshold=0.999999, increment=0.0)
    strategy = toy_strategy(model, [plugin])
    stream = toy_benchmark(tasks=2).train_stream
    train_quietly(strategy, stream[0])
    before = trunk(model)
    with pytest.warns(UserWarning, match="no free direction, frozen: fc1"):
        strategy.train(stream[1])
    assert torch.equal(trunk(model)["fc1.weight"], before["fc1.weight"])


def test_the_threshold_rises_with_the_tasks_and_stops_short_of_one():
    asked = []

    class Look(DualMemory):
        def extended(self, M, energy):
            asked.append(energy)
            return super().extended(M, energy)

    torch.manual_seed(0)
    plugin = InfLoRA(threshold=0.9, increment=0.07)
    strategy = toy_strategy(ToyNet(), [plugin], epochs=1)
    for experience in toy_benchmark(3, rank=2).train_stream:
        train_quietly(strategy, experience)
        plugin.memory = {n: Look(m.basis, m.complement) for n, m in plugin.memory.items()}
    assert asked == pytest.approx([0.97, 0.97, 1 - 1e-6, 1 - 1e-6])


@pytest.mark.parametrize("arguments", [{"r": 0}, {"threshold": 1.0}, {"increment": -1.0}])
def test_bad_arguments_are_named(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        InfLoRA(**arguments)
