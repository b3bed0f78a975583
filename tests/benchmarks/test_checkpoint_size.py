"""A checkpoint holds one model and what its method says it keeps, and is the only one."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_runs import STRATEGIES, run_spec

import baselines
from benchmarks.build import build_model, load_stream
from benchmarks.records import RunRecord
from benchmarks.run import run
from benchmarks.spec import RunSpec
from benchmarks.workdir import WorkDir

BESIDE = 32768
"""Bytes allowed beside tensors: the record so far (20 kB at most), and for each tensor the name,
the header and the alignment of its file in the archive (some 300 bytes); 4 to 15 kB in all here. No
copy of a model hides in it: the net below has 1.2 million bytes, the papers' AlexNet 27."""
WIDE = "backbone_args.hidden=[512,512]"


def model_bytes(spec: RunSpec) -> int:
    model = build_model(spec, load_stream(spec, None))
    return sum(t.numel() * t.element_size() for t in model.state_dict().values())


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_checkpoint_is_one_model_and_the_methods_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strategy: str
) -> None:
    """The last one of a run, which has most to carry: all before it are gone."""
    records = []

    def die(record: RunRecord, _: Path) -> None:
        records.append(record)
        raise KeyboardInterrupt

    spec = run_spec(strategy, WIDE)
    monkeypatch.setattr(RunRecord, "write", die)
    with pytest.raises(KeyboardInterrupt):
        run(spec, tmp_path)
    work, method = WorkDir(tmp_path, spec.id), baselines.load(strategy)
    left = [path for path in work.folder.iterdir() if "checkpoint" in path.name]
    assert left == [work.checkpoint] * method.resumable
    if not method.resumable:
        return
    model = model_bytes(spec)
    assert model > 1_000_000
    # The harness keeps the data of those that see all of it, and reads it again.
    kept = records[0].tasks[-1].state_bytes if method.sees == "task" else 0
    size = work.checkpoint.stat().st_size
    assert size <= model + kept + BESIDE
