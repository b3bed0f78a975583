"""NESS inside Avalanche: what trains, what is frozen, what old tasks feel."""

import copy
import io
import warnings
from types import SimpleNamespace

import pytest
import torch
from avalanche.benchmarks import dataset_benchmark
from avalanche.benchmarks.scenarios.online import split_online_stream
from avalanche.core import SupervisedPlugin
from avalanche.models import MultiHeadClassifier, MultiTaskModule, as_multitask
from avalanche.training import plugins
from torch import nn
from torch.nn.utils import parametrizations, prune

import baselines
from ness import NESS, NESSPlugin, release
from ness.adapter import attach
from ness.attached import Attached
from ness.moments import InputMoments
from ness.rows import input_rows
from toys import (
    ToyConvNet,
    ToyDataset,
    ToyNet,
    toy_benchmark,
    toy_strategy,
    train_quietly,
    trunk,
)


def learn(model, plugin, benchmark, tasks=None, **kwargs):
    strategy = toy_strategy(model, [plugin], **kwargs)
    for experience in list(benchmark.train_stream)[:tasks]:
        train_quietly(strategy, experience)
    return strategy


def conv_benchmark(tasks=3):
    return toy_benchmark(tasks=tasks, shape=(2, 6, 6))


class Watcher(SupervisedPlugin):
    """Calls a function with the strategy at the first iteration of each task."""

    def __init__(self, look):
        super().__init__()
        self.look = look

    def after_backward(self, strategy, **kwargs):
        if strategy.clock.train_exp_iterations == 0:
            self.look(strategy)


def test_old_logits_do_not_change_where_inputs_are_rank_deficient():
    # Bias-free and linear, inputs of each task in 4 of 24 dimensions: an exact null space.
    class LinearNet(ToyNet):
        def features(self, x):
            return self.fc2(self.fc1(x))

    torch.manual_seed(0)
    benchmark = toy_benchmark(tasks=4, shape=(24,), rank=4)
    model, plugin = LinearNet(d=24, width=24), NESSPlugin()
    strategy = toy_strategy(model, [plugin], epochs=5)
    old = benchmark.test_stream[0].dataset
    train_inputs = torch.stack([benchmark.train_stream[0].dataset[i][0] for i in range(len(old))])
    labels = torch.zeros(len(old), dtype=torch.long)
    logits, weights = [], []
    for experience in benchmark.train_stream:
        train_quietly(strategy, experience)
        with torch.no_grad():
            logits.append(model(train_inputs, labels))
        weights.append(trunk(model))
    for later in logits[1:]:
        assert (later - logits[0]).norm() < 1e-4 * logits[0].norm()
    for name in weights[0]:  # and yet the trunk has learnt
        assert (weights[-1][name] - weights[0][name]).norm() > 1e-2 * weights[0][name].norm()
    assert all(value < 1e-4 for value in plugin.interference.values())


def test_update_is_merged_measured_and_orthogonal_to_protected_directions():
    torch.manual_seed(0)
    benchmark = toy_benchmark(tasks=2)
    model, plugin = ToyNet(), NESSPlugin(eps=0.085)
    strategy = learn(model, plugin, benchmark, tasks=1)
    before, M = trunk(model), {name: m.clone() for name, m in plugin.M.items()}
    x = torch.stack([sample[0] for sample in benchmark.train_stream[0].dataset])
    inputs = {"fc1": x, "fc2": torch.relu(model.fc1(x)).detach()}
    spaces = {name: plugin.basis(name) for name in M}
    train_quietly(strategy, benchmark.train_stream[1])
    for name, after in trunk(model).items():
        layer = name.removesuffix(".weight")
        dW, V = (after - before[name]).double(), spaces[layer].V
        assert plugin.ranks[layer] == V.shape[1]
        assert dW.norm() > 0
        assert (dW - dW @ V @ V.T).norm() < 1e-5 * before[name].norm()
        change = (inputs[layer].double() @ dW.T).norm()
        outputs = (inputs[layer].double() @ before[name].double().T).norm()
        assert plugin.interference[layer] == pytest.approx((change / outputs).item(), rel=1e-3)
        assert plugin.interference[layer] <= plugin.interference_bound[layer] * (1 + 1e-6)


@pytest.mark.parametrize(("form", "trained"), [("projected", "weight"), ("factored", "U")])
def test_from_the_second_task_on_only_updates_and_the_current_head_train(form, trained):
    seen = []

    def look(strategy):
        names = {n for n, p in strategy.model.named_parameters() if p.grad is not None}
        held = {id(p) for group in strategy.optimizer.param_groups for p in group["params"]}
        missing = {n for n, p in strategy.model.named_parameters() if id(p) not in held}
        seen.append((names, missing, len(held)))

    torch.manual_seed(0)
    model = ToyNet(bias=True)
    strategy = toy_strategy(model, [NESSPlugin(eps=0.085, form=form), Watcher(look)], epochs=1)
    for experience in toy_benchmark(tasks=3).train_stream:
        train_quietly(strategy, experience)
        assert all(p.requires_grad for p in model.parameters())
        assert not any(isinstance(m, Attached) for m in model.modules())
    head = [
        {f"classifier.classifiers.{t}.classifier.{p}" for p in ("weight", "bias")} for t in range(3)
    ]
    trunk_names = {"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"}
    assert seen[0][0] == trunk_names | head[0]
    updates = {f"fc1.{trained}", f"fc2.{trained}"}
    assert seen[1][0] == updates | head[1]
    assert seen[2][0] == updates | head[2]
    assert all(not missing for _, missing, _ in seen)


