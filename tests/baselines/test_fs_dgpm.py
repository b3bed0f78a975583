"""FS-DGPM: the flattened loss, the soft weights, and the memory that it replays."""

import copy
import itertools

import pytest
import torch
import torch.nn.functional as F
from avalanche.core import SupervisedPlugin

from baselines.fs_dgpm import FSDGPM
from baselines.reservoir import Reservoir
from ness.rows import weight_matrix
from toys import ToyConvNet, ToyNet, toy_benchmark, toy_strategy, train_quietly, trunk


class Watch(SupervisedPlugin):
    """The model, batch and drawn samples of the first step of a task, and its gradients."""

    def __init__(self, method):
        super().__init__()
        self.method = method

    def before_forward(self, strategy, **kwargs):
        if strategy.clock.train_exp_iterations == 0:
            self.model = copy.deepcopy(strategy.model)
            self.batch = (strategy.mb_x, strategy.mb_y, strategy.mb_task_id)
            state = torch.get_rng_state()
            self.old = self.method.memory.draw(len(strategy.mb_y)) if self.method.memory else None
            torch.set_rng_state(state)
            self.theta = {n: t.detach().clone() for n, t in self.method.theta.items()}
            self.C = dict(self.method.C)

    def before_update(self, strategy, **kwargs):
        if strategy.clock.train_exp_iterations == 0:
            self.gradients = {
                n: p.grad.clone()
                for n, p in strategy.model.named_parameters()
                if p.grad is not None
            }
            self.moved = {n: t.detach() - self.theta[n] for n, t in self.method.theta.items()}


def learn(plugin, tasks=2, net=ToyNet, epochs=1):
    torch.manual_seed(0)
    watch = Watch(plugin)
    strategy = toy_strategy(net(), [plugin, watch], epochs=epochs)
    shape = (2, 6, 6) if net is ToyConvNet else (12,)
    for experience in toy_benchmark(tasks, shape=shape, rank=4).train_stream:
        train_quietly(strategy, experience)
    return strategy, watch


def by_hand(watch, method):
    """Gradients of the mean loss after one and two climbs, written out layer by layer."""
    model, (x, y, t) = watch.model, watch.batch
    head = model.classifier.classifiers[str(int(t[0]))].classifier
    old_x, old_y, old_t = watch.old if watch.old is not None else (x[:0], y[:0], t[:0])
    old_head = model.classifier.classifiers["0"].classifier
    leaves = {
        "fc1": model.fc1.weight,
        "fc2": model.fc2.weight,
        "head": head.weight,
        "bias": head.bias,
    }
    theta = {name: value.clone().requires_grad_() for name, value in watch.theta.items()}

    def loss(w, x, y, t):
        hidden = torch.relu(F.linear(torch.relu(F.linear(x, w["fc1"])), w["fc2"]))
        mine = F.linear(hidden, w["head"], w["bias"])
        theirs = F.linear(hidden, old_head.weight, old_head.bias)
        return F.cross_entropy(torch.where((t == t[0])[:, None], mine, theirs), y)

    both = [torch.cat(parts) for parts in ((x, old_x), (y, old_y), (t, old_t))]
    w, losses = dict(leaves), []
    for part in (slice(0, 8), slice(8, 16)):
        inner = loss(w, x[part], y[part], t[part])
        gradients = torch.autograd.grad(inner, list(w.values()), create_graph=True)
        climbed = {}
        for (name, weight), g in zip(w.items(), gradients, strict=True):
            if name in watch.C:
                C, soft = watch.C[name], torch.sigmoid(method.temperature * theta[name])
                g = g @ C @ torch.diag(soft) @ C.T
            climbed[name] = weight + method.eta1 * g.clamp(-method.clip, method.clip)
        w = climbed
        losses.append(loss(w, *both))
    mean = sum(losses) / 2
    found = torch.autograd.grad(mean, [*leaves.values(), *theta.values()])
    return dict(zip(leaves, found, strict=False)), dict(zip(theta, found[4:], strict=True))


@pytest.mark.parametrize("tasks", [1, 2])
def test_the_first_step_of_a_task_by_hand(tasks):
    method = FSDGPM(threshold=0.8, eta1=0.5, lam_init=0.1, clip=1e6)
    _, watch = learn(method, tasks)
    assert (tasks == 2) == bool(watch.theta)
    gradients, of_theta = by_hand(watch, method)
    names = {"fc1": "fc1.weight", "fc2": "fc2.weight"}
    names["head"] = f"classifier.classifiers.{tasks - 1}.classifier.weight"
    for short, name in names.items():
        torch.testing.assert_close(watch.gradients[name], gradients[short], rtol=1e-4, atol=1e-5)
    for name, moved in watch.moved.items():
        torch.testing.assert_close(moved, -method.eta2 * of_theta[name], rtol=1e-3, atol=1e-7)
        assert moved.abs().max() > 0


