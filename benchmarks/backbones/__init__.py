"""The networks of the papers and of other libraries: one bias-free head a task, or one for all.

- ``mlp`` (hidden): linear layers and ReLUs.
- ``alexnet`` (bn, dropout): the papers' net for CIFAR-100.
- ``resnet18`` (width, stride, bn): theirs for 5-datasets (stride 1) and miniImageNet (stride 2).
- ``lenet`` (channels, hidden, dropout): GPM's for the superclasses of CIFAR-100.
- ``torchvision``, and ``timm`` with the extra ``vit`` (model, weights, weights_sha256,
  model_args): any model of these libraries, from scratch or from a file of pretrained weights.

Adding one: a function with the keyword-only parameters ``heads`` (outputs of each head) and
``input_shape`` from the harness, the rest from the spec, and a line in `BACKBONES`. It raises
`ValueError` for what does not fit.
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
