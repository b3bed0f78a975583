"""TRGP: trust regions, scaled weights, a task's own basis, and GPM where nothing is trusted."""

import copy

import pytest
import torch
from avalanche.core import SupervisedPlugin

from baselines.gpm import GPM, extend_basis
from baselines.projection import keep
from baselines.trgp import TRGP
from baselines.trust_region import ScaledSubspaces, attach_scales, task_basis, trusted
from ness import release
from ness.rows import weight_matrix
from toys import ToyConvNet, ToyNet, toy_benchmark, toy_strategy, train_quietly, trunk


def moment(*energies):
    return torch.diag(torch.tensor(energies, dtype=torch.float64))


def make(plugin, net="mlp", **kwargs):
    torch.manual_seed(0)
    model = ToyNet() if net == "mlp" else ToyConvNet()
    shape = (12,) if net == "mlp" else (2, 6, 6)
    for task in ("1", "2"):
        model.classifier.classifiers[task] = copy.deepcopy(model.classifier.classifiers["0"])
    return toy_strategy(model, [plugin], **kwargs), toy_benchmark(shape=shape, rank=4)


def test_the_trust_region_by_hand():
    e = torch.eye(4)
    gradient = torch.tensor([[3.0, 4.0, 0.0, 0.0]])  # norm 5
    bases = {0: e[:, :1], 1: e[:, 1:2], 2: e[:, 2:], 3: e[:, :2]}  # hold 3, 4, 0, 5
    assert trusted(gradient, bases, threshold=0.5, most=2) == [3, 1]
    assert trusted(gradient, bases, threshold=0.5, most=4) == [3, 1, 0]
    assert trusted(gradient, bases, threshold=0.9, most=2) == [3]
    assert trusted(gradient, bases, threshold=1.0, most=2) == []


def test_a_scaled_layer_computes_the_papers_weight():
    generator = torch.Generator().manual_seed(0)
    layer = torch.nn.Linear(6, 4)
    W = layer.weight.detach().clone()
    Ms = [torch.linalg.qr(torch.randn(6, k, generator=generator)).Q for k in (2, 3)]
    x = torch.randn(5, 6, generator=generator)
    before = layer(x)
    adapted = attach_scales(layer, Ms)
    torch.testing.assert_close(layer(x), before)
    with torch.no_grad():
        adapted.U += torch.randn(5, 5, generator=generator)
    S1 = adapted.U[:2, :2].detach() + torch.eye(2)
    S2 = adapted.U[2:, 2:].detach() + torch.eye(3)
    expected = W
    for M, S in zip(Ms, (S1, S2), strict=True):
        expected = expected + W @ M @ S @ M.T - W @ M @ M.T
    torch.testing.assert_close(layer(x), x @ expected.T + layer.bias, atol=1e-5, rtol=1e-5)
    layer(x).sum().backward()
    assert adapted.U.grad[:2, 2:].abs().max() == 0  # the blocks between tasks do not exist
    assert adapted.U.grad[:2, :2].abs().max() > 0
    twin = copy.deepcopy(layer)
    torch.testing.assert_close(twin(x), layer(x))
    adapted.detach_update()
    assert type(layer) is torch.nn.Linear
    assert set(layer.state_dict()) == {"weight", "bias"}


def test_a_tasks_basis_ranks_old_and_new_directions_together():
    C = torch.eye(4, dtype=torch.float64)[:, :2]
    M = moment(1, 5, 3, 1)
    # Ranked: old e2 (5), new e3 (3), then 1 and 1; of a total of 10.
    for energy, basis_axes, union_axes in (
        (0.4, [1], [0, 1]),
        (0.7, [1, 2], [0, 1, 2]),
        (0.99, [0, 1, 2, 3], [0, 1, 2, 3]),
    ):
        basis, union = task_basis(C, M, energy)
        assert sorted(basis.abs().argmax(0).tolist()) == basis_axes
        assert sorted(union.abs().argmax(0).tolist()) == union_axes
        torch.testing.assert_close(keep(C.T, union), C.T)


