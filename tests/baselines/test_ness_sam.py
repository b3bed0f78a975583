"""NESS-SAM is NESS with SAMPlugin in front of everything else."""

import pytest
import torch

from baselines.ness_sam import NESSSAM
from ness import NESSPlugin, SAMPlugin
from toys import ToyConvNet, toy_benchmark, toy_strategy, train_quietly, trunk


def learn(plugins, tasks=3):
    torch.manual_seed(0)
    strategy = toy_strategy(ToyConvNet(), plugins)
    for experience in toy_benchmark(tasks, shape=(2, 6, 6), rank=4).train_stream:
        train_quietly(strategy, experience)
    return trunk(strategy.model), strategy


@pytest.mark.parametrize("sam_tasks", ["first", "all"])
def test_it_is_ness_beside_sam(sam_tasks):
    alone, _ = learn([NESSSAM(eps=0.05, rho=0.2, sam_tasks=sam_tasks)])
    beside, _ = learn([NESSPlugin(eps=0.05), SAMPlugin(rho=0.2, sam_tasks=sam_tasks)])
    assert all(torch.equal(alone[name], beside[name]) for name in alone)
    plain, _ = learn([NESSPlugin(eps=0.05)])
    assert any(not torch.equal(alone[name], plain[name]) for name in alone)


def test_first_and_all_part_after_task_one():
    one = [learn([NESSSAM(eps=0.05, sam_tasks=which)], tasks=1)[0] for which in ("first", "all")]
    two = [learn([NESSSAM(eps=0.05, sam_tasks=which)], tasks=2)[0] for which in ("first", "all")]
    assert all(torch.equal(one[0][name], one[1][name]) for name in one[0])
    assert any(not torch.equal(two[0][name], two[1][name]) for name in two[0])


def test_sam_stands_first_and_once():
    _, strategy = learn([NESSSAM(eps=0.05)])
    assert [type(plugin) for plugin in strategy.plugins].count(SAMPlugin) == 1
    assert isinstance(strategy.plugins[0], SAMPlugin)


def test_arguments_of_ness_are_checked_as_there():
    with pytest.raises(ValueError, match="eps = 0"):
        NESSSAM(eps=0)
    with pytest.raises(ValueError, match="rho = -1"):
        NESSSAM(rho=-1.0)
    with pytest.raises(TypeError, match="epz"):
        NESSSAM(epz=1e-3)
