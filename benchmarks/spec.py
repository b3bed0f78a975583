"""What is to be run: the sweep as a user writes it, and the run that decides every number."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from benchmarks.errors import BadInput, nearest
from benchmarks.records import first_fault

T = TypeVar("T", bound=BaseModel)
Seed = Annotated[int, Field(ge=0, lt=2**63)]
ClassOrder = Literal["fixed", "per_seed"]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    unset_at_default: ClassVar[frozenset[str]] = frozenset()
    """Keys that are no part of a dumped table, and so of a run's id, while they have their default:
    those that were added after runs had been stored. At their default nothing may change.
    `benchmarks.records.IMPLIED` has them for those who read stored specs."""

    @model_serializer(mode="wrap")
    def _without_later_keys(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields = type(self).model_fields
        return {
            key: value
            for key, value in dump(self).items()
            if key not in self.unset_at_default or value != fields[key].default
        }


class OptimizerSpec(_Table):
    """``[optimizer]``: a fresh optimiser of this kind for every task."""

    name: Literal["sgd", "adam", "adamw"] = "sgd"
    lr: float = Field(gt=0)
    momentum: float = Field(0.0, ge=0, lt=1)
    """Of sgd alone."""
    weight_decay: float = Field(0.0, ge=0)

    @model_validator(mode="after")
    def _momentum_is_used(self) -> Self:
        if self.momentum and self.name != "sgd":
            raise ValueError(
                f"momentum = {self.momentum} has no meaning for {self.name}; set momentum = 0"
            )
        return self


class ProtocolSpec(_Table):
    """``[protocol]``: how every task is trained; see `benchmarks.protocol`."""

    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    eval_batch_size: int = Field(64, ge=1)
    patience: int = Field(6, ge=1)
    """Epochs without a lower validation loss before the learning rate falls."""
    factor: float = Field(2.0, gt=1)
    """What the learning rate is then divided by."""
    lr_min: float = Field(1e-5, ge=0)
    """Training of a task ends when the learning rate (of the first parameter group) is below."""
    keep: Literal["best", "last"] = "best"
    """The weights a task ends with: those of the lowest validation loss, or of the last epoch."""

    unset_at_default: ClassVar[frozenset[str]] = frozenset({"keep"})


class RunSpec(_Table):
    """Everything that decides the numbers of one run.

    Three seeds: ``class_order_seed`` (used where ``class_order`` is per_seed), ``init_seed``
    for the initial weights, ``data_seed`` for validation split, batches and dropout.
    """

    stream: str
    stream_args: dict[str, Any]
    class_order: ClassOrder
    class_order_seed: Seed
    backbone: str
    backbone_args: dict[str, Any]
    strategy: str
    strategy_args: dict[str, Any]
    optimizer: OptimizerSpec
    protocol: ProtocolSpec
    seed: Seed
    init_seed: Seed
    data_seed: Seed
    device: Literal["cpu", "cuda"] = "cpu"
    precision: Literal["fp32"] = "fp32"
    threads: int = Field(1, ge=1)

    @property
    def id(self) -> str:
        """Hash of the whole spec: the run's name, and what makes two runs the same run."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class SweepSpec(_Table):
    """A sweep as written in TOML: strategies x seeds on one stream.

    ``[strategy.<name>]`` holds the arguments of that method; its tables ``optimizer`` and
    ``protocol`` replace single values of the common ones for that method alone.
    """

    stream: str
    backbone: str
    strategies: list[str] = Field(min_length=1)
    seeds: list[Seed] = Field(min_length=1)
    class_order: ClassOrder = "fixed"
    device: Literal["cpu", "cuda"] = "cpu"
    threads: int = Field(1, ge=1)
    stream_args: dict[str, Any] = {}
    backbone_args: dict[str, Any] = {}
    protocol: dict[str, Any] = {}
    optimizer: dict[str, Any] = {}
    strategy: dict[str, dict[str, Any]] = {}


def load_sweep(path: Path, overrides: Sequence[str] = ()) -> SweepSpec:
    """Read a sweep's TOML and apply ``key=value`` overrides; `BadInput` names what is wrong."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}); give a sweep's TOML") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: not valid TOML ({error})") from error
    for override in overrides:
        _apply(override, data)
    sweep = _parse(SweepSpec, data, where=str(path))
    for field in ("strategies", "seeds"):
        values = getattr(sweep, field)
        for value in values:
            if values.count(value) > 1:
                raise BadInput(f"{path}: {field} lists {value!r} twice; name it once")
    return sweep


def expand(sweep: SweepSpec) -> list[RunSpec]:
    """The runs of a sweep, seed by seed, with every default resolved and every name checked.

    Imports the methods, and so torch: the arguments of a method are those of its class.
    """
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
    stream_args = complete(
        streams.STREAMS[sweep.stream],
        sweep.stream_args,
        where="stream_args",
        skip=frozenset({"name", "context"}),
    )
    backbone_args = complete(
        backbones.BACKBONES[sweep.backbone],
        sweep.backbone_args,
        where="backbone_args",
        skip=frozenset({"heads", "input_shape"}),
    )

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
    tables = {name: of_strategy(name) for name in [*sweep.strategies, *sweep.strategy]}
    runs = []
    for seed in sweep.seeds:
        for name in sweep.strategies:
            runs.append(
                RunSpec(
                    stream=sweep.stream,
                    stream_args=stream_args,
                    class_order=sweep.class_order,
                    class_order_seed=seed if sweep.class_order == "per_seed" else 0,
                    backbone=sweep.backbone,
                    backbone_args=backbone_args,
                    **tables[name],
                    seed=seed,
                    init_seed=seed,
                    data_seed=seed,
                    device=sweep.device,
                    threads=sweep.threads,
                )
            )
    return runs


def _with_own(model: type[T], common: dict[str, Any], given: dict[str, Any], where: str) -> T:
    """The common table under the method's own values, which are taken out of ``given``.

    A plain value of that name (``optimizer = "shared"``) is an argument of the method.
    """
    key = "optimizer" if model is OptimizerSpec else "protocol"
    if not isinstance(given.get(key), dict):
        return _parse(model, common, where=key)
    return _parse(model, common | given.pop(key), where=f"{where}.{key}")


def _parse(model: type[T], data: Mapping[str, Any], *, where: str) -> T:
    for key in data:
        if key not in model.model_fields:
            raise BadInput(f"{where}: unknown key {key!r}; {nearest(key, model.model_fields)}")
    try:
        return model(**data)
    except ValidationError as error:
        raise BadInput(f"{where}: {first_fault(error)}") from error


def _apply(override: str, data: dict[str, Any]) -> None:
    key, equals, text = override.partition("=")
    if not equals or not all(key.split(".")):
        raise BadInput(f"--set {override!r}: write it as key=value, for example protocol.epochs=5")
    *parents, last = key.strip().split(".")
    table = data
    for name in parents:
        table = table.setdefault(name, {})
        if not isinstance(table, dict):
            raise BadInput(f"--set {override!r}: {name} is a value and has no keys below it")
    table[last] = _toml_value(text.strip())


def _toml_value(text: str) -> Any:
    try:
        table = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return table["value"] if len(table) == 1 else text