def test_the_released_code_leaves_the_strongest_new_direction_out():
    C = torch.eye(4, dtype=torch.float64)[:, :1]
    M = moment(1, 5, 3, 1)
    basis, union = task_basis(C, M, 0.75, drop_strongest=True)
    assert sorted(basis.abs().argmax(0).tolist()) == [1, 2]
    assert sorted(union.abs().argmax(0).tolist()) == [0, 2]


def test_the_first_basis_is_gpms_and_groups_are_padded():
    M = torch.stack([moment(4, 0, 0), moment(2, 1, 0)])
    basis, union = task_basis(None, M, 0.99)
    expected = extend_basis(None, M, 0.99)
    torch.testing.assert_close(basis @ basis.mT, expected @ expected.mT)
    assert torch.equal(basis, union)
    assert [int(c.any(0).sum()) for c in basis] == [1, 2]
    assert task_basis(None, torch.zeros(3, 3, dtype=torch.float64), 0.9)[0].shape == (3, 0)


@pytest.mark.parametrize("net", ["mlp", "conv"])
def test_with_no_trusted_task_the_steps_are_gpms(net):
    states = []
    for kind in (TRGP, GPM):
        plugin = kind(threshold=0.8, **({"trust": 1.0} if kind is TRGP else {}))
        strategy, benchmark = make(plugin, net)
        train_quietly(strategy, benchmark.train_stream[0])
        states.append((strategy, benchmark, plugin))
    (trgp, benchmark, method), (gpm, _, memory) = states
    for name, C in memory.C.items():  # after task 1 the bases are the same
        torch.testing.assert_close(method.C[name] @ method.C[name].mT, C @ C.mT)
    memory.C = {name: C.clone() for name, C in method.C.items()}
    for strategy in (trgp, gpm):
        torch.manual_seed(1)
        train_quietly(strategy, benchmark.train_stream[1])
    assert method.scales[-1] == {}
    weights = trunk(trgp.model), trunk(gpm.model)
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


@pytest.mark.parametrize("net", ["mlp", "conv"])
def test_scales_are_learnt_stored_and_used_for_their_own_task(net):
    plugin = TRGP(threshold=0.8, trust=1e-3)
    strategy, benchmark = make(plugin, net)
    train_quietly(strategy, benchmark.train_stream[0])
    before, C = trunk(strategy.model), {n: c.clone() for n, c in plugin.C.items()}
    outputs = {}
    for experience in benchmark.train_stream[1:]:
        train_quietly(strategy, experience)
    model = strategy.model
    assert not any(isinstance(module, ScaledSubspaces) for module in model.modules())
    for name, layer in plugin.layers(model).items():
        dW = weight_matrix(layer, layer.weight.detach() - before[f"{name}.weight"])
        assert dW.norm() > 1e-4
        assert (dW @ C[name]).norm() < 1e-5
        assert set(plugin.scales[2][name]) == {0, 1}
        assert all(D.norm() > 1e-4 for D in plugin.scales[2][name].values())
    x = torch.stack([benchmark.train_stream[1].dataset[i][0] for i in range(8)])
    plain = trunk(model)
    for label in range(3):
        with plugin.scaled(model, label), torch.no_grad():
            outputs[label] = model.eval().features(x)
            assert (label == 0) == all(torch.equal(trunk(model)[n], plain[n]) for n in plain)
    assert all(torch.equal(trunk(model)[n], plain[n]) for n in plain)
    assert (outputs[1] - outputs[2]).abs().max() > 1e-5
    # The weight of task 2 is still the one that it was learnt with, along its own inputs.
    name, layer = next(iter(plugin.layers(model).items()))
    basis = plugin.bases[1][name]
    with plugin.scaled(model, 1):
        now = weight_matrix(layer, layer.weight.detach()).clone() @ basis
    W = weight_matrix(layer, layer.weight.detach())
    scaled = W + sum(
        W @ plugin.bases[j][name] @ D @ plugin.bases[j][name].mT
        for j, D in plugin.scales[1][name].items()
    )
    torch.testing.assert_close(now, scaled @ basis, atol=1e-5, rtol=1e-4)


