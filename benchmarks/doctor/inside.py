"""Run in a child process, which a broken package may take down: imports, and the data sets.

``python -m benchmarks.doctor.inside imports NAME... | data [DIR]`` prints a JSON array a line:
``["start", name]``, then ``["end", name, result]``.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any


def main() -> None:
    """Answer the arguments, whatever a package prints meanwhile."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    what, *words = sys.argv[1:]
    tasks: dict[str, Callable[[], Any]]
    if what == "imports":
        tasks = {name: partial(_import, name) for name in words}
    else:
        tasks = {"data": partial(_data, *map(Path, words))}
    for name, task in tasks.items():
        print(json.dumps(["start", name]), file=answers, flush=True)
        print(json.dumps(["end", name, task()]), file=answers, flush=True)


def _import(name: str) -> dict[str, Any]:
    start = time.perf_counter()
    error = _fault(partial(import_module, name))
    result: dict[str, Any] = {"error": error, "seconds": time.perf_counter() - start}
    if error:
        # A file of the user's own that has the package's name is the usual reason.
        spec = PathFinder.find_spec(name)
        result["error"] += f" ({spec.origin})" if spec else ""
    elif name == "torch":
        result["facts"] = _torch_facts(sys.modules[name])
    return result


def _torch_facts(torch: Any) -> dict[str, Any]:
    from benchmarks.precision import has_bf16

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return {
        "threads": torch.get_num_threads(),
        "cuda": torch.version.cuda,
        "devices": [torch.cuda.get_device_name(number) for number in range(count)],
        "cuda_warning": str(said[-1].message) if said else "",
        # A build without kernels for the GPU's generation fails here and not before.
        "cuda_error": _fault(lambda: torch.ones(1, device="cuda").add(1).item()) if count else "",
        "bf16": [device for device in ("cpu", "cuda") if has_bf16(device)],
        "numpy_error": _fault(lambda: torch.from_numpy(torch.ones(1).numpy())),
    }


def _fault(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except BaseException as error:  # SystemExit too, which some packages raise on import
        return f"{type(error).__name__}: {error}"
    return ""


def _data(folder: Path | None = None) -> dict[str, Any]:
    from benchmarks.data import DATASETS, data_folder, listing
    from benchmarks.errors import BadInput

    try:
        statuses = listing(folder)
    except BadInput as error:
        return {"error": str(error)}
    return {
        "error": "",
        "folder": str(data_folder(folder)),
        "sets": [[s.name, s.ok, s.detail, bool(DATASETS[s.name].by_hand)] for s in statuses],
    }


if __name__ == "__main__":
    main()