def test_old_heads_and_frozen_parameters_do_not_move_under_weight_decay():
    torch.manual_seed(0)
    model = ToyNet(bias=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.5)
    strategy = learn(model, NESSPlugin(eps=0.085), toy_benchmark(), tasks=1, optimizer=optimizer)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    train_quietly(strategy, toy_benchmark().train_stream[1])
    for name in ("fc1.bias", "fc2.bias", "classifier.classifiers.0.classifier.weight"):
        assert torch.equal(model.state_dict()[name], state[name])
    assert not torch.equal(model.fc2.weight, state["fc2.weight"])


@pytest.mark.parametrize("name", ["Adam", "Adagrad", "Adafactor", "Rprop", "RMSprop", "NAdam"])
def test_any_optimiser_without_a_closure_trains_u(name):
    torch.manual_seed(0)
    model = ToyNet()
    optimizer = getattr(torch.optim, name)(model.parameters(), lr=0.01)
    plugin = NESSPlugin(eps=0.085)
    strategy = learn(model, plugin, toy_benchmark(), tasks=1, optimizer=optimizer)
    before = trunk(model)
    train_quietly(strategy, toy_benchmark().train_stream[1])
    assert all(not torch.equal(trunk(model)[n], before[n]) for n in before)


@pytest.mark.parametrize(("form", "trained"), [("auto", "weight"), ("factored", "U")])
def test_two_parameter_groups_keep_their_options(form, trained):
    rates = []

    def look(strategy):
        names = {id(p): n for n, p in strategy.model.named_parameters()}
        rates.append(
            {names[id(p)]: g["lr"] for g in strategy.optimizer.param_groups for p in g["params"]}
        )

    model = ToyNet()
    groups = [
        {"params": [model.fc1.weight], "lr": 0.1},
        {"params": [model.fc2.weight, *model.classifier.parameters()], "lr": 0.2},
    ]
    strategy = toy_strategy(
        model,
        [NESSPlugin(eps=0.085, form=form), Watcher(look)],
        optimizer=torch.optim.SGD(groups, lr=1.0),
    )
    for experience in toy_benchmark().train_stream:
        train_quietly(strategy, experience)
    for rate in rates[1:]:
        assert (rate[f"fc1.{trained}"], rate[f"fc2.{trained}"]) == (0.1, 0.2)
        assert rate["classifier.classifiers.1.classifier.weight"] == 0.2


@pytest.mark.filterwarnings("ignore:NESSPlugin")
def test_convolutions_norms_and_running_statistics():
    torch.manual_seed(0)
    model, plugin = ToyConvNet(), NESSPlugin(eps=0.05)
    strategy = learn(model, plugin, conv_benchmark(), tasks=1)
    norm = {name: t.clone() for name, t in model.bn.state_dict().items()}
    before = trunk(model)
    with pytest.warns(UserWarning, match="BatchNorm2d is frozen .*bn"):
        strategy.train(conv_benchmark().train_stream[1])
    assert all(torch.equal(t, norm[name]) for name, t in model.bn.state_dict().items())
    moved = {n for n, t in trunk(model).items() if not torch.equal(t, before[n])}
    assert moved == {"conv1.weight", "conv2.weight", "fc.weight"}
    assert plugin.M["conv2"].shape == (2, 18, 18)
    rows = input_rows(model.conv2, torch.randn(3, 4, 6, 6))
    assert rows.shape[::2] == (2, 18)


def test_train_norm_and_train_bias_lift_the_freeze():
    torch.manual_seed(0)
    model, plugin = ToyConvNet(), NESSPlugin(eps=0.05, train_bias=True, train_norm=True)
    strategy = learn(model, plugin, conv_benchmark(), tasks=1)
    before = trunk(model)
    train_quietly(strategy, conv_benchmark().train_stream[1])
    moved = {n for n, t in trunk(model).items() if not torch.equal(t, before[n])}
    assert moved | {"conv1.bias"} == set(before)  # BatchNorm cancels the bias before it


def test_what_the_user_froze_stays_frozen_and_flags_are_restored():
    torch.manual_seed(0)
    model = ToyNet()
    model.fc1.weight.requires_grad_(False)
    weight = model.fc1.weight.detach().clone()
    learn(model, NESSPlugin(eps=0.085), toy_benchmark())
    assert torch.equal(model.fc1.weight, weight)
    assert not model.fc1.weight.requires_grad
    assert model.fc2.weight.requires_grad


