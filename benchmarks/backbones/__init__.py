"""The networks of the papers, each with one bias-free head a task, or one for all tasks.

Adding one: a function with the keyword-only parameters ``heads`` (outputs of each head) and
``input_shape`` from the harness, the rest from the spec, and a line in `BACKBONES`.
"""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.backbones.alex_net import AlexNet, alexnet
from benchmarks.backbones.heads import MultiHeadNet, TaskHeads
from benchmarks.backbones.le_net import LeNet, lenet
from benchmarks.backbones.mlp_net import MLP, mlp
from benchmarks.backbones.res_net import ResNet18, resnet18
from benchmarks.backbones.timm_net import timm_net
from benchmarks.backbones.torchvision_net import torchvision_net
from benchmarks.backbones.wrapped_net import WrappedNet

__all__ = [
    "BACKBONES",
    "MLP",
    "AlexNet",
    "LeNet",
    "MultiHeadNet",
    "ResNet18",
    "TaskHeads",
    "WrappedNet",
    "alexnet",
    "lenet",
    "mlp",
    "resnet18",
    "timm_net",
    "torchvision_net",
]

BACKBONES: dict[str, Callable[..., MultiHeadNet]] = {
    "mlp": mlp,
    "alexnet": alexnet,
    "resnet18": resnet18,
    "lenet": lenet,
    "torchvision": torchvision_net,
    "timm": timm_net,
}
