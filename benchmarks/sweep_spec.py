"""The sweep as a user writes it, and the runs that it stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from benchmarks.errors import BadInput, nearest
from benchmarks.grid import check_keys, check_variation, combinations
from benchmarks.overrides import apply_override, check_sizes, read_toml
from benchmarks.spec import (
    ClassOrder,
    EvaluateOn,
    OptimizerSpec,
    Precision,
    ProtocolSpec,
    RunSpec,
    Seed,
    T,
    Table,
    parse,
)
from benchmarks.tuning.table import read_tune


class SweepSpec(Table):
    """A sweep as written in TOML: strategies x seeds on one stream.

    ``[strategy.<name>]`` holds the arguments of that method; its tables ``optimizer`` and
    ``protocol`` replace single values of the common ones for that method alone. ``[grid]`` maps
    dotted keys to lists of values, and the sweep is run with every combination of them:
    ``"strategy.ness.eps" = [1e-4, 1e-3]``. ``[tune]`` is for `benchmarks.tuning` and decides no
    run.
    """

    stream: str
    backbone: str
    strategies: list[str] = Field(min_length=1)
    seeds: list[Seed] = Field(min_length=1)
    class_order: ClassOrder = "fixed"
    device: Literal["cpu", "cuda"] = "cpu"
    precision: Precision = "fp32"
    threads: int = Field(1, ge=1, le=1024)
    compile: bool = False
    channels_last: bool = False
    evaluate_on: EvaluateOn = "test"
    stream_args: dict[str, Any] = Field(default_factory=dict)
    backbone_args: dict[str, Any] = Field(default_factory=dict)
    protocol: dict[str, Any] = Field(default_factory=dict)
    optimizer: dict[str, Any] = Field(default_factory=dict)
    strategy: dict[str, dict[str, Any]] = Field(default_factory=dict)
    grid: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(default_factory=dict)
    tune: dict[str, Any] = Field(default_factory=dict)


def load_sweep(path: Path, overrides: Sequence[str] = ()) -> SweepSpec:
    """Read a sweep's TOML and apply ``key=value`` overrides; `BadInput` names what is wrong."""
    try:
        data = read_toml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}); give a sweep's TOML") from error
    except ValueError as error:
        raise BadInput(f"{path}: not valid TOML ({error})") from error
    for override in overrides:
        apply_override(override, data)
    sweep = parse(SweepSpec, data, where=str(path))
    check_sizes(data)
    for field in ("strategies", "seeds"):
        values = getattr(sweep, field)
        for value in values:
            if values.count(value) > 1:
                raise BadInput(f"{path}: {field} lists {value!r} twice; name it once")
    check_keys(sweep.grid, str(path), overrides)
    if sweep.tune:
        read_tune(sweep.tune, f"{path}: tune")
    return sweep


def expand(sweep: SweepSpec) -> list[RunSpec]:
    """The runs of a sweep, seed by seed, with every default resolved and every name checked.

    Combinations of the grid that leave a method as it is give one run. Imports the methods, and
    so torch: the arguments of a method are those of its class.
    """
    singles = [
        parse(SweepSpec, data, where="grid")
        for data in combinations(sweep.grid, sweep.model_dump(exclude={"grid"}))
    ]
    made = [_runs(single) for single in singles]
    check_variation(sweep.grid, [[run.id for run in runs] for runs in made])
    by_seed = (run for seed in sweep.seeds for runs in made for run in runs if run.seed == seed)
    return list({run.id: run for run in by_seed}.values())


def _runs(sweep: SweepSpec) -> list[RunSpec]:
    """The runs of a sweep without a grid, seed by seed."""
    common, methods = _resolved(sweep)
    return [
        RunSpec(
            **common,
            **methods[name],
            class_order_seed=seed if sweep.class_order == "per_seed" else 0,
            seed=seed,
            init_seed=seed,
            data_seed=seed,
        )
        for seed in sweep.seeds
        for name in sweep.strategies
    ]


def _resolved(sweep: SweepSpec) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """What all runs of a sweep without a grid share, and what each of its methods adds."""
    import baselines
    from benchmarks import backbones, streams
    from benchmarks.arguments import complete

    def check(kind: str, name: str, registry: Mapping[str, Any]) -> None:
        if name not in registry:
            raise BadInput(f"unknown {kind} {name!r}; {nearest(name, registry)}")

    check("stream", sweep.stream, streams.STREAMS)
    check("backbone", sweep.backbone, backbones.BACKBONES)
    for name in [*sweep.strategies, *sweep.strategy]:
        if name in baselines.REFUSED:
            raise BadInput(f"strategy {name!r} is refused: {baselines.REFUSED[name]}")
        check("strategy", name, baselines.STRATEGIES)
    common = {
        "stream": sweep.stream,
        "stream_args": complete(
            streams.STREAMS[sweep.stream],
            sweep.stream_args,
            where="stream_args",
            skip=frozenset({"name", "context"}),
        ),
        "class_order": sweep.class_order,
        "backbone": sweep.backbone,
        "backbone_args": complete(
            backbones.BACKBONES[sweep.backbone],
            sweep.backbone_args,
            where="backbone_args",
            skip=frozenset({"heads", "input_shape"}),
        ),
        "device": sweep.device,
        "precision": sweep.precision,
        "threads": sweep.threads,
        "compile": sweep.compile,
        "channels_last": sweep.channels_last,
        "evaluate_on": sweep.evaluate_on,
    }

    def strategy_args(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        plugin, where = baselines.load(name), f"strategy.{name}"
        args = complete(plugin, given, where=where, skip=frozenset())
        try:
            plugin(**args)
        except ValueError as error:
            raise BadInput(f"{where}: {error}") from error
        return args

    def of_strategy(name: str) -> dict[str, Any]:
        given, where = dict(sweep.strategy.get(name, {})), f"strategy.{name}"
        return {
            "strategy": name,
            "optimizer": _with_own(OptimizerSpec, sweep.optimizer, given, where),
            "protocol": _with_own(ProtocolSpec, sweep.protocol, given, where),
            "strategy_args": strategy_args(name, given),
        }

    # Tables of strategies that do not run are checked too: a typo must not wait for its day.
    return common, {name: of_strategy(name) for name in [*sweep.strategies, *sweep.strategy]}


def _with_own(model: type[T], common: dict[str, Any], given: dict[str, Any], where: str) -> T:
    """The common table under the method's own values, which are taken out of ``given``.

    A plain value of that name (``optimizer = "shared"``) is an argument of the method.
    """
    key = "optimizer" if model is OptimizerSpec else "protocol"
    if not isinstance(given.get(key), dict):
        return parse(model, common, where=key)
    return parse(model, common | given.pop(key), where=f"{where}.{key}")
