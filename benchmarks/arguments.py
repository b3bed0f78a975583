"""A function's keyword arguments as a validated table of the spec."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from benchmarks.errors import BadInput, nearest
from benchmarks.records import first_fault


def complete(
    function: Callable[..., Any], given: Mapping[str, Any], *, where: str, skip: frozenset[str]
) -> dict[str, Any]:
    """``given`` checked against a function's keyword-only parameters, defaults filled in.

    ``skip`` names parameters that the harness passes itself. ``where`` is the spec's table,
    for messages. Every default becomes part of the spec, so that a changed default gives a
    run another id. Raises `BadInput` for an unknown key (with the nearest valid one), a
    missing key and a value of the wrong type.
    """
    model = _model_of(function, skip)
    for key in given:
        if key not in model.model_fields:
            raise BadInput(f"unknown key {where}.{key}; {nearest(key, model.model_fields)}")
    try:
        return model(**given).model_dump(mode="json")
    except ValidationError as error:
        raise BadInput(f"{where}: {first_fault(error)}") from error


def _model_of(function: Callable[..., Any], skip: frozenset[str]) -> type[BaseModel]:
    owner = function.__init__ if inspect.isclass(function) else function
    hints = typing.get_type_hints(owner, include_extras=True)
    fields: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.KEYWORD_ONLY and name not in skip:
            default = ... if parameter.default is parameter.empty else parameter.default
            fields[name] = (hints[name], default)
    config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
    return create_model(function.__name__, __config__=config, **fields)