def test_between_tasks_the_model_is_the_users_own():
    model = ToyNet()
    plugin = NESSPlugin(eps=0.085)
    strategy = learn(model, plugin, toy_benchmark(), tasks=2)
    assert type(model.fc1) is nn.Linear
    assert not any(m._forward_pre_hooks or m._forward_hooks for m in model.modules())
    assert {n for n in model.state_dict() if n.startswith("fc")} == {"fc1.weight", "fc2.weight"}
    twin = copy.deepcopy(model)
    train_quietly(strategy, toy_benchmark().train_stream[2])
    assert not torch.equal(twin.fc2.weight, model.fc2.weight)


@pytest.mark.parametrize("form", ["auto", "factored"])
def test_a_model_copied_and_saved_in_mid_task_works(form):
    twins = []

    def look(strategy):
        x, t = strategy.mb_x, strategy.mb_task_id
        twin = copy.deepcopy(strategy.model)
        assert torch.equal(twin(x, t), strategy.model(x, t))
        twins.append(twin)

    model = ToyNet()
    learn_plugins = [NESSPlugin(eps=0.085, form=form), Watcher(look)]
    strategy = toy_strategy(model, learn_plugins, epochs=1)
    for experience in toy_benchmark(tasks=2).train_stream:
        train_quietly(strategy, experience)
    assert [isinstance(twin.fc1, Attached) for twin in twins] == [False, True]


def test_evaluation_before_and_during_training_changes_nothing():
    def final(evaluate):
        torch.manual_seed(0)
        model = ToyNet()
        for task in ("1", "2"):
            model.classifier.classifiers[task] = copy.deepcopy(model.classifier.classifiers["0"])
        strategy = toy_strategy(model, [NESSPlugin(eps=0.085)])
        benchmark = toy_benchmark()
        for task, experience in enumerate(benchmark.train_stream):
            if evaluate:
                strategy.eval(benchmark.test_stream)
            torch.manual_seed(task)
            train_quietly(strategy, experience)
        return trunk(model)

    plain, evaluated = final(False), final(True)
    assert all(torch.equal(plain[name], evaluated[name]) for name in plain)


def test_online_streams_start_and_consolidate_once_a_task():
    torch.manual_seed(0)
    benchmark = toy_benchmark(tasks=2, task_labels=False)
    parts = list(
        split_online_stream(benchmark.train_stream, experience_size=16, access_task_boundaries=True)
    )
    net = nn.Sequential(nn.Linear(12, 8, bias=False), nn.ReLU(), nn.Linear(8, 2))
    plugin = NESSPlugin(heads="2", eps=0.085)
    strategy = toy_strategy(net, [plugin], epochs=1)
    adapted = []
    for part in parts:
        train_quietly(strategy, part)
        adapted.append(isinstance(net[0], Attached))
    assert adapted == [False] * 3 + [True, True, False]
    assert plugin.tasks_done == 2
    x = torch.stack([benchmark.train_stream[t].dataset[i][0] for t in range(2) for i in range(48)])
    torch.testing.assert_close(plugin.M["0"], x.double().T @ x.double(), rtol=1e-5, atol=1e-4)


def test_accumulated_and_recomputed_moments_agree_while_weights_rest():
    moments = {}
    for mode in ("accumulate", "recompute"):
        torch.manual_seed(0)
        model, plugin = ToyNet(), NESSPlugin(moments=mode)
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-30)
        learn(model, plugin, toy_benchmark(), optimizer=optimizer)
        moments[mode] = plugin.M
    for name in moments["accumulate"]:
        torch.testing.assert_close(
            moments["accumulate"][name], moments["recompute"][name], rtol=1e-5, atol=1e-8
        )


def test_recomputed_moments_are_those_of_all_data_under_the_current_weights():
    torch.manual_seed(0)
    benchmark, model = toy_benchmark(), ToyNet()
    plugins_ = NESSPlugin(moments="recompute", eps=0.085)
    strategy = toy_strategy(model, [plugins_], epochs=5)
    seen = []
    for experience in benchmark.train_stream:
        before = trunk(model)
        train_quietly(strategy, experience)
        assert not torch.equal(before["fc1.weight"], trunk(model)["fc1.weight"])
        seen += [sample[0] for sample in experience.dataset]
        hidden = torch.relu(model.fc1(torch.stack(seen))).detach().double()
        torch.testing.assert_close(plugins_.M["fc2"], hidden.T @ hidden, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["ness", "gpm", "owm", "inflora", "adam_nscl", "trgp"])
