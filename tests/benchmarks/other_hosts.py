"""Processes on "another host": the same kernel and files, under another host name."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from shutil import which

import pytest


def _may_rename() -> bool:
    if which("unshare") is None:
        return False
    return subprocess.run(on_host("elsewhere", ["true"]), capture_output=True).returncode == 0


def on_host(name: str, command: Sequence[str]) -> list[str]:
    """The command line that runs a command under a host name."""
    return ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', name, *command]


seen_apart = pytest.mark.skipif(
    not _may_rename(), reason="unshare --uts is not permitted here: there is one host name only"
)