def test_a_direction_keeps_one_minus_its_soft_weight_of_the_update():
    method = FSDGPM(temperature=1.0)
    Q = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(0))).Q
    method.C = {"fc": Q[:, :2]}
    method.theta = {"fc": torch.tensor([0.0, 50.0])}  # soft weights 1/2 and 1
    delta = torch.randn(3, 6)
    shares = torch.tensor([0.5, 0.0, 1, 1, 1, 1])
    torch.testing.assert_close(
        method.project("fc", delta) @ Q, delta @ Q * shares, atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize("net", [ToyNet, ToyConvNet])
def test_with_soft_weights_of_one_updates_are_orthogonal_to_the_memory(net):
    torch.manual_seed(0)
    method = FSDGPM(threshold=0.6, temperature=100.0, eta2=0.0)
    strategy = toy_strategy(net(), [method])
    stream = toy_benchmark(2, shape=(2, 6, 6) if net is ToyConvNet else (12,)).train_stream
    train_quietly(strategy, stream[0])
    before, C = trunk(strategy.model), {name: c.clone() for name, c in method.C.items()}
    train_quietly(strategy, stream[1])
    for name, layer in method.layers(strategy.model).items():
        dW = weight_matrix(layer, layer.weight.detach() - before[f"{name}.weight"])
        assert dW.norm() > 1e-4
        assert (dW @ C[name]).norm() < 1e-5


def test_old_heads_train_on_replayed_samples():
    method = FSDGPM()
    strategy, _ = learn(method, tasks=1)
    head = strategy.model.classifier.classifiers["0"].classifier.weight.detach().clone()
    train_quietly(strategy, toy_benchmark(2, rank=4).train_stream[1])
    assert not torch.equal(strategy.model.classifier.classifiers["0"].classifier.weight, head)
    assert set(method.memory.parts[2].tolist()) == {0, 1}


def test_penalties_of_other_plugins_are_kept():
    class Penalty(SupervisedPlugin):
        def before_backward(self, strategy, **kwargs):
            strategy.loss += 100 * strategy.model.fc1.weight.square().sum()

    gradients = []
    for others in ([], [Penalty()]):
        torch.manual_seed(0)
        method = FSDGPM(clip=1e6)
        watch = Watch(method)
        strategy = toy_strategy(ToyNet(), [*others, method, watch], epochs=1)
        train_quietly(strategy, toy_benchmark().train_stream[0])
        gradients.append(watch.gradients["fc1.weight"])
    expected = gradients[0] + 200 * watch.model.fc1.weight
    torch.testing.assert_close(gradients[1], expected, rtol=1e-4, atol=1e-4)


def test_released_soft_weights_learn_in_the_first_step_alone():
    moves = {}
    for faults in ((), ("stale_lambdas",)):
        method, seen = FSDGPM(threshold=0.8, lam_init=0.1, as_released=faults), []

        class Look(SupervisedPlugin):
            def after_backward(self, strategy, method=method, seen=seen, **kwargs):
                seen.extend(t.detach().clone() for n, t in method.theta.items() if n == "fc1")

        torch.manual_seed(0)
        strategy = toy_strategy(ToyNet(), [method, Look()], epochs=1)
        for experience in toy_benchmark(2, rank=4).train_stream:
            train_quietly(strategy, experience)
        moves[faults] = [bool((a - b).abs().max() > 0) for a, b in itertools.pairwise(seen)]
        assert (seen[0] - 0.1).abs().max() > 0
    assert moves == {(): [True, True], ("stale_lambdas",): [False, False]}


def test_a_reservoir_keeps_every_sample_with_the_same_probability():
    torch.manual_seed(0)
    counts = torch.zeros(30)
    for _ in range(600):
        reservoir = Reservoir(10)
        for part in torch.arange(30).split(7):
            reservoir.add(part.float(), part)
        assert len(reservoir) == 10
        counts[reservoir.parts[1]] += 1
    # Binomial(600, 1/3): mean 200, standard deviation 11.5.
    assert counts.min() > 150
    assert counts.max() < 250
    drawn = reservoir.draw(4)[1]
    assert len(set(drawn.tolist())) == 4
    assert torch.equal(reservoir.parts[0].long(), reservoir.parts[1])
    again = Reservoir(10)
    again.load_state_dict(reservoir.state_dict())
    assert (again.seen, len(again)) == (30, 10)


@pytest.mark.parametrize(
    "arguments",
    [
        {"threshold": 1.0},
        {"samples": 0},
        {"inner_steps": 0},
        {"eta1": -1.0},
        {"temperature": 0.0},
        {"clip": 0.0},
        {"as_released": ["typo"]},
    ],
)
def test_bad_arguments_are_named(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        FSDGPM(**arguments)
