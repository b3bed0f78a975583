"""What a node executes: one task of an array, from its file to its answer.

``python -m benchmarks.executors.slurm.task FOLDER [NUMBER]``: the number is SLURM's, or given by
submitit's local executor, which has no arrays. A task that is preempted or cancelled (SIGTERM)
drops its run and answers nothing: it comes again or the sweep learns why not. Near its time limit
(SIGUSR2) it goes back to the queue.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

from benchmarks import stopping
from benchmarks.claims import Claimed
from benchmarks.errors import BadInput, one_line
from benchmarks.executors.job import Job, execute
from benchmarks.executors.slurm.files import Answer, ArrayFolder, Task
from benchmarks.interruptions import AGAIN, Interrupted, of_the_system
from benchmarks.position import position
from benchmarks.prepare import prepare_process
from benchmarks.workdir import WorkDir

TIMES_TO_ASK = 4
"""How often the controller is asked to requeue, which may be starting again."""
PAUSE_S = 10.0


def main(arguments: list[str]) -> int:
    """Execute one task of an array; its exit status."""
    folder, local = ArrayFolder(Path(arguments[0])), len(arguments) > 1
    number = int(arguments[1] if local else os.environ["SLURM_ARRAY_TASK_ID"])
    task = folder.read_task(number)
    try:
        stopping.install((signal.SIGTERM, signal.SIGUSR2))
        os.environ.update(task.environment)
        prepare_process()
        folder.answer(number, _execute(task.job()))
    except KeyboardInterrupt:
        if stopping.first() == signal.SIGUSR2:
            return _leave_at_time_limit(folder, number, task, local=local)
        return stopping.exit_status()
    return 0


def _execute(job: Job) -> Answer:
    try:
        return Answer(kind="status", text=execute(job, lambda *_: stopping.heed()))
    except Claimed as error:
        return Answer(kind="claimed", text=str(error))
    except Interrupted as error:
        return Answer(kind="interrupted", text=str(error))
    except OSError as error:
        return Answer(kind="interrupted", text=of_the_system(error))
    except BadInput as error:
        return Answer(kind="error", text=str(error))
    except Exception as error:
        traceback.print_exc()
        return Answer(kind="error", text=one_line(f"{type(error).__name__}: {error}"))


def _leave_at_time_limit(folder: ArrayFolder, number: int, task: Task, *, local: bool) -> int:
    """Go back to the queue, unless the time limit is too short to come any further.

    What counts is tasks of the stream: what was trained of the next one is trained again.
    """
    at = position(WorkDir(task.out, task.spec.id))
    done = 0 if at is None else at.task
    before = folder.requeued(number)
    if not task.requeue:
        fault = f"its time limit is near; {AGAIN}"
    elif before is not None and done <= before.tasks_done:
        fault = (
            f"no task of its stream was learnt between two time limits (task {done + 1}); give "
            f"more with --option timeout_min=..."
        )
    else:
        folder.write_requeued(number, done)
        if local:
            from submitit.local.local import LOCAL_REQUEUE_RETURN_CODE

            return int(LOCAL_REQUEUE_RETURN_CODE)
        fault = _requeue(f"{os.environ['SLURM_ARRAY_JOB_ID']}_{number}")
        if not fault:
            return 128 + signal.SIGUSR2
    folder.answer(number, Answer(kind="interrupted", text=fault))
    return 128 + signal.SIGUSR2


def _requeue(job: str) -> str:
    """Ask the controller to requeue; what it says if it cannot, "" if it does."""
    for attempt in range(TIMES_TO_ASK):
        if attempt:
            time.sleep(PAUSE_S)
        asked = subprocess.run(["scontrol", "requeue", job], capture_output=True, text=True)
        if asked.returncode == 0:
            return ""
    return one_line(f"its time limit is near and it cannot be requeued: {asked.stderr}; {AGAIN}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