class Outputs(SupervisedPlugin):
    """Collects what the model answers in evaluation."""

    def before_eval_exp(self, strategy, **kwargs):
        self.found = []

    def after_eval_iteration(self, strategy, **kwargs):
        self.found.append(strategy.mb_output.detach().clone())


class Reseed(SupervisedPlugin):
    """Seeds every epoch: loaders that evaluate draw from the global generator too."""

    def __init__(self, task):
        super().__init__()
        self.seed = 10 * task

    def before_training_epoch(self, strategy, **kwargs):
        self.seed += 1
        torch.manual_seed(self.seed)


def test_evaluation_swaps_scales_in_and_out():
    plugin, outputs = TRGP(threshold=0.8, trust=1e-3), Outputs()
    strategy, benchmark = make(plugin)
    strategy.plugins.append(outputs)
    for experience in benchmark.train_stream[:2]:
        train_quietly(strategy, experience)
    model = strategy.model
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    strategy.eval(benchmark.test_stream[1])
    assert all(torch.equal(before[n], t) for n, t in model.state_dict().items())
    x = torch.stack([sample[0] for sample in benchmark.test_stream[1].dataset])
    labels = torch.ones(len(x), dtype=torch.long)
    with torch.no_grad():
        plain = model(x, labels)
        with plugin.scaled(model, 1):
            expected = model(x, labels)
    torch.testing.assert_close(torch.cat(outputs.found), expected)
    assert not torch.allclose(plain, expected)


def test_evaluating_old_tasks_in_mid_task_changes_nothing():
    final = []
    for evaluate in (False, True):
        plugin = TRGP(threshold=0.8, trust=1e-3)
        strategy, benchmark = make(plugin, eval_every=1 if evaluate else -1)
        for task, experience in enumerate(benchmark.train_stream):
            torch.manual_seed(task)
            streams = [[benchmark.test_stream[task - 1]]] if evaluate and task else []
            strategy.plugins.append(Reseed(task))
            train_quietly(strategy, experience, eval_streams=streams)
            strategy.plugins.pop()
        final.append(trunk(strategy.model))
    assert all(torch.equal(final[0][name], final[1][name]) for name in final[0])


def outputs_of(strategy, plugin, benchmark, label):
    x = torch.stack([sample[0] for sample in benchmark.test_stream[label].dataset])
    with plugin.scaled(strategy.model, label), torch.no_grad():
        strategy.model.eval()
        return strategy.model(x, torch.full((len(x),), label))


def test_in_mid_task_old_tasks_are_tested_without_the_scales_of_the_new_one():
    answers = []

    class Peek(SupervisedPlugin):
        def after_training_epoch(self, strategy, **kwargs):
            if strategy.experience.task_label == 2:
                for layer in plugin.layers(strategy.model).values():
                    assert isinstance(layer, ScaledSubspaces)
                    with torch.no_grad():
                        layer.weight.copy_(weights[layer])
                strategy.eval(benchmark.test_stream[1])
                answers.append(torch.cat(seen.found))
                strategy.eval(benchmark.test_stream[2])
                scaled.append(torch.cat(seen.found))
                x = torch.stack([sample[0] for sample in benchmark.test_stream[2].dataset])
                with torch.no_grad():
                    attached.append(strategy.model(x, torch.full((len(x),), 2)))

    plugin, seen, scaled, attached = TRGP(threshold=0.8, trust=1e-3), Outputs(), [], []
    strategy, benchmark = make(plugin)
    for experience in benchmark.train_stream[:2]:
        train_quietly(strategy, experience)
    expected = outputs_of(strategy, plugin, benchmark, 1)
    layers = plugin.layers(strategy.model).values()
    weights = {layer: layer.weight.detach().clone() for layer in layers}
    strategy.plugins += [seen, Peek()]
    train_quietly(strategy, benchmark.train_stream[2])
    assert len(answers) == 2
    for answer in answers:
        torch.testing.assert_close(answer, expected)
    for tested, trained in zip(scaled, attached, strict=True):
        torch.testing.assert_close(tested, trained)


