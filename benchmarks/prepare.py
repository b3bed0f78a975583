"""What has to be set in a process before it trains, here and on the nodes of a cluster."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import warnings
from pathlib import Path


def prepare_process(offline: bool = False) -> None:
    """What has to be set before torch and Avalanche are imported, here and in workers.

    No network if so told; one thread a library; no advice on solvers that nothing here uses; a
    home folder that can be written to, since Avalanche writes ~/.avalanche/config.json on import
    or dies.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if offline:
        os.environ["NESS_OFFLINE"] = "1"
    try:
        (Path.home() / ".avalanche").mkdir(exist_ok=True)
    except OSError:
        from benchmarks.data.folder import data_folder

        # Named before the home moves: the data sets are where they were.
        os.environ.setdefault("NESS_DATA", str(data_folder(None)))
        os.environ["HOME"] = home = tempfile.mkdtemp(prefix="ness-home-")
        atexit.register(shutil.rmtree, home, ignore_errors=True)
    os.environ.setdefault("PYTHONWARNINGS", "ignore:no QP solver found:UserWarning")
    warnings.filterwarnings("ignore", message="no QP solver found")
