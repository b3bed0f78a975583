"""What decides every number of a run, and is its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from benchmarks.errors import BadInput, nearest
from benchmarks.integrity import id_of
from benchmarks.records import first_fault

T = TypeVar("T", bound=BaseModel)
Seed = Annotated[int, Field(ge=0, lt=2**63)]


def _is_order(value: Any) -> Any:
    named = value in ("fixed", "per_seed") if isinstance(value, str) else False
    listed = isinstance(value, list) and value and all(type(c) is int and c >= 0 for c in value)
    if not named and not listed:
        raise ValueError(f"{value!r}: write 'fixed', 'per_seed' or a list of class numbers")
    return value


ClassOrder = Annotated[Literal["fixed", "per_seed"] | list[int], BeforeValidator(_is_order)]
"""The data set's own, one drawn with the seed of each run, or the classes as listed."""


Precision = Literal["auto", "bf16", "fp32"]
"""bfloat16 where torch's autocast has it, or where the hardware has it too (auto)."""

EvaluateOn = Literal["test", "valid"]
"""The images that accuracy is measured on; ``valid`` never reads a test image."""


class Table(BaseModel):
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


class OptimizerSpec(Table):
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


class ProtocolSpec(Table):
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
    track_old_tasks: bool = False
    """Whether earlier tasks are evaluated after every epoch; it changes no other number."""

    unset_at_default: ClassVar[frozenset[str]] = frozenset({"keep", "track_old_tasks"})


class RunSpec(Table):
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
    precision: Precision = "fp32"
    """Of the forward passes in training and evaluation; see `benchmarks.precision`."""
    threads: int = Field(1, ge=1, le=1024)
    compile: bool = False
    """Whether the trunk goes through `torch.compile`; see `benchmarks.compiling`."""
    channels_last: bool = False
    """Whether images lie in memory with their channels last: other kernels, often faster ones."""
    evaluate_on: EvaluateOn = "test"

    unset_at_default: ClassVar[frozenset[str]] = frozenset(
        {"compile", "channels_last", "evaluate_on"}
    )

    @property
    def id(self) -> str:
        """Hash of the whole spec: the run's name, and what makes two runs the same run."""
        return id_of(self.model_dump(mode="json"))


def parse(model: type[T], data: Mapping[str, Any], *, where: str) -> T:
    """A table of the spec from its TOML; `BadInput` names ``where`` and what is wrong."""
    for key in data:
        if key not in model.model_fields:
            raise BadInput(f"{where}: unknown key {key!r}; {nearest(key, model.model_fields)}")
    try:
        return model(**data)
    except ValidationError as error:
        raise BadInput(f"{where}: {first_fault(error)}") from error
