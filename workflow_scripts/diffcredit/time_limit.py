"""The time limit of a cluster's job: before it ends, the job saves its work and stops by itself.

SLURM then queues the job again, and it goes on where it stopped, as often as needed. A job stops
between two pieces of its work that are saved, so that each try brings it further.
"""

import os
import re
import subprocess
import time
from functools import cache

from diffcredit.logs import logger

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
    answer = _run("squeue", "--noheader", "--jobs", job, "--format", "%L")
    return None if answer is None else seconds(answer.strip())


def seconds(written: str) -> float | None:
    """Seconds of a time as SLURM writes it, such as 1-02:03:04 or 05:06.

    None for what is no time, such as UNLIMITED.
    """
    found = re.fullmatch(r"(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+)", written)
    if found is None:
        return None
    days, hours, minutes, rest = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60.0 + rest


def queue_again() -> None:
    """Have SLURM queue this job again, which ends it; returns where SLURM does not."""
    job = os.environ.get("SLURM_JOB_ID", "")
    if _run("scontrol", "requeue", job) is None:
        logger.warning("SLURM does not queue job %s again", job)
        return
    time.sleep(_END)


def _run(*command: str) -> str | None:
    """What a command prints; None where it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
