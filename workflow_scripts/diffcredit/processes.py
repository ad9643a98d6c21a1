"""The processes that a run starts: their memory, and the Python that runs them."""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path


def keep_freed_memory() -> None:
    """Let jobs keep the memory of tensors that they free, unless the user says otherwise.

    glibc gives large pieces back, and every page of them is faulted in again at the next step:
    training on 32x32 pixels takes half as long again on a CPU. The variables are read when a
    process starts; other systems do not know them.
    """
    if not {"MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_"} & os.environ.keys():
        os.environ |= {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**40)}


def quote_python() -> str:
    """Quote ``sys.executable``, which Snakemake puts into shell commands as it is.

    Returns:
        The path without quotes.
    """
    path = sys.executable
    if Path(path).exists():
        sys.executable = shlex.quote(path)
    return path


def program(python: str, arguments: Sequence[str]) -> list[str]:
    """How a Snakemake was started.

    Args:
        python: path of the Python that runs it.
        arguments: ``sys.argv`` of the process.
    """
    by_module = arguments[0].endswith("__main__.py")
    return [python, "-m", "snakemake"] if by_module else [arguments[0]]
