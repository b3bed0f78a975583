"""DFGP: the loss, the climb in weights and mixtures, and the projection of GPM."""

import copy

import pytest
import torch
import torch.nn.functional as F
from avalanche.core import SupervisedPlugin

from baselines.dfgp import DFGP, climb
from baselines.gpm import GPM
from ness import SAMPlugin
from ness.rows import weight_matrix
from toys import ToyConvNet, ToyNet, toy_benchmark, toy_strategy, train_quietly, trunk


class OneStep(SupervisedPlugin):
    def __init__(self, method):
        super().__init__()
        self.method = method

    def before_forward(self, strategy, **kwargs):
        self.model = copy.deepcopy(strategy.model)
        self.batch = (strategy.mb_x, strategy.mb_y, strategy.mb_task_id)
        self.shares = self.method._shares.detach().clone()
        self.partners = self.method._partners

    def before_update(self, strategy, **kwargs):
        self.gradients = {
            n: p.grad.clone() for n, p in strategy.model.named_parameters() if p.grad is not None
        }

    def after_training_iteration(self, strategy, **kwargs):
        strategy.stop_training()


def one_step(plugin):
    torch.manual_seed(0)
    seen = OneStep(plugin)
    train_quietly(toy_strategy(ToyNet(), [plugin, seen], epochs=1), toy_benchmark().train_stream[0])
    return seen


def by_hand(seen, weight, rho, data_step, mixture):
    """The papers' two passes, written out."""
    model, (x, y, t) = seen.model, seen.batch
    shares = seen.shares.clone().requires_grad_()

    def loss():
        mixed = (1 - shares[:, None]) * x + shares[:, None] * x[seen.partners]
        logits = model(mixed, t)
        return F.cross_entropy(model(x, t), y) + weight * mixture(logits, y, seen.partners, shares)

    parameters = {n: p for n, p in model.named_parameters() if ".1." not in n and ".2." not in n}
    *first, of_shares = torch.autograd.grad(loss(), [*parameters.values(), shares])
    norm = torch.sqrt(sum(g.square().sum() for g in first))
    with torch.no_grad():
        for p, g in zip(parameters.values(), first, strict=True):
            p += rho * g / norm
        shares += data_step * of_shares / of_shares.norm()
    return dict(zip(parameters, torch.autograd.grad(loss(), parameters.values()), strict=True))


def correct(logits, y, partners, shares):
    own = F.cross_entropy(logits, y, reduction="none")
    other = F.cross_entropy(logits, y[partners], reduction="none")
    return ((1 - shares) * own + shares * other).mean()


def swapped(logits, y, partners, shares):
    own, other = F.cross_entropy(logits, y), F.cross_entropy(logits, y[partners])
    return (shares * own + (1 - shares) * other).mean()


@pytest.mark.parametrize(("faults", "mixture"), [((), correct), (("swapped_labels",), swapped)])
def test_steps_with_the_gradient_at_the_perturbed_weights_and_mixtures(faults, mixture):
    settings = {"alpha": 1.0, "weight": 0.7, "rho": 0.3, "data_step": 0.4}
    seen = one_step(DFGP(**settings, as_released=faults))
    assert sorted(seen.partners.tolist()) == list(range(16))
    assert seen.shares.min() >= 0
    assert seen.shares.max() <= 1
    for name, gradient in by_hand(seen, 0.7, 0.3, 0.4, mixture).items():
        torch.testing.assert_close(seen.gradients[name], gradient, rtol=1e-4, atol=1e-6)
    other = correct if faults else swapped
    again = one_step(DFGP(**settings, as_released=faults))
    wrong = by_hand(again, 0.7, 0.3, 0.4, other)
    assert any((wrong[n] - seen.gradients[n]).abs().max() > 1e-4 for n in wrong)


def test_the_sam_form_is_gpm_under_sam():
    final = []
    for plugins in (
        [DFGP(form="sam", threshold=0.6)],
        [SAMPlugin(), GPM(threshold=0.6, increment=0)],
    ):
        torch.manual_seed(0)
        model = ToyNet()
        strategy = toy_strategy(model, plugins, epochs=2)
        for experience in toy_benchmark(tasks=2).train_stream:
            train_quietly(strategy, experience)
        final.append(trunk(model))
    assert all(torch.equal(final[0][name], final[1][name]) for name in final[0])


@pytest.mark.parametrize(("alpha", "variance"), [(1.0, 1 / 12), (20.0, 1 / 164)])
def test_shares_are_beta_distributed(alpha, variance):
    plugin, shares = DFGP(alpha=alpha), []

    class Look(SupervisedPlugin):
        def before_forward(self, strategy, **kwargs):
            shares.append(plugin._shares.detach().clone())

    torch.manual_seed(0)
    strategy = toy_strategy(ToyNet(), [plugin, Look()], epochs=20)
    train_quietly(strategy, toy_benchmark().train_stream[0])
    drawn = torch.cat(shares)
    assert len(drawn) == 960
    assert drawn.mean().item() == pytest.approx(0.5, abs=0.03)
    assert drawn.var().item() == pytest.approx(variance, rel=0.2)


@pytest.mark.parametrize("form", ["mixup", "sam"])
def test_updates_are_orthogonal_to_the_memory(form):
    torch.manual_seed(0)
    model, plugin = ToyConvNet(), DFGP(form=form, threshold=0.6)
    strategy = toy_strategy(model, [plugin])
    stream = toy_benchmark(tasks=2, shape=(2, 6, 6)).train_stream
    train_quietly(strategy, stream[0])
    before, memory = trunk(model), {name: C.clone() for name, C in plugin.C.items()}
    train_quietly(strategy, stream[1])
    for name, layer in plugin.layers(model).items():
        dW = weight_matrix(layer, layer.weight.detach() - before[f"{name}.weight"])
        assert dW.norm() > 1e-4
        assert (dW @ memory[name]).norm() < 1e-5


def test_norm_statistics_come_from_the_unmixed_batch_alone():
    buffers = []
    for kind in (DFGP(), GPM()):
        torch.manual_seed(0)
        model = ToyConvNet()
        strategy = toy_strategy(model, [kind], epochs=1)

        class Stop(SupervisedPlugin):
            def after_training_iteration(self, strategy, **kwargs):
                strategy.stop_training()

        strategy.plugins.append(Stop())
        train_quietly(strategy, toy_benchmark(shape=(2, 6, 6)).train_stream[0])
        buffers.append(model.bn)
    assert [int(bn.num_batches_tracked) for bn in buffers] == [1, 1]


def test_a_share_without_gradient_stays():
    point = torch.ones(2, requires_grad=True)
    assert torch.equal(climb(point, 0.1), torch.ones(2))
    (3 * point[0]).backward()
    assert climb(point, 0.1).tolist() == pytest.approx([1.1, 1.0])


@pytest.mark.parametrize(
    "arguments",
    [{"form": "cutmix"}, {"alpha": 0.0}, {"weight": -1.0}, {"as_released": ["one_less"]}],
)
def test_bad_arguments_are_named(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        DFGP(**arguments)
