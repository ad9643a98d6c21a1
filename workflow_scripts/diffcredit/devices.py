"""The device of a job: the CPU, or a GPU that few other jobs of the workflow use."""

import fcntl
import itertools
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from diffcredit.errors import UserError
from diffcredit.logs import logger


@contextmanager
def device(
    execution: Mapping[str, Any], threads: int, gpus: int = 1, wait: float = 600.0
) -> Iterator[tuple[str, int]]:
    """The device of a job, "cpu" or "cuda", and the number of devices.

    On "cuda" the number of jobs that share a GPU is limited.

    Args:
        execution: "device": "auto" (GPUs where there are any), "cpu" or "cuda"; "jobs_per_gpu": 1
            where it is missing.
        threads: CPU threads for torch.
        gpus: number of GPUs that the job can use; it gets fewer if fewer are visible.
        wait: seconds to wait for a GPU that other jobs hold.

    Raises:
        UserError: if a GPU is wanted and there is none, or none becomes free.
    """
    wanted, jobs = execution["device"], execution.get("jobs_per_gpu", 1)
    visible = _visible_gpus() if wanted != "cpu" else []
    if wanted == "cuda" and not visible:
        raise UserError(
            "execution.device = 'cuda': no GPU is visible here\n"
            "    Hint: auto or cpu, or look at the driver"
        )
    import torch

    torch.set_num_threads(threads)
    if not visible:
        yield "cpu", 1
        return
    if len(visible) < gpus:
        logger.warning("execution.gpus = %d, but %d can be seen here", gpus, len(visible))
    with ExitStack() as held:
        names: list[str] = []
        for _ in range(min(gpus, len(visible))):
            others = [name for name in visible if name not in names]
            folder = Path(tempfile.gettempdir())
            names.append(held.enter_context(free_gpu(others, folder, wait, jobs)))
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(names)
        yield "cuda", len(names)


def _visible_gpus() -> list[str]:
    """GPUs by the names that CUDA_VISIBLE_DEVICES takes; does not start CUDA in this process."""
    import torch

    if "CUDA_VISIBLE_DEVICES" in os.environ:
        named = [name for name in os.environ["CUDA_VISIBLE_DEVICES"].split(",") if name]
        return named if torch.cuda.device_count() else []
    return [str(index) for index in range(torch.cuda.device_count())]


@contextmanager
def free_gpu(names: list[str], folder: Path, wait: float, jobs: int = 1) -> Iterator[str]:
    """A GPU that fewer than ``jobs`` jobs use, preferably the one with the fewest.

    Each job holds a lock file, of the GPU and a number; it goes with the process, even killed.
    """
    deadline = time.monotonic() + wait
    while True:
        for number, name in itertools.product(range(jobs), names):
            with ExitStack() as stack:
                lock = stack.enter_context(_open_lock(folder, name, number))
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                yield name
                return
        if time.monotonic() > deadline:
            raise UserError(
                f"no GPU became free in {wait:.0f} s; visible: {', '.join(names)}\n"
                "    Hint: --resources gpu=<number of GPUs> limits the jobs that run at once, and "
                "execution.jobs_per_gpu lets several share a GPU"
            )
        time.sleep(0.2)


def _open_lock(folder: Path, name: str, number: int) -> IO[str]:
    # One machine's users share the folder: the file belongs to the user, so name it by the user.
    # Each job of a cluster may call what it was given GPU 0.
    owner = f"{os.getuid()}-{os.environ.get('SLURM_JOB_ID', 'local')}"
    path = folder / f"diffcredit-{owner}-gpu-{name.replace('/', '_')}-{number}.lock"
    # Nor may others point it at a file of this user's.
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "w")
