"""What a user writes becomes runs, or one line that says what is wrong and what is right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_runs import SMALL, run_spec, run_specs

from benchmarks.errors import BadInput
from benchmarks.records import IMPLIED, RunRecord, record_path
from benchmarks.spec import OptimizerSpec, ProtocolSpec, RunSpec
from benchmarks.sweep_spec import expand, load_sweep


def refusal(*overrides: str, strategy: str = "ness") -> str:
    with pytest.raises(BadInput) as caught:
        run_spec(strategy, *overrides)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("override", "hint"),
    [
        ("strategis=[]", "did you mean 'strategies'?"),
        ("seed=3", "did you mean 'seeds'?"),
        ("protocol.epoch=3", "did you mean 'epochs'?"),
        ("optimizer.learning_rate=1", "known: lr, momentum"),
        ("optimizer.momentun=0", "did you mean 'momentum'?"),
        ("stream_args.task=2", "did you mean 'tasks'?"),
        ("stream_args.name=x", "did you mean"),
        ("backbone_args.hiden=[4]", "did you mean 'hidden'?"),
        ("backbone_args.heads=[4]", "known: hidden"),
        ("strategy.ness.epsilon=1", "did you mean 'eps'?"),
        ("strategy.nes.eps=1", "did you mean 'ness'?"),
        ("strategy.gpm.treshold=1", "did you mean 'threshold'?"),
        ("strategy.ness.optimizer.lrr=1", "did you mean 'lr'?"),
        ("strategy.ness.protocol.batch=1", "did you mean 'batch_size'?"),
        ("stream=split_digit/til", "did you mean 'split_digits/til'?"),
        ("backbone=mpl", "did you mean 'mlp'?"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(override: str, hint: str) -> None:
    message = refusal(override)
    assert hint in message or (hint == "did you mean" and "known:" in message)


def test_an_unknown_key_of_an_own_table_names_the_table() -> None:
    assert "strategy.ness.optimizer" in refusal("strategy.ness.optimizer.lrr=1")


def test_an_unknown_strategy_is_refused_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="unknown strategy 'nesss'; did you mean 'ness'"):
        run_spec("nesss")


@pytest.mark.parametrize(
    ("override", "where"),
    [
        ("seeds=1", "seeds"),
        ("seeds=[]", "seeds"),
        ("seeds=[1.5]", "seeds.0"),
        ("seeds=[true]", "seeds.0"),
        ("seeds=[-1]", "seeds.0"),
        ("seeds=[9223372036854775808]", "seeds.0"),
        ("strategies=[]", "strategies"),
        ("threads=0", "threads"),
        ("device=tpu", "device"),
        ("class_order=random", "class_order"),
        ("protocol=5", "protocol"),
        ("protocol.epochs=0", "epochs"),
        ("protocol.epochs=2.5", "epochs"),
        ("protocol.epochs=many", "epochs"),
        ("protocol.factor=1", "factor"),
        ("protocol.lr_min=nan", "lr_min"),
        ("optimizer.lr=0", "lr"),
        ("optimizer.lr=nan", "lr"),
        ("optimizer.lr=inf", "lr"),
        ("optimizer.momentum=1", "momentum"),
        ("optimizer.name=lion", "name"),
        ("optimizer.name=adam", "momentum = 0.9 has no meaning for adam; set momentum = 0"),
        ("stream_args.tasks=6", "tasks"),
        ("stream_args.tasks=0", "tasks"),
        ("stream_args.test_share=1", "test_share"),
        ("stream_args.test_share=nan", "test_share"),
        ("backbone_args.hidden=16", "hidden"),
        ('backbone_args.hidden=["wide"]', "hidden"),
        ("strategy.ness.eps=small", "eps"),
        ("strategy.ness.eps=nan", "eps"),
        ("strategy.ness.eps=inf", "eps"),
        ("strategy.ness.eps=0", "eps"),
        ("strategy.ness.eps=-1e-3", "eps"),
        ("strategy.ness.rule=spectral", "rule"),
        ("strategy.ness.train_bias=1", "train_bias"),
        ("strategy.lora.r=0", "r = 0"),
        ("strategy.lora.alpha=nan", "alpha"),
        ("strategy.adam_nscl.lr=nan", "lr"),
        ("strategy.adam_nscl.optimizer=sgd", "optimizer"),
    ],
)
def test_a_wrong_value_is_refused_by_name(override: str, where: str) -> None:
    assert where in refusal(override)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("stream_args.tasks=abc", "stream_args.tasks = 'abc': Input should be a valid integer"),
        ("strategy.ness.eps=small", "strategy.ness.eps = 'small': Input should be a valid number"),
        ('backbone_args.hidden=["wide"]', "backbone_args.hidden.0 = 'wide': Input should be"),
        ("stream_args.tasks=" + "9" * 999, "stream_args.tasks = 999"),
    ],
)
def test_a_wrong_argument_is_named_whole_and_with_its_value(override: str, message: str) -> None:
    assert refusal(override).startswith(message)
    assert len(refusal(override)) < 120


def test_required_keys_are_required(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text('stream = "split_digits/til"\nbackbone = "mlp"\nseeds = [1]\n')
    with pytest.raises(BadInput, match="strategies: Field required"):
        load_sweep(path)


@pytest.mark.parametrize("field", ["strategies", "seeds"])
def test_a_value_named_twice_is_refused(field: str) -> None:
    value = {"strategies": '["ness", "naive", "ness"]', "seeds": "[1, 2, 1]"}[field]
    with pytest.raises(BadInput, match=f"{field} lists .* twice"):
        load_sweep(SMALL, [f"{field}={value}"])


@pytest.mark.parametrize("content", [b"stream = ", b"\xff\xfe", b"a = 1\na = 2\n"])
def test_a_file_that_is_no_toml_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "s.toml"
    path.write_bytes(content)
    with pytest.raises(BadInput, match="not valid TOML") as caught:
        load_sweep(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["absent.toml", "."])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        load_sweep(tmp_path / name)


@pytest.mark.parametrize(
    ("override", "keys", "value"),
    [
        ("protocol.epochs=7", ("protocol", "epochs"), 7),
        ("optimizer.lr=1e-2", ("optimizer", "lr"), 0.01),
        ("optimizer.name=adam", ("optimizer", "name"), "adam"),
        ('optimizer.name="adam"', ("optimizer", "name"), "adam"),
        ("strategy.ness.include=fc*", ("strategy", "ness", "include"), "fc*"),
        ('strategy.ness.include=["fc1","fc2"]', ("strategy", "ness", "include"), ["fc1", "fc2"]),
        ("strategy.ness.train_bias=true", ("strategy", "ness", "train_bias"), True),
        ("strategy.ness.heads=a=b", ("strategy", "ness", "heads"), "a=b"),
        ("optimizer={lr=0.5}", ("optimizer",), {"lr": 0.5}),
        (" protocol.epochs = 7 ", ("protocol", "epochs"), 7),
    ],
)
def test_set_takes_dotted_keys_and_toml_values(
    override: str, keys: tuple[str, ...], value: Any
) -> None:
    found: Any = load_sweep(SMALL, [override]).model_dump()
    for key in keys:
        found = found[key]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("override", ["epochs", "", "=5", ".a=1", "a..b=1", "protocol.=1"])
def test_set_without_key_or_value_is_refused(override: str) -> None:
    with pytest.raises(BadInput, match="write it as key=value"):
        load_sweep(SMALL, [override])


def test_set_below_a_plain_value_is_refused() -> None:
    with pytest.raises(BadInput, match="'stream' is a value"):
        load_sweep(SMALL, ["stream.name=x"])


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=20), st.text(max_size=20))
def test_no_override_gives_anything_but_a_sweep_or_one_line(key: str, value: str) -> None:
    message = "fine"
    try:
        load_sweep(SMALL, [f"{key}={value}"])
    except BadInput as error:
        message = str(error)
    assert len(message.splitlines()) == 1


def test_later_overrides_win() -> None:
    sweep = load_sweep(SMALL, ["protocol.epochs=7", "protocol.epochs=8"])
    assert sweep.protocol["epochs"] == 8


def test_a_strategys_own_tables_change_that_strategy_alone() -> None:
    runs = run_specs(
        ["naive", "ness"], [1], "strategy.ness.optimizer.lr=0.5", "strategy.ness.protocol.epochs=9"
    )
    naive, ness = runs
    assert (naive.optimizer.lr, naive.protocol.epochs) == (0.05, 2)
    assert (ness.optimizer.lr, ness.protocol.epochs) == (0.5, 9)
    assert (ness.optimizer.momentum, ness.protocol.batch_size) == (0.9, 32)
    assert "optimizer" not in ness.strategy_args


def test_a_plain_optimizer_value_is_an_argument_of_adam_nscl() -> None:
    shared = run_spec("adam_nscl", "strategy.adam_nscl.optimizer=shared")
    assert shared.strategy_args["optimizer"] == "shared"
    assert run_spec("adam_nscl").strategy_args["optimizer"] == "adam"
    own = run_spec("adam_nscl", "strategy.adam_nscl.optimizer.lr=0.5")
    assert own.optimizer.lr == 0.5
    assert own.strategy_args["optimizer"] == "adam"


def test_defaults_are_written_into_the_spec() -> None:
    spec = run_spec("ness")
    assert spec.stream_args == {
        "tasks": 3,
        "test_share": 0.25,
        "valid_share": 0.15,
        "split_seed": 0,
    }
    assert spec.strategy_args["eps"] == 1e-3
    assert spec.strategy_args["rule"] == "nuclear"
    assert (spec.protocol.patience, spec.protocol.factor, spec.protocol.lr_min) == (6, 2.0, 1e-5)
    assert (spec.optimizer.name, spec.optimizer.weight_decay) == ("sgd", 0.0)
    assert (spec.threads, spec.device, spec.precision) == (1, "cpu", "fp32")


@pytest.mark.parametrize(
    "override",
    ["strategy.ness.eps=1e-3", "optimizer.weight_decay=0", "stream_args.tasks=3", "threads=1"],
)
def test_a_default_spelt_out_is_the_same_run(override: str) -> None:
    assert run_spec("ness", override).id == run_spec("ness").id


def test_seeds_and_class_order() -> None:
    fixed = run_spec("naive", seed=5)
    assert (fixed.seed, fixed.init_seed, fixed.data_seed, fixed.class_order_seed) == (5, 5, 5, 0)
    assert run_spec("naive", "class_order=per_seed", seed=5).class_order_seed == 5


def test_runs_come_seed_by_seed() -> None:
    runs = run_specs(["ness", "naive"], [2, 1])
    assert [(r.seed, r.strategy) for r in runs] == [
        (2, "ness"),
        (2, "naive"),
        (1, "ness"),
        (1, "naive"),
    ]


PINNED = RunSpec(
    stream="split_digits/til",
    stream_args={"tasks": 5},
    class_order="fixed",
    class_order_seed=0,
    backbone="mlp",
    backbone_args={"hidden": [256, 256]},
    strategy="ness",
    strategy_args={"eps": 1e-3},
    optimizer=OptimizerSpec(lr=0.05),
    protocol=ProtocolSpec(epochs=30, batch_size=32),
    seed=1,
    init_seed=1,
    data_seed=1,
)


def test_the_id_is_the_same_on_every_machine() -> None:
    """Fails when a field or a default of RunSpec changes: stored runs are then other runs."""
    assert PINNED.id == "164b9c579d31540f"


ROOT = Path(__file__).parents[2]
STORED = {"naive": "2346c11bbf709318", "ness": "a087a32453281cb0"}


def test_stored_runs_are_still_runs_of_the_spec_that_they_came_from() -> None:
    """Else the next sweep would train them all again, and tables would show them twice."""
    path = ROOT / "benchmarks" / "specs" / "cpu" / "split_cifar100.toml"
    overrides = ["seeds=[1]", "protocol.epochs=10", "protocol.keep=best"]
    runs = {r.strategy: r for r in expand(load_sweep(path, overrides))}
    results = ROOT / "results" / "cpu" / "split_cifar100_10_epochs"
    for strategy, run_id in STORED.items():
        spec = runs[strategy]
        assert spec.id == run_id
        stored = RunRecord.read(record_path(results, spec.stream, strategy, run_id))
        assert stored.spec == spec.model_dump(mode="json")
        assert RunSpec.model_validate(stored.spec) == spec


def test_a_later_key_is_in_the_spec_only_where_it_is_not_at_its_default() -> None:
    plain, best, last = (
        run_spec("naive", *keep) for keep in ((), ("protocol.keep=best",), ("protocol.keep=last",))
    )
    assert plain.id == best.id != last.id
    unset = {
        f"{prefix}{key}": getattr(table, key)
        for prefix, table in (("protocol.", plain.protocol), ("", plain))
        for key in table.unset_at_default
    }
    assert unset == {
        key: value for key, value in IMPLIED.items() if not key.partition(".")[0].endswith("_args")
    }
    assert "keep" not in plain.model_dump(mode="json")["protocol"]
    assert last.model_dump(mode="json")["protocol"]["keep"] == "last"
    again = RunSpec.model_validate_json(last.model_dump_json())
    assert (again, again.id) == (last, last.id)
    message = refusal("protocol.keep=first")
    assert "keep" in message
    assert "'best' or 'last'" in message


def test_the_id_survives_json() -> None:
    again = RunSpec.model_validate_json(PINNED.model_dump_json())
    assert again == PINNED
    assert again.id == PINNED.id


def test_any_changed_value_changes_the_id() -> None:
    def leaves(value: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
        if isinstance(value, dict):
            return [leaf for key in value for leaf in leaves(value[key], (*path, key))]
        return [path]

    plain = PINNED.model_dump(mode="json")
    others = {
        str: lambda v: {
            "fixed": "per_seed",
            "sgd": "adam",
            "cpu": "cuda",
            "fp32": "bf16",
        }.get(v, v + "x"),
        int: lambda v: v + 1,
        float: lambda v: v + 0.001,
        list: lambda v: [*v, 1],
    }
    ids = {PINNED.id}
    paths = leaves(plain)
    for path in paths:
        changed = json.loads(json.dumps(plain))
        table = changed
        for key in path[:-1]:
            table = table[key]
        table[path[-1]] = others[type(table[path[-1]])](table[path[-1]])
        ids.add(RunSpec.model_validate(changed).id)
    assert len(ids) == len(paths) + 1


def test_faults_are_a_set_and_no_part_of_a_spec_while_off() -> None:
    plain = run_spec("gpm")
    ids = {
        run_spec("gpm", f"strategy.gpm.as_released={faults}").id
        for faults in (
            '["one_less", "threshold_beyond_one"]',
            '["threshold_beyond_one", "one_less"]',
            '["one_less", "threshold_beyond_one", "one_less"]',
        )
    }
    assert len(ids) == 1
    assert plain.id not in ids
    assert run_spec("gpm", "strategy.gpm.as_released=[]").id == plain.id
    assert "as_released" not in plain.strategy_args
    with pytest.raises(BadInput, match=r"strategy\.gpm"):
        run_spec("gpm", 'strategy.gpm.as_released=["typo"]')


@pytest.mark.parametrize("whole", ["1.0", "1"])
def test_a_share_of_the_windows_is_no_part_of_a_spec_while_it_is_all_of_them(whole: str) -> None:
    plain = run_spec("ness")
    assert run_spec("ness", f"strategy.ness.patch_share={whole}").id == plain.id
    sampled = run_spec("ness", "strategy.ness.patch_share=0.25")
    assert sampled.strategy_args["patch_share"] == 0.25
    assert sampled.id != plain.id


def test_arguments_of_a_parent_are_arguments_too() -> None:
    spec = run_spec("sgp", "strategy.sgp.threshold=0.9", "strategy.sgp.alpha=3.0")
    assert spec.strategy_args["threshold"] == 0.9
    assert spec.strategy_args["alpha"] == 3.0
    assert spec.strategy_args["samples"] == 125
    with pytest.raises(BadInput, match=r"unknown key strategy\.sgp\.treshold.*threshold"):
        run_spec("sgp", "strategy.sgp.treshold=0.9")


def grid(*overrides: str) -> list[RunSpec]:
    return expand(load_sweep(SMALL, [*overrides, "seeds=[1]"]))


def test_a_grid_runs_every_combination_once() -> None:
    runs = grid(
        'strategies=["naive", "ness"]',
        'grid={"strategy.ness.eps" = [1e-2, 1e-3], "protocol.epochs" = [1, 2]}',
    )
    made = [(run.strategy, run.strategy_args.get("eps"), run.protocol.epochs) for run in runs]
    # The grid's first key changes nothing for naive, which so runs once for each of the second.
    assert sorted(made, key=str) == sorted(
        [
            *(("naive", None, epochs) for epochs in (1, 2)),
            *(("ness", eps, epochs) for eps in (1e-2, 1e-3) for epochs in (1, 2)),
        ],
        key=str,
    )
    assert len({run.id for run in runs}) == len(runs)


def test_a_run_of_a_grid_is_the_run_of_the_same_spec_without_one() -> None:
    (of_grid,) = grid('strategies=["ness"]', 'grid={"strategy.ness.eps" = [1e-2]}')
    (alone,) = grid('strategies=["ness"]', "strategy.ness.eps=1e-2")
    assert of_grid.id == alone.id


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ('grid={"seeds" = [[1], [2]]}', "grid.'seeds' cannot vary"),
        ('grid={"strategy.ness.eps" = []}', "grid.strategy.ness.eps"),
        ('grid={"strategy.ness.eps" = 0.1}', "grid.strategy.ness.eps"),
        ('grid={"strategy.ness.epz" = [0.1]}', "unknown key strategy.ness.epz; did you mean"),
        ('grid={"stream.tasks" = [1]}', "grid.'stream.tasks' cannot vary"),
        (
            'grid={"strategy.gpm.threshold" = [0.9, 0.8]}',
            r"gpm.threshold' = .* changes no run",
        ),
        ('grid={"strategy.ness.eps" = [0.1, 0.1]}', r"ness.eps' = .* changes no run"),
        ('grid={"strategy.ness" = [{eps=0.1}], "strategy.ness.eps" = [1.0]}', "is a part of"),
        ('grid={"protocol.epochs.x" = [1]}', "grid.'protocol.epochs.x': 'epochs' is a value"),
    ],
)
def test_a_grid_that_cannot_be_is_refused(override: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        grid(override)


def test_classes_can_be_listed_in_order() -> None:
    assert grid("class_order=[3, 1, 2]")[0].class_order == [3, 1, 2]
    for wrong in ("class_order=[]", "class_order=[1, -2]", "class_order=[1.5]"):
        with pytest.raises(BadInput, match=r"class_order: .*a list of class numbers"):
            grid(wrong)


def test_the_grid_s_keys_are_not_overridden_in_silence() -> None:
    chosen = 'grid."strategy.ness.eps"=[0.1, 0.2]'
    assert len(grid('strategies=["ness"]', chosen)) == 2
    with pytest.raises(BadInput, match=r"--set strategy.ness.eps: the spec's \[grid\] varies it"):
        grid('strategies=["ness"]', chosen, "strategy.ness.eps=5.0")
