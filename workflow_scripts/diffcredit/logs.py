"""What a job tells: its log file, its progress, and one clear message when it fails."""

import logging
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from diffcredit.errors import UserError

logger = logging.getLogger("diffcredit")


@contextmanager
def job(log: str | Path, label: str) -> Iterator[None]:
    """Run a block as the job ``label``: log to a file and to stderr, fail without a traceback.

    A `UserError` ends the process with exit status 1 and its message alone; any other exception
    is a defect of the program, whose traceback goes into the log file.
    """
    _configure(Path(log))
    start = time.monotonic()
    logger.info("%s: started", label)
    try:
        yield
    except UserError as error:
        logger.error("%s: %s", label, error)
        sys.exit(1)
    except Exception as error:
        logger.error(
            "%s failed: %s: %s\n    Hint: a defect, of diffcredit or of what was added: see %s",
            label,
            type(error).__name__,
            error,
            log,
        )
        logger.debug("traceback", exc_info=True)
        sys.exit(1)
    logger.info("%s: done in %.1f s", label, time.monotonic() - start)


def _configure(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    to_file, to_terminal = logging.FileHandler(log, mode="w"), logging.StreamHandler()
    to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%F %T"))
    to_terminal.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    to_terminal.setLevel(logging.INFO)
    logger.setLevel(logging.DEBUG)
    logger.addHandler(to_file)
    logger.addHandler(to_terminal)


def failures(folder: str | Path, since: float) -> list[str]:
    """What the jobs said that failed: the errors in the logs of a folder written after ``since``.

    Args:
        folder: of log files, searched with its subfolders.
        since: seconds since the epoch; older logs are of earlier runs.
    """
    found = []
    for log in sorted(Path(folder).rglob("*.log")):
        if log.stat().st_mtime >= since:
            _, error, message = log.read_text().partition(" ERROR ")
            if error:
                found.append(re.split(r"\n\d{4}-\d\d-\d\d ", message)[0].strip())
    return found


class Progress:
    """Tells now and then what is done, what is left and how long that may take.

    Jobs run side by side and their output is often a file, so it prints lines, not a moving bar.
    """

    def __init__(self, label: str, total: int, unit: str, done: int = 0, every: float = 15.0):
        self.label, self.total, self.unit, self.every = label, total, unit, every
        self.first = self.done = done
        self.start = self.told = time.monotonic()

    def advance(self) -> None:
        """One more is done."""
        self.done += 1
        now = time.monotonic()
        if now - self.told >= self.every and self.done < self.total:
            self.told = now
            logger.info(
                "%s",
                tqdm.format_meter(
                    self.done,
                    self.total,
                    now - self.start,
                    prefix=self.label,
                    unit=" " + self.unit,
                    initial=self.first,
                    ncols=90,
                    ascii=True,
                ),
            )
