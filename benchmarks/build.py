"""What a spec describes, built: its stream, its net, its optimiser."""

from __future__ import annotations

from pathlib import Path

import torch

from benchmarks import streams
from benchmarks.backbones import BACKBONES, MultiHeadNet
from benchmarks.backbones.norms import TaskNorm
from benchmarks.errors import BadInput
from benchmarks.seeds import seed_all
from benchmarks.spec import ClassOrder, OptimizerSpec, RunSpec
from benchmarks.streams.stream import Context, Stream


def load_stream(spec: RunSpec, data_dir: Path | None) -> Stream:
    """The stream of a spec."""
    context = context_of(spec.class_order, spec.class_order_seed, data_dir=data_dir)
    return streams.STREAMS[spec.stream](**spec.stream_args, context=context)


def context_of(order: ClassOrder, seed: int, *, data_dir: Path | None) -> Context:
    """What a stream needs to know of a ``class_order``; ``seed`` serves where it is per_seed."""
    return Context(
        data_dir=data_dir,
        class_order_seed=seed if order == "per_seed" else None,
        class_order_list=tuple(order) if isinstance(order, list) else None,
    )


def build_model(spec: RunSpec, stream: Stream) -> MultiHeadNet:
    """The backbone with the initial weights of ``init_seed``, unseen classes masked in ``cil``.

    Seeded here, after the stream: Avalanche's stream builders reset the global generator. Raises
    `BadInput` for arguments that fit neither each other nor the stream.
    """
    seed_all(spec.init_seed, "init")
    try:
        model = BACKBONES[spec.backbone](
            **spec.backbone_args, heads=stream.heads, input_shape=stream.input_shape
        )
    except (ValueError, RuntimeError, MemoryError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise BadInput(f"backbone {spec.backbone!r}: {reason}; change backbone_args") from error
    if stream.scenario != "til" and any(isinstance(m, TaskNorm) for m in model.modules()):
        raise BadInput(
            f"backbone {spec.backbone!r}: bn = 'task_stats' needs to know the task when testing, "
            f"which {stream.name} hides; set backbone_args.bn = 'batch_stats'"
        )
    if stream.scenario == "cil":
        model.heads.mask_unseen()
    if spec.channels_last:  # of the weights: convolutions then give their outputs alike
        model.to(memory_format=torch.channels_last)
    return model


def build_optimizer(spec: OptimizerSpec, model: torch.nn.Module) -> torch.optim.Optimizer:
    """The optimiser of a spec over all parameters of a model."""
    parameters = list(model.parameters())
    if spec.name == "sgd":
        return torch.optim.SGD(
            parameters, lr=spec.lr, momentum=spec.momentum, weight_decay=spec.weight_decay
        )
    kind = torch.optim.Adam if spec.name == "adam" else torch.optim.AdamW
    return kind(parameters, lr=spec.lr, weight_decay=spec.weight_decay)
