"""The time limit of a cluster's job: before it ends, the job saves its work and stops by itself.

SLURM then queues the job again, and it goes on where it stopped, as often as needed. A job stops
between two pieces of its work that are saved, so that each try brings it further.
"""

import os
import time
from functools import cache

from diffcredit.logs import logger
from diffcredit.slurm import run, seconds

#: How long before the end a job stops: a tenth of its time, within these bounds, in seconds.
SHORTEST_NOTICE, LONGEST_NOTICE = 15.0, 300.0
#: How long SLURM may take to end a job that it queues again, in seconds.
_END = 120.0


class TimeIsUp(Exception):  # noqa: N818
    """The time limit is near; what is done is saved."""


def stop_if_near() -> None:
    """Raise `TimeIsUp` where the time limit is near; to be called where all work is saved."""
    if is_near():
        raise TimeIsUp


def is_near() -> bool:
    """Whether the job should save its work and stop now."""
    deadline = _deadline(os.environ.get("SLURM_JOB_ID", ""))
    return deadline is not None and time.monotonic() > deadline


@cache
def _deadline(job: str) -> float | None:
    """When to stop, by `time.monotonic`; None without a limit."""
    left = _seconds_left(job) if job else None
    return None if left is None else time.monotonic() + left - notice(left)


def notice(left: float) -> float:
    """How long before its end a job stops that has ``left`` seconds to run."""
    return min(max(left / 10, SHORTEST_NOTICE), LONGEST_NOTICE)


def _seconds_left(job: str) -> float | None:
    answer = run(["squeue", "--noheader", "--jobs", job, "--format", "%L"])
    return None if answer is None else seconds(answer.strip())


def queue_again() -> None:
    """Have SLURM queue this job again, which ends it; returns where SLURM does not."""
    job = os.environ.get("SLURM_JOB_ID", "")
    if run(["scontrol", "requeue", job]) is None:
        logger.warning("SLURM does not queue job %s again", job)
        return
    time.sleep(_END)