def test_a_resumed_plugin_knows_that_the_stream_has_task_labels(name):
    # A stream that holds the coming task alone does not show that there were others.
    torch.manual_seed(0)
    model, plugin = ToyNet(), baselines.load(name)()
    stream = toy_benchmark(2, rank=4).train_stream
    train_quietly(toy_strategy(model, [plugin]), stream[0])
    resumed = baselines.load(name)()
    resumed.load_state_dict(plugin.state_dict())
    members = [ToyDataset(1, 1, torch.eye(12), (12,))]
    alone = dataset_benchmark(members, members).train_stream[0]
    before = {n: p.clone() for n, p in model.classifier.named_parameters()}
    train_quietly(toy_strategy(model, [resumed]), alone)
    assert not resumed.single_head
    head = model.classifier.classifiers["1"].classifier.weight
    assert "classifiers.1.classifier.weight" not in before
    assert head.requires_grad
    assert set(resumed.state_dict()["task_labels"]) == {0, 1}


def test_state_is_flat_in_the_number_of_tasks_unless_data_is_kept():
    sizes = {mode: [] for mode in ("accumulate", "recompute")}
    for mode, sizes_of_mode in sizes.items():
        plugin = NESSPlugin(moments=mode)
        strategy = toy_strategy(ToyNet(), [plugin], epochs=1)
        for experience in toy_benchmark().train_stream:
            train_quietly(strategy, experience)
            sizes_of_mode.append(plugin.state_bytes())
    assert sizes["accumulate"] == [(12 * 12 + 16 * 16) * 8] * 3
    kept = 48 * (12 * 4 + 8)
    assert sizes["recompute"] == [sizes["accumulate"][0] + kept * t for t in (1, 2, 3)]


@pytest.mark.parametrize("mode", ["accumulate", "recompute"])
def test_resumes_from_a_saved_state_bit_for_bit(mode):
    benchmark = toy_benchmark()
    torch.manual_seed(0)
    model = ToyNet()
    for task in ("1", "2"):
        model.classifier.classifiers[task] = copy.deepcopy(model.classifier.classifiers["0"])
    twin = copy.deepcopy(model)
    strategy = learn(model, NESSPlugin(eps=0.085, moments=mode), benchmark, tasks=2)
    plugin = strategy.plugins[0]
    buffer = io.BytesIO()
    torch.save({"model": model.state_dict(), "method": plugin.state_dict()}, buffer)
    buffer.seek(0)
    state = torch.load(buffer, weights_only=True)
    twin.load_state_dict(state["model"])
    resumed = NESSPlugin(eps=0.085, moments=mode)
    resumed.load_state_dict(state["method"])
    for s in (strategy, toy_strategy(twin, [resumed])):
        torch.manual_seed(1)
        train_quietly(s, benchmark.train_stream[2])
    assert all(
        torch.equal(a, b) for a, b in zip(model.parameters(), twin.parameters(), strict=True)
    )
    assert plugin.interference == resumed.interference


class AttentionNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(12, 8, bias=False)
        self.attention = nn.MultiheadAttention(8, 2, bias=False, batch_first=True)
        self.up = nn.ConvTranspose1d(1, 1, 1, bias=False)
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        x = self.embed(x)[:, None]
        x, _ = self.attention(x, x, x)
        return self.head(self.up(x)[:, 0])


def test_what_is_no_linear_or_convolution_is_frozen_and_named_once():
    torch.manual_seed(0)
    model = AttentionNet()
    benchmark = toy_benchmark(task_labels=False)
    plugin = NESSPlugin(heads="head", eps=0.085)
    strategy = toy_strategy(model, [plugin], epochs=1)
    strategy.train(benchmark.train_stream[0])
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        strategy.train(benchmark.train_stream[1])
        strategy.train(benchmark.train_stream[2])
    messages = [str(w.message) for w in caught if "NESSPlugin" in str(w.message)]
    assert len(messages) == len(set(messages))
    assert sum("MultiheadAttention" in m for m in messages) == 1
    assert sum("ConvTranspose1d" in m for m in messages) == 1
    assert sum("never called" in m and "attention.out_proj" in m for m in messages) == 1
    moved = {n for n, p in model.named_parameters() if not torch.equal(p, before[n])}
    assert moved == {"embed.weight", "head.weight"}


def test_transformer_layers_are_measured_despite_torchs_fast_path():
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0)
    net = nn.Sequential(
        nn.Linear(12, 8), nn.Unflatten(1, (1, 8)), layer, nn.Flatten(), nn.Linear(8, 2)
    )
    plugin = NESSPlugin(heads="4")
    learn(net, plugin, toy_benchmark(task_labels=False), tasks=1, epochs=1)
    assert set(plugin.M) == {"0", "2.linear1", "2.linear2", "4"}


def test_frozen_and_unconstrained_layers_are_reported_by_name():
    benchmark = toy_benchmark(tasks=2)
    for eps, words in (
        (1e-9, "no free direction, frozen: fc1"),
        (10.0, "all directions are free.*fc1, fc2"),
    ):
        strategy = learn(ToyNet(), NESSPlugin(eps=eps), benchmark, tasks=1)
        with pytest.warns(UserWarning, match=words):
            strategy.train(benchmark.train_stream[1])


