"""What computes: GPUs, torch with NumPy, threads."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.doctor.checks import Check, note, off, ok
from benchmarks.doctor.project import Requirement, install_command

ONE_THREAD = "export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1"


def gpu_driver() -> str:
    """The version of NVIDIA's driver if a GPU is there for this process, else empty."""
    if not any(Path("/dev").glob("nvidia[0-9]*")):
        return ""
    try:
        found = re.search(r"\d+\.[\d.]+", Path("/proc/driver/nvidia/version").read_text())
    except OSError:
        found = None
    return found[0] if found else "of unknown version"


def check_cuda(facts: Mapping[str, Any], driver: str) -> Check:
    """What torch makes of the GPUs; ``facts`` are those of `benchmarks.doctor.inside`."""
    build = f"built for CUDA {facts['cuda']}" if facts["cuda"] else "built without CUDA"
    gpus = f"driver {driver}" if driver else "no GPU here"
    another = "install the build of torch for it, as pytorch.org/get-started says"
    if facts["cuda_error"]:
        way = f"{another}, or hide the GPU: export CUDA_VISIBLE_DEVICES=''"
        return off("cuda", f"{build}, {gpus}, but the GPU fails: {facts['cuda_error'][:300]}", way)
    if facts["devices"]:
        return ok("cuda", f"{build}, {gpus}: {', '.join(facts['devices'])}")
    if driver and not facts["cuda"]:
        return note("cuda", f"{build}, so the GPU ({gpus}) is idle", f"to use it, {another}")
    if driver and os.environ.get("CUDA_VISIBLE_DEVICES") not in ("", "-1"):
        reason = facts["cuda_warning"][:300] or "torch does not say why"
        way = "update the driver, or install a build of torch for an older CUDA"
        return off("cuda", f"{build}, {gpus}, but torch finds no GPU: {reason}", way)
    if facts["cuda"]:
        return note("cuda", f"{build}, {gpus}: runs use the CPU")
    return ok("cuda", f"{build}, {gpus}")


def check_numpy(facts: Mapping[str, Any]) -> Check:
    """Whether torch and NumPy share arrays, which a torch built for another NumPy does not."""
    if facts["numpy_error"]:
        way = f"take versions made for each other, {install_command([Requirement('numpy', '')])}"
        return off("torch with numpy", facts["numpy_error"][:300], way)
    return ok("torch with numpy", "they share arrays")


def check_precision(facts: Mapping[str, Any]) -> Check:
    """What ``precision = "auto"`` of a spec is here."""
    devices = ["cpu", "cuda"] if facts["devices"] else ["cpu"]
    found = [f"{'bf16' if device in facts['bf16'] else 'fp32'} on {device}" for device in devices]
    return ok("precision", f"'auto' is {', '.join(found)}")


def check_threads(workers: int, torch_threads: int | None) -> Check:
    """Threads a worker x workers against the cores that this process may use."""
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    said = []
    threads = torch_threads or 1
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        value = os.environ.get(variable)
        said.append(f"{variable} {'unset' if value is None else value}")
        if value is None:
            continue
        # OpenMP takes a list too, one number a level of nesting.
        first = value.partition(",")[0].strip()
        if not first.isdecimal() or int(first) < 1:
            return off("threads", f"{variable}={value} is no number of threads", ONE_THREAD)
        threads = max(threads, int(first))
    if torch_threads:
        said.append(f"torch takes {torch_threads}")
    found = f"{cores} cores; {', '.join(said)}"
    if threads * workers > cores:
        busy = f"threads x workers, {threads} x {workers}, exceed the cores"
        way = f"{ONE_THREAD}, and at most --workers {cores}: more is many times slower"
        return note("threads", f"{found}; {busy}", way)
    return ok("threads", found)
