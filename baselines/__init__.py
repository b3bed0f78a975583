"""The registry of strategies: name -> plugin class, imported when asked for.

Adding one: a file in this package and a line here. The command line, the test matrix and
the tables pick it up.
"""

from __future__ import annotations

from importlib import import_module

from baselines.refused import REFUSED
from ness.task_plugin import TaskPlugin

__all__ = ["REFUSED", "STRATEGIES", "load"]

STRATEGIES = {
    "naive": "baselines.stock:Naive",
    "joint": "baselines.stock:Joint",
    "cumulative": "baselines.stock:Cumulative",
    "frozen": "baselines.controls:Frozen",
    "random_subspace": "baselines.controls:RandomSubspace",
    "ness": "ness.plugin:NESSPlugin",
    "ness_sam": "baselines.ness_sam:NESSSAM",
    "gpm": "baselines.gpm:GPM",
    "sgp": "baselines.sgp:SGP",
    "trgp": "baselines.trgp:TRGP",
    "dfgp": "baselines.dfgp:DFGP",
    "fs_dgpm": "baselines.fs_dgpm:FSDGPM",
    "adam_nscl": "baselines.adam_nscl:AdamNSCL",
    "owm": "baselines.owm:OWM",
    "lora": "baselines.lora:LoRA",
    "inflora": "baselines.inflora:InfLoRA",
    "ewc": "baselines.ewc:EWC",
    "si": "baselines.si:SI",
    "mas": "baselines.mas:MAS",
    "rwalk": "baselines.rwalk:RWalk",
    "lwf": "baselines.lwf:LwF",
    "replay": "baselines.replay:Replay",
    "agem": "baselines.agem:AGEM",
    "gem": "baselines.gem:GEM",
    "gdumb": "baselines.gdumb:GDumb",
    "from_scratch": "baselines.from_scratch:FromScratch",
}


def load(name: str) -> type[TaskPlugin]:
    """The plugin class of a registered strategy; `KeyError` for a name that is not."""
    module, _, attribute = STRATEGIES[name].partition(":")
    plugin: type[TaskPlugin] = getattr(import_module(module), attribute)
    return plugin
