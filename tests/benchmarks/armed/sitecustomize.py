"""In every process of a tortured sweep: dies at the file operation that an order names.

`kills.py` writes the order while the sweep runs. The first process to touch such a file takes
it, so that a kill hits the few milliseconds in which a claim, a checkpoint or a record is
written, which no clock would hit.
"""

import json
import os
import signal
import sys
import threading
import time

FOLDER, ORDER = os.environ["NESS_TORTURED"] + os.sep, os.environ["NESS_TORTURE_ORDER"]
OPERATIONS = {"open", "os.rename", "os.remove", "os.link"}


def strike(order: dict[str, object]) -> None:
    time.sleep(float(order["delay"]))
    number = signal.Signals(order["signal"])
    if order["whom"] == "group":
        os.killpg(0, number)
    # The sweep began the session, so that its pid is that of the group.
    os.kill(os.getpgrp() if order["whom"] == "parent" else os.getpid(), number)


def watch(operation: str, arguments: tuple[object, ...]) -> None:
    if operation not in OPERATIONS or not isinstance(arguments[0], str | os.PathLike):
        return
    path = os.fspath(arguments[0])
    if not isinstance(path, str) or not path.startswith(FOLDER):
        return
    try:
        with open(ORDER) as file:  # noqa: PTH123  (no pathlib in every process of the sweep)
            order = json.load(file)
        if order["file"] not in path:
            return
        taken = f"{ORDER}.{os.getpid()}"
        os.rename(ORDER, taken)  # noqa: PTH104
    except FileNotFoundError:  # there is none, or another process was first
        return
    if order["delay"]:
        threading.Thread(target=strike, args=(order,)).start()  # which the process's end awaits
    else:
        strike(order)


sys.addaudithook(watch)