def test_nan_inputs_are_reported_with_their_layer():
    plugin = NESSPlugin()
    plugin.M = {"fc1": torch.full((2, 2), torch.nan)}
    with pytest.raises(ValueError, match="layer 'fc1': the moments hold NaN"):
        plugin.basis("fc1")


def test_refusals_name_the_cause():
    benchmark = toy_benchmark()
    first = benchmark.train_stream[0]
    plugin = NESSPlugin()
    learn(ToyNet(), plugin, benchmark, tasks=1)
    with pytest.raises(ValueError, match="make a new plugin for each strategy"):
        train_quietly(toy_strategy(ToyNet(), [plugin]), first)
    headless = nn.Sequential(nn.Linear(12, 2))
    with pytest.raises(ValueError, match="Sequential has no head a task"):
        train_quietly(toy_strategy(headless, [NESSPlugin()]), first)
    with pytest.raises(ValueError, match="include = 'fc9' matches no layer"):
        train_quietly(toy_strategy(ToyNet(), [NESSPlugin(include="fc9")]), first)
    heads_only = nn.Sequential(MultiHeadClassifier(12, 2))
    with pytest.raises(ValueError, match="no Linear or convolution layer"):
        train_quietly(toy_strategy(heads_only, [NESSPlugin(heads="0")]), first)
    compiled = torch.compile(ToyNet())
    with pytest.raises(ValueError, match="compiled"):
        NESSPlugin().check_model(compiled, task_incremental=True)


@pytest.mark.parametrize(
    "arguments",
    [
        {"eps": 0},
        {"rule": "best"},
        {"moments": "forget"},
        {"form": "round"},
        {"patch_share": 0},
        {"patch_share": 1.5},
    ],
)
def test_bad_arguments_are_named(arguments):
    name = next(iter(arguments))
    with pytest.raises(ValueError, match=name):
        NESSPlugin(**arguments)


def test_a_share_of_the_patches_is_drawn_anew_for_every_task():
    shares, drawn = {}, []
    for share in (1.0, 0.5):
        torch.manual_seed(0)
        plugin = NESSPlugin(eps=0.085, patch_share=share)
        learn(ToyConvNet(), plugin, conv_benchmark(), tasks=1)
        shares[share] = plugin.M
    assert not torch.equal(shares[1.0]["conv1"], shares[0.5]["conv1"])
    assert torch.equal(shares[1.0]["fc"], shares[0.5]["fc"]), "a Linear layer is measured whole"
    strategy = toy_strategy(ToyConvNet(), [NESSPlugin(patch_share=0.5)])
    (first, *_) = conv_benchmark().train_stream
    plugin = strategy.plugins[0]
    train_quietly(strategy, first)
    strategy.experience = first
    for tasks_done in (0, 1):
        plugin.tasks_done = tasks_done
        drawn.append(plugin._moments(strategy, plugin.task_data(strategy))["conv1"])
    assert not torch.equal(*drawn)


def test_too_few_patches_for_a_layers_inputs_are_named():
    layer = nn.Conv2d(8, 4, 3)
    moments = InputMoments({"conv": layer}, patch_share=0.1)
    with pytest.warns(UserWarning, match="'conv': patch_share = 0.1 measures 52 windows of 72"):
        moments.collect(layer, [torch.randn(32, 8, 6, 6)], layer)


def test_the_strategy_is_the_plugin_behind_a_constructor():
    def weights(make):
        torch.manual_seed(0)
        model = ToyNet()
        strategy = make(model)
        for experience in toy_benchmark(tasks=2).train_stream:
            train_quietly(strategy, experience)
        return trunk(model)

    def options(model):
        return {"model": model, "optimizer": torch.optim.SGD(model.parameters(), lr=0.05)}

    ours = weights(lambda m: NESS(**options(m), eps=0.085, train_mb_size=16, evaluator=None))
    theirs = weights(
        lambda m: toy_strategy(
            m, [NESSPlugin(eps=0.085)], optimizer=options(m)["optimizer"], epochs=1
        )
    )
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_as_multitask_models_are_adapted():
    torch.manual_seed(0)
    net = nn.Sequential()
    net.add_module("fc1", nn.Linear(12, 8, bias=False))
    net.add_module("classifier", nn.Linear(8, 2))
    model = as_multitask(net, "classifier")
    plugin = NESSPlugin(eps=0.085)
    learn(model, plugin, toy_benchmark(tasks=2))
    assert set(plugin.ranks) == {"model.fc1"}


def test_training_under_autocast():
    # One head: under autocast Avalanche's MultiHeadClassifier fails by itself.
    torch.manual_seed(0)
    model, plugin = AttentionNet(), NESSPlugin(heads="head", eps=0.085)
    benchmark = toy_benchmark(tasks=2, task_labels=False)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        learn(model, plugin, benchmark)
    assert 0 < plugin.ranks["embed"] < 12
    assert plugin.interference["embed"] > 0
    assert all(p.dtype == torch.float32 for p in model.parameters())


