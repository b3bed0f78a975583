"""Nothing that is read becomes code, and no string reaches a shell: a look at every call."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    path for name in ("ness", "baselines", "benchmarks") for path in (ROOT / name).rglob("*.py")
)

UNPICKLERS = {"_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
HARMLESS = {"pickle.UnpicklingError", "pickle.PickleError"}
RESTRICTED = {"benchmarks/data/pickles.py": {"pickle.Unpickler"}}
"""The one unpickler, which imports nothing but what arrays of numbers need."""

FORBIDDEN = {
    *("eval", "exec", "compile", "__import__", "os.system", "os.popen", "pandas.read_pickle"),
    *("subprocess.getoutput", "subprocess.getstatusoutput", "pty.spawn", "torch.jit.load"),
    *("torch.hub.load", "yaml.load", "yaml.unsafe_load", "yaml.full_load"),
    "asyncio.create_subprocess_shell",
}
NUMPY_LOAD = ("numpy.load", "numpy.lib.format.read_array")


def faults(source: str, name: str = "module.py") -> list[str]:
    """What a module uses that could run what it reads, with line numbers."""
    tree = ast.parse(source)
    names = dict(_imported(tree))
    allowed = HARMLESS | RESTRICTED.get(name, set())
    found = [
        f"{name}: imports {whole}"
        for whole in names.values()
        if whole.partition(".")[0] in UNPICKLERS
        or (whole.startswith("pickle.") and whole not in allowed)
    ]
    for node in ast.walk(tree):
        fault = ""
        if isinstance(node, ast.Call):
            fault = _call(node, names)
        elif isinstance(node, ast.Attribute):
            whole = _name(node, names)
            if whole.startswith("pickle.") and whole not in allowed:
                fault = f"uses {whole}"
        if fault:
            found.append(f"{name}:{node.lineno}: {fault}")
    return found


def _imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Local names and what they stand for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (first, first)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _call(node: ast.Call, names: dict[str, str]) -> str:
    """What is wrong with a call, or nothing."""
    called = _name(node.func, names)
    arguments = {keyword.arg: keyword.value for keyword in node.keywords}
    if called in FORBIDDEN or called.startswith(("os.exec", "os.spawn")):
        return f"calls {called}"
    if called == "torch.load" and not _is(arguments.get("weights_only"), True):
        return "torch.load without weights_only=True"
    if called in NUMPY_LOAD and not _is(arguments.get("allow_pickle"), False):
        return f"{called} without allow_pickle=False"
    if "shell" in arguments and not _is(arguments["shell"], False):
        return f"{called or 'a call'} with shell"
    return ""


def _name(node: ast.expr, names: dict[str, str]) -> str:
    """The dotted name of what is called, by the name that it was imported under."""
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute) and (owner := _name(node.value, names)):
        return f"{owner}.{node.attr}"
    return ""


def _is(node: ast.expr | None, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def test_no_module_runs_what_it_reads() -> None:
    assert len(MODULES) > 100
    found = [faults(path.read_text(), str(path.relative_to(ROOT))) for path in MODULES]
    assert [line for lines in found for line in lines] == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle\npickle.loads(b'')",
        "import pickle as p\nread = p.load",
        "from pickle import loads",
        "import joblib as j",
        "from joblib.externals import cloudpickle",
        "import torch\ntorch.load('x')",
        "import torch\ntorch.load('x', weights_only=False)",
        "from torch import load as read\nread('x', map_location='cpu')",
        "import numpy as np\nnp.load('x', allow_pickle=True)",
        "import numpy as np\nnp.load('x', allow_pickle=chosen)",
        "import os\nos.system('x')",
        "from os import popen\npopen('x')",
        "import os\nos.execvp('sh', ['sh'])",
        "import subprocess\nsubprocess.run('x', shell=True)",
        "from subprocess import Popen\nPopen('x', shell=wanted)",
        "import yaml\nyaml.load('x')",
        "import pandas as pd\npd.read_pickle('x')",
        "eval('1')",
        "exec('x = 1')",
        "import torch\ntorch.hub.load('x', 'y')",
    ],
)
def test_what_would_run_is_found(source: str) -> None:
    assert len(faults(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "import torch\ntorch.load('x', weights_only=True)",
        "import numpy as np\nnp.load('x', allow_pickle=False)",
        "import subprocess\nsubprocess.run(['x', 'y'], shell=False)",
        "import pickle\nerrors = (pickle.UnpicklingError,)",
        "model.eval()",
        "import re\nre.compile('x')",
        "import json\njson.load(file)",
    ],
)
def test_what_is_harmless_is_not(source: str) -> None:
    assert faults(source) == []