def test_a_revisited_label_gets_its_latest_scales():
    plugin = TRGP(threshold=0.8, trust=1e-3)
    strategy, benchmark = make(plugin)
    for task in (0, 1, 0):
        train_quietly(strategy, benchmark.train_stream[task])
    assert plugin.task_of_label == {0: 2, 1: 1}
    assert plugin.scales[0] == {}
    assert plugin.scales[2]
    plain = trunk(strategy.model)
    with plugin.scaled(strategy.model, 0):
        assert not torch.equal(trunk(strategy.model)["fc1.weight"], plain["fc1.weight"])


def test_the_threshold_rises_with_the_tasks():
    held = []
    plugin = TRGP(threshold=0.5, increment=0.3)
    strategy, benchmark = make(plugin)
    for experience in benchmark.train_stream[:2]:
        train_quietly(strategy, experience)
        x = torch.stack([sample[0] for sample in experience.dataset])
        inside = x @ plugin.bases[-1]["fc1"]
        held.append((inside.square().sum() / x.square().sum()).item())
    assert 0.5 <= held[0] < 0.8 <= held[1]


class Break(SupervisedPlugin):
    """Raises in the first batch of evaluation, or of training a task again, while armed."""

    armed = ""

    def after_eval_iteration(self, strategy, **kwargs):
        if self.armed == "eval":
            raise KeyboardInterrupt

    def after_training_iteration(self, strategy, **kwargs):
        if self.armed == "train":
            raise KeyboardInterrupt


def test_weights_loaded_after_a_broken_evaluation_stay():
    plugin, fault = TRGP(threshold=0.8, trust=1e-3), Break()
    strategy, benchmark = make(plugin)
    strategy.plugins.append(fault)
    for experience in benchmark.train_stream[:2]:
        train_quietly(strategy, experience)
    fault.armed = "eval"
    with pytest.raises(KeyboardInterrupt):
        strategy.eval(benchmark.test_stream[1])
    fault.armed = ""
    loaded = {
        name: torch.randn_like(t) if t.is_floating_point() else t.clone()
        for name, t in strategy.model.state_dict().items()
    }
    strategy.model.load_state_dict(loaded)
    strategy.eval(benchmark.test_stream[1])
    assert all(torch.equal(t, loaded[n]) for n, t in strategy.model.state_dict().items())


def test_after_an_interrupted_revisit_the_old_scales_hold():
    plugin, fault = TRGP(threshold=0.8, trust=1e-3), Break()
    strategy, benchmark = make(plugin)
    strategy.plugins.append(fault)
    for experience in benchmark.train_stream[:2]:
        train_quietly(strategy, experience)
    fault.armed = "train"
    with pytest.raises(KeyboardInterrupt):
        train_quietly(strategy, benchmark.train_stream[1])
    release(strategy.model)
    plain = trunk(strategy.model)
    with plugin.scaled(strategy.model, 1):
        assert not torch.equal(trunk(strategy.model)["fc1.weight"], plain["fc1.weight"])


def test_streams_of_one_label_are_refused_before_training():
    strategy, _ = make(TRGP())
    stream = toy_benchmark(tasks=2, task_labels=False).train_stream
    before = trunk(strategy.model)
    with pytest.raises(ValueError, match="one task label: give a stream with task labels"):
        train_quietly(strategy, stream[0])
    assert torch.equal(trunk(strategy.model)["fc1.weight"], before["fc1.weight"])


@pytest.mark.parametrize(
    "arguments",
    [{"threshold": 1.0}, {"increment": -1.0}, {"samples": 0}, {"trust": 0.0}, {"most_trusted": -1}],
)
def test_bad_arguments_are_named(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        TRGP(**arguments)
