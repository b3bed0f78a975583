"""A function's keyword arguments as a validated table of the spec."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from benchmarks.errors import BadInput, nearest
from benchmarks.records import first_fault

UNSET_AT_DEFAULT = frozenset({"as_released", "patch_share", "fast_dropout"})
"""Switches that are no part of a spec at their default, where they change nothing: so the ids
of runs from before they existed stay what they were."""


def complete(
    function: Callable[..., Any], given: Mapping[str, Any], *, where: str, skip: frozenset[str]
) -> dict[str, Any]:
    """``given`` checked against a function's keyword-only parameters, defaults filled in.

    A class that passes ``**kwargs`` on has its parent's parameters too. ``skip`` names
    parameters that the harness passes itself. ``where`` is the spec's table, for messages.
    Every default becomes part of the spec, so that a changed default gives a run another id
    (but see `UNSET_AT_DEFAULT`). Raises `BadInput` for an unknown key (with the nearest valid
    one), a missing key and a value of the wrong type.
    """
    model = _model_of(function, skip)
    for key in given:
        if key not in model.model_fields:
            raise BadInput(f"unknown key {where}.{key}; {nearest(key, model.model_fields)}")
    try:
        made = model(**given)
    except ValidationError as error:
        raise BadInput(first_fault(error, where)) from error
    unset = {
        name
        for name in UNSET_AT_DEFAULT & set(model.model_fields)
        if _plain(getattr(made, name)) == _plain(model.model_fields[name].default)
    }
    completed = made.model_dump(mode="json", exclude=unset)
    for name in UNSET_AT_DEFAULT & set(completed):
        if isinstance(completed[name], list):  # a set, whatever its order in the TOML
            completed[name] = sorted(set(completed[name]))
    return completed


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _model_of(function: Callable[..., Any], skip: frozenset[str]) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    for owner in _signatures(function):
        hints = typing.get_type_hints(owner, include_extras=True)
        for name, parameter in inspect.signature(owner).parameters.items():
            if parameter.kind is parameter.KEYWORD_ONLY and name not in {*skip, *fields}:
                default = ... if parameter.default is parameter.empty else parameter.default
                fields[name] = (hints[name], default)
    config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
    return create_model(function.__name__, __config__=config, **fields)


def _signatures(function: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """A function; of a class its constructor, and its parents' while they pass keywords on."""
    if not inspect.isclass(function):
        yield function
        return
    for kind in function.__mro__:
        if "__init__" in vars(kind):
            constructor = vars(kind)["__init__"]
            yield constructor
            parameters = inspect.signature(constructor).parameters.values()
            if not any(p.kind is p.VAR_KEYWORD for p in parameters):
                return
