"""A run's peak is not that of the run before it in the same process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import torch
from benchmarks.memory import peak, reset_peak
reset_peak("cpu")
before = peak("cpu")
torch.ones(60_000_000, dtype=torch.float64).sum()
grown = peak("cpu")
reset_peak("cpu")
assert grown > before + 400_000_000, (before, grown)
assert peak("cpu") < grown - 400_000_000, (grown, peak("cpu"))
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="of Linux alone")
def test_the_peak_begins_anew() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