@pytest.mark.parametrize("name", ["ness", "gpm", "sgp", "dfgp", "owm", "inflora"])
def test_old_inputs_are_protected_under_autocast_as_without(name):
    arguments = {
        "ness": {},
        "sgp": {"threshold": 0.999, "alpha": 1e9},
        "owm": {"alpha": 1e-9},
    }.get(name, {"threshold": 0.999})
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(24, 24, bias=False), nn.ReLU(), nn.Linear(24, 2))
    plugin = baselines.load(name)(heads="2", **arguments)
    strategy = toy_strategy(net, [plugin], batch=48 if name == "owm" else 16)
    stream = toy_benchmark(2, shape=(24,), rank=1, task_labels=False).train_stream
    with torch.autocast("cpu", dtype=torch.bfloat16):
        train_quietly(strategy, stream[0])
        before = net[0].weight.detach().clone()
        train_quietly(strategy, stream[1])
    dW = net[0].weight.detach() - before
    assert dW.norm() > 1e-3
    x = torch.stack([sample[0] for sample in stream[0].dataset])
    assert (x @ dW.T).norm() < 2e-5 * (x @ before.T).norm()


@pytest.mark.parametrize("name", ["ness", "gpm", "sgp", "trgp", "dfgp", "inflora"])
def test_layers_that_stay_still_are_named(name):
    class Late(ToyNet):
        """fc2 is called from the second task on."""

        late = False

        def features(self, x):
            hidden = torch.relu(self.fc1(x))
            return torch.relu(self.fc2(hidden)) if self.late else hidden

    torch.manual_seed(0)
    arguments = {"eps": 1e-9} if name == "ness" else {"threshold": 0.999999}
    model, plugin = Late(), baselines.load(name)(**arguments)
    strategy = toy_strategy(model, [plugin])
    stream = toy_benchmark(2).train_stream
    train_quietly(strategy, stream[0])
    model.late = True
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        strategy.train(stream[1])
    said = [str(w.message) for w in caught]
    assert sum("no free direction, frozen: fc1" in text for text in said) == 1
    assert sum("never called on earlier tasks, frozen: fc2" in text for text in said) == 1


@pytest.mark.parametrize("name", ["ness", "gpm", "lora", "frozen"])
def test_a_head_that_all_task_labels_share_is_named(name):
    class Shared(MultiTaskModule):
        def __init__(self):
            super().__init__()
            self.fc, self.head = nn.Linear(12, 8), nn.Linear(8, 2)

        def forward(self, x, task_labels):
            return self.head(torch.relu(self.fc(x)))

    torch.manual_seed(0)
    strategy = toy_strategy(Shared(), [baselines.load(name)(heads="head")])
    stream = toy_benchmark(2).train_stream
    train_quietly(strategy, stream[0])
    with pytest.warns(UserWarning, match="serves several task labels.*unprotected: head"):
        strategy.train(stream[1])


@pytest.mark.parametrize("name", ["ness", "gpm", "sgp", "trgp", "dfgp", "owm", "inflora"])
def test_every_method_leaves_what_the_user_froze(name):
    torch.manual_seed(0)
    model = ToyNet()
    model.fc1.weight.requires_grad_(False)
    weight = model.fc1.weight.detach().clone()
    arguments = {"eps": 0.05} if name == "ness" else {}
    learn(model, baselines.load(name)(**arguments), toy_benchmark(rank=4))
    assert torch.equal(model.fc1.weight, weight)


# Found in review ---------------------------------------------------------------------------


class Interrupt(SupervisedPlugin):
    """Raises KeyboardInterrupt once, in the second iteration of a task."""

    def __init__(self):
        super().__init__()
        self.armed = False

    def after_training_iteration(self, strategy, **kwargs):
        if self.armed:
            self.armed = False
            raise KeyboardInterrupt


@pytest.mark.parametrize("name", ["ness", "lora", "gpm", "adam_nscl", "frozen"])
def test_a_task_that_was_interrupted_can_be_learnt_again(name):
    torch.manual_seed(0)
    model, interrupt = ToyNet(), Interrupt()
    arguments = {"ness": {"eps": 0.085}}.get(name, {})
    plugin = baselines.load(name)(**arguments)
    strategy = toy_strategy(model, [plugin, interrupt])
    optimizer = strategy.optimizer
    stream = toy_benchmark(tasks=3).train_stream
    train_quietly(strategy, stream[0])
    before, keys = trunk(model), set(model.state_dict())
    interrupt.armed = True
    with pytest.raises(KeyboardInterrupt):
        train_quietly(strategy, stream[1])
    for task in (1, 2):
        train_quietly(strategy, stream[task])
        moved = any(not torch.equal(trunk(model)[key], before[key]) for key in before)
        assert moved == (name != "frozen")
        before = trunk(model)
    assert all(p.requires_grad for p in model.parameters())
    assert set(trunk(model)) == {key for key in keys if "classifier" not in key}
    assert plugin.tasks_done == 3
    assert strategy.optimizer is optimizer


