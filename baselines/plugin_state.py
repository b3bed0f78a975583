"""The tensors inside an Avalanche plugin: counted, and taken out to be stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from avalanche.benchmarks.utils import AvalancheDataset
from avalanche.training.utils import ParamData
from torch import Tensor, nn

MARK = "ParamData"


def held_bytes(plugin: Any, model: nn.Module | None) -> int:
    """Bytes of all tensors that a plugin holds, found through its attributes.

    Copies of the model count with parameters and buffers, the trained model itself and tensors
    met before do not. A kept sample counts with its input alone, in the form that the pipeline
    yields (float32 for images, four times the uint8 of the source), labels do not count.
    Working tensors that the plugin never drops count too, since they lie in memory; the rest
    of a data set of which a buffer refers to a part does not.
    """
    seen: set[Any] = {_address(tensor) for tensor in _tensors_of(model)}
    total = 0
    pending = [plugin]
    while pending:
        value = pending.pop()
        if isinstance(value, Tensor):
            if _address(value) not in seen:
                seen.add(_address(value))
                total += value.numel() * value.element_size()
        elif id(value) in seen:
            continue
        elif isinstance(value, AvalancheDataset):
            seen.add(id(value))
            total += len(value) * _input_bytes(value)
        elif isinstance(value, nn.Module):
            pending += _tensors_of(value)
        elif isinstance(value, Mapping):
            pending += value.values()
        elif isinstance(value, list | tuple | set):
            pending += value
        elif type(value).__module__.startswith(("avalanche.training", "baselines")):
            seen.add(id(value))
            pending += vars(value).values()
    return total


def _address(tensor: Tensor) -> tuple[int, int]:
    return tensor.data_ptr(), tensor.numel()


def _tensors_of(model: nn.Module | None) -> list[Tensor]:
    return [] if model is None else [*model.parameters(), *model.buffers()]


def _input_bytes(dataset: Any) -> int:
    if len(dataset) == 0:
        return 0
    x = dataset[0][0]
    return x.numel() * x.element_size() if isinstance(x, Tensor) else 0


def pack(value: Any) -> Any:
    """Plain values and tensors alone, for `torch.load` with ``weights_only=True``."""
    if isinstance(value, ParamData):
        return MARK, value.name, value.data, str(value.device)
    if isinstance(value, Mapping):
        return {key: pack(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(pack(item) for item in value)
    return value


def unpack(value: Any, *, like: Any = None) -> Any:
    """What `pack` was given; a dict with a default factory where ``like`` is one."""
    if isinstance(value, tuple) and value[:1] == (MARK,):
        _, name, data, device = value
        return ParamData(name, init_tensor=data.to(device), device=device)
    if isinstance(value, Mapping):
        items = {key: unpack(item) for key, item in value.items()}
        return defaultdict(like.default_factory, items) if isinstance(like, defaultdict) else items
    return tuple(unpack(item) for item in value) if isinstance(value, tuple) else value
