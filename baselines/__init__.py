"""The registry of strategies: name -> plugin class, imported when asked for.

Adding one: a file in this package and a line here. The command line, the test matrix and
the tables pick it up.
"""

from __future__ import annotations

from importlib import import_module

from ness.task_plugin import TaskPlugin

STRATEGIES = {
    "naive": "baselines.stock:Naive",
    "joint": "baselines.stock:Joint",
    "frozen": "baselines.controls:Frozen",
    "ness": "ness.plugin:NESSPlugin",
    "gpm": "baselines.gpm:GPM",
    "adam_nscl": "baselines.adam_nscl:AdamNSCL",
    "lora": "baselines.lora:LoRA",
}


def load(name: str) -> type[TaskPlugin]:
    """The plugin class of a registered strategy; `KeyError` for a name that is not."""
    module, _, attribute = STRATEGIES[name].partition(":")
    plugin: type[TaskPlugin] = getattr(import_module(module), attribute)
    return plugin