def test_an_online_task_that_was_interrupted_is_counted_from_its_first_part():
    benchmark = toy_benchmark(tasks=1, task_labels=False)
    parts = list(
        split_online_stream(benchmark.train_stream, experience_size=16, access_task_boundaries=True)
    )
    net = nn.Sequential(nn.Linear(12, 8, bias=False), nn.ReLU(), nn.Linear(8, 2))
    plugin = NESSPlugin(heads="2")
    strategy = toy_strategy(net, [plugin], epochs=1)
    done = []
    for part in (parts[0], parts[1], *parts):
        train_quietly(strategy, part)
        done.append(plugin.tasks_done)
    assert done == [0, 0, 0, 0, 1]


def test_transformer_layers_use_the_update_in_evaluation_too():
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0)
    attach(layer.linear1, torch.eye(8)[:, :4])
    with torch.no_grad():
        layer.linear1.U.normal_()
    x = torch.randn(3, 5, 8)
    layer.eval()
    expected = layer(x)
    with torch.no_grad():
        torch.testing.assert_close(layer(x), expected, atol=1e-5, rtol=1e-5)
        layer.linear1.merge()
        torch.testing.assert_close(layer(x), expected, atol=1e-5, rtol=1e-5)
    assert not layer.linear1._forward_pre_hooks


class HeadWithNorm(MultiTaskModule):
    """A token at the root, a LayerNorm in the trunk, heads with a BatchNorm of their own."""

    def __init__(self, tasks):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(12))
        self.norm = nn.LayerNorm(12)
        self.fc = nn.Linear(12, 8)
        self.heads = nn.ModuleDict(
            {str(t): nn.Sequential(nn.BatchNorm1d(8), nn.Linear(8, 2)) for t in range(tasks)}
        )

    def forward(self, x, task_labels):
        features = torch.relu(self.fc(self.norm(x + self.shift)))
        return self.heads[str(int(task_labels[0]))](features)


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize(
    ("plugin", "trains_norms"),
    [
        (lambda: NESSPlugin(heads="heads", eps=0.085), False),
        (lambda: NESSPlugin(heads="heads", eps=0.085, train_norm=True), True),
        (lambda: baselines.load("adam_nscl")(heads="heads"), True),
        (lambda: baselines.load("gpm")(heads="heads"), False),
    ],
)
def test_norms_of_heads_train_whole_unless_the_head_serves_all_tasks(plugin, trains_norms, single):
    torch.manual_seed(0)
    model = HeadWithNorm(1 if single else 2)
    strategy = toy_strategy(model, [plugin()])
    stream = toy_benchmark(tasks=2, task_labels=not single).train_stream
    train_quietly(strategy, stream[0])
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    train_quietly(strategy, stream[1])
    after = model.state_dict()
    assert torch.equal(after["shift"], before["shift"])
    head = "heads.0" if single else "heads.1"
    assert not torch.equal(after[f"{head}.1.weight"], before[f"{head}.1.weight"])
    for name in (f"{head}.0.running_mean", f"{head}.0.weight"):
        moves = trains_norms or not single
        assert torch.equal(after[name], before[name]) != moves, name


def test_norms_that_the_user_froze_need_no_fisher_information():
    model = ToyConvNet()
    model.bn.requires_grad_(False)
    learn(model, baselines.load("adam_nscl")(), conv_benchmark(tasks=2), epochs=1)


@pytest.mark.parametrize("wrap", [parametrizations.weight_norm, prune.identity])
def test_layers_whose_weight_is_computed_are_frozen_and_named(wrap):
    model = ToyNet()
    wrap(model.fc1, name="weight")
    plugin = NESSPlugin(eps=0.085)
    strategy = learn(model, plugin, toy_benchmark(tasks=2), tasks=1)
    assert set(plugin.M) == {"fc2"}
    with pytest.warns(UserWarning, match="frozen from the second task on: fc1"):
        strategy.train(toy_benchmark(tasks=2).train_stream[1])


def test_a_state_saved_under_other_moments_or_another_model_is_refused():
    benchmark = toy_benchmark()
    state = learn(ToyNet(), NESSPlugin(), benchmark, tasks=1).plugins[0].state_dict()
    with pytest.raises(ValueError, match="saved with moments = 'accumulate'"):
        NESSPlugin(moments="recompute").load_state_dict(state)
    plugin = NESSPlugin()
    plugin.load_state_dict(state)
    wider = toy_strategy(ToyNet(d=12, width=20), [plugin])
    with pytest.raises(ValueError, match=r"'fc2' has inputs of dimension 20.*recorded 16"):
        train_quietly(wider, benchmark.train_stream[1])


@pytest.mark.parametrize(
    "other",
    [
        lambda: plugins.EWCPlugin(1.0),
        lambda: plugins.SynapticIntelligencePlugin(1.0),
        lambda: plugins.MASPlugin(1.0),
        lambda: plugins.RWalkPlugin(1.0),
    ],
)
@pytest.mark.parametrize("name", ["ness", "lora"])
def test_penalties_on_weights_that_stand_still_are_refused(name, other):
    plugin, penalty = baselines.load(name)(), other()
    for both in ([plugin, penalty], [penalty, plugin]):
        strategy = toy_strategy(ToyNet(), both)
        with pytest.raises(ValueError, match=f"{type(penalty).__name__} beside"):
            plugin.before_training_exp(
                SimpleNamespace(
                    model=strategy.model,
                    plugins=strategy.plugins,
                    experience=toy_benchmark().train_stream[0],
                )
            )
        plugin._strategy = None


def test_layers_called_by_keyword_are_measured():
    class ByKeyword(ToyNet):
        def features(self, x):
            return torch.relu(self.fc2(input=torch.relu(self.fc1(input=x))))

    plugin = NESSPlugin(eps=0.085)
    learn(ByKeyword(), plugin, toy_benchmark(tasks=2))
    assert set(plugin.M) == {"fc1", "fc2"}


def test_the_strategy_consolidates_after_plugins_that_restore_weights():
    class Restore(SupervisedPlugin):
        def before_training_exp(self, strategy, **kwargs):
            self.saved = None

        def after_training_epoch(self, strategy, **kwargs):
            self.saved = copy.deepcopy(strategy.model.state_dict())

        def after_training_exp(self, strategy, **kwargs):
            strategy.model.load_state_dict(self.saved)

    model = ToyNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    strategy = NESS(
        model=model, optimizer=optimizer, eps=0.085, train_mb_size=16, plugins=[Restore()]
    )
    for experience in toy_benchmark(tasks=2).train_stream:
        train_quietly(strategy, experience)
    assert strategy.ness.tasks_done == 2


@pytest.mark.parametrize("way_back", ["new plugin", "plain strategy", "load weights"])
def test_a_model_from_an_interrupted_task_can_go_elsewhere(way_back):
    torch.manual_seed(0)
    benchmark, interrupt = toy_benchmark(), Interrupt()
    model, plugin = ToyNet(), NESSPlugin(eps=0.085)
    strategy = toy_strategy(model, [plugin, interrupt])
    train_quietly(strategy, benchmark.train_stream[0])
    saved = copy.deepcopy(model.state_dict())
    state = plugin.state_dict()
    interrupt.armed = True
    with pytest.raises(KeyboardInterrupt):
        train_quietly(strategy, benchmark.train_stream[1])
    if way_back == "new plugin":
        resumed = NESSPlugin(eps=0.085)
        resumed.load_state_dict(state)
        other = toy_strategy(model, [resumed])
    else:
        release(model)
        other = toy_strategy(model, [])
    if way_back == "load weights":
        later = {key: value for key, value in model.state_dict().items() if key not in saved}
        model.load_state_dict(saved | later)  # the head that Avalanche has added since
    for task in (1, 2):
        before = trunk(model)
        train_quietly(other, benchmark.train_stream[task])
        after = trunk(model)
        assert all(not torch.equal(after[name], before[name]) for name in after)
    assert all(p.requires_grad for p in model.parameters())


def test_a_task_that_could_not_begin_can_be_begun_again():
    model, plugin = ToyNet(bias=True), NESSPlugin(eps=0.085)
    strategy = learn(model, plugin, toy_benchmark(), tasks=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="biases are frozen"):
            strategy.train(toy_benchmark().train_stream[1])
    before = trunk(model)
    train_quietly(strategy, toy_benchmark().train_stream[1])
    assert not torch.equal(trunk(model)["fc2.weight"], before["fc2.weight"])


@pytest.mark.parametrize("name", ["ness", "gpm", "naive"])
def test_two_methods_in_one_strategy_are_refused(name):
    strategy = toy_strategy(ToyNet(), [NESSPlugin(), baselines.load(name)()])
    with pytest.raises(ValueError, match=r"NESSPlugin beside .*use one of the two"):
        train_quietly(strategy, toy_benchmark().train_stream[0])


def test_masked_transformers_are_measured():
    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Linear(3, 8)
            layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0)
            self.encoder = nn.TransformerEncoder(layer, 1)
            self.head = nn.Linear(8, 2)

        def forward(self, x):
            x = x.view(-1, 4, 3)
            mask = torch.zeros(len(x), 4, dtype=torch.bool)
            mask[:, 3] = True
            return self.head(self.encoder(self.embed(x), src_key_padding_mask=mask)[:, 0])

    plugin = NESSPlugin(heads="head")
    learn(Masked(), plugin, toy_benchmark(task_labels=False), tasks=2, epochs=1)
    linear = {f"encoder.layers.0.linear{i}" for i in (1, 2)}
    assert set(plugin.M) == {"embed", "head"} | linear
    assert torch.backends.mha.get_fastpath_enabled()
