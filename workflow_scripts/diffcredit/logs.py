"""What a job tells: its log file, its progress, its warnings, and one clear message when it fails.

A log file begins anew with its job, so the warnings in it are those of the results that are there.
"""

import errno
import logging
import os
import re
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from diffcredit.errors import UserError
from diffcredit.text import shown

logger = logging.getLogger("diffcredit")

#: What the system refuses a program that has done nothing wrong, and what helps.
REFUSALS = {
    errno.ENOSPC: "the disk is full: free some space, then run the same command again",
    errno.EDQUOT: "your disk quota is used up: free some space, then run the same command again",
    errno.EROFS: "the folder can only be read: run in one that you may write to",
    errno.EACCES: "you may not do this: check who owns the file, and its permissions",
    errno.EMFILE: "too many files are open: run fewer jobs at once, as --cores 1 does",
    errno.ENOMEM: "memory ran out: run fewer jobs at once, as --cores 1 does",
}


@contextmanager
def job(log: str | Path, label: str) -> Iterator[None]:
    """Run a block as the job ``label``: log to a file and to stderr, fail without a traceback.

    A job that fails ends the process with exit status 1. Its message goes into the log file alone:
    the run tells the messages of all failed jobs at its end (see `terminal`). A `UserError` is told
    as it is. Any other exception is a defect of the program, unless the system refused something;
    the traceback is in the log file, too.
    """
    _configure(Path(log))
    start = time.monotonic()
    logger.info("%s: started", label)
    try:
        yield
    except UserError as error:
        logger.error("%s: %s", label, error)
        logger.info("%s: failed; see %s", label, log)
        sys.exit(1)
    except KeyboardInterrupt:
        logger.info("%s: interrupted after %.1f s", label, time.monotonic() - start)
        sys.exit(130)
    except Exception as error:
        logger.error(
            "%s: failed: %s: %s\n    Hint: %s", label, type(error).__name__, error, hint(error)
        )
        logger.debug("traceback", exc_info=True)
        logger.info("%s: failed; see %s", label, log)
        sys.exit(1)
    logger.info("%s: done in %.1f s, %d MB", label, time.monotonic() - start, _most_memory())


def _most_memory() -> int:
    """MB of memory that this process has used at most."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts kB, macOS bytes.
    return used // (1000 if sys.platform != "darwin" else 1_000_000)


def hint(error: Exception) -> str:
    """What helps against an exception that is no `UserError`."""
    for number, advice in REFUSALS.items():
        # Libraries hand on what the system says as text.
        if getattr(error, "errno", None) == number or os.strerror(number) in str(error):
            return advice
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return (
            "memory ran out: lower training.batch_size or sampling.batch_size, or run fewer jobs "
            "at once"
        )
    if isinstance(error, ImportError):
        return (
            f"{sys.executable} lacks a package, or has another version of it: install "
            "envs/requirements.txt"
        )
    return "a defect, of diffcredit or of what was added; its traceback is in the log"


def _configure(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    to_file, to_terminal = _LogFile(log, mode="w"), logging.StreamHandler()
    to_file.setFormatter(_Literal("%(asctime)s %(levelname)s %(message)s", "%F %T"))
    to_terminal.setFormatter(_Literal("%(asctime)s %(message)s", "%H:%M:%S"))
    to_terminal.setLevel(logging.INFO)
    # The run tells errors, by the log files.
    to_terminal.addFilter(lambda record: record.levelno < logging.ERROR or to_file.failed)
    logger.setLevel(logging.DEBUG)
    logger.addHandler(to_file)
    logger.addHandler(to_terminal)


@contextmanager
def each_warning(take: Callable[[str], None]) -> Iterator[None]:
    """Hand on the message of each warning within the block, too."""
    handler = _Messages(take)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _Messages(logging.Handler):
    """Hands on the messages of warnings."""

    def __init__(self, take: Callable[[str], None]):
        super().__init__(logging.WARNING)
        self.take = take

    def emit(self, record: logging.LogRecord) -> None:
        """Take a message; errors end the job, and are told otherwise."""
        if record.levelno == logging.WARNING:
            self.take(record.getMessage())


class _LogFile(logging.FileHandler):
    """A log file; ``failed`` says that something could not be written, as on a full disk."""

    failed = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Remember it, instead of a traceback for each message."""
        self.failed = True


class _Literal(logging.Formatter):
    """Escapes what would command a terminal; no line but the first looks like a record's."""

    def format(self, record: logging.LogRecord) -> str:
        """The record, with its further lines indented."""
        first, *more = shown(super().format(record), keep="\n\t").split("\n")
        return "\n".join(
            [first, *(line if line[:1] in ("", " ") else f"  {line}" for line in more)]
        )


#: How a record begins in a log file: its time and level.
RECORD = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ([A-Z]+) ", re.MULTILINE)


def warned(logs: Iterable[str | Path]) -> list[str]:
    """The warnings of jobs, each after the name of its job; equal ones of many jobs once.

    Args:
        logs: their log files; missing ones are of jobs that have not run.
    """
    jobs: dict[str, list[str]] = {}
    for log in map(Path, logs):
        if not log.is_file():
            continue
        records = _records(log)
        name = records[0][1].partition(": started")[0] if records else log.stem
        for level, message in records:
            if level == "WARNING":
                jobs.setdefault(message.strip(), []).append(name)
    return [f"{_named(names)}: {message}" for message, names in jobs.items()]


def _records(log: Path) -> list[tuple[str, str]]:
    """Level and message of each record of a log file."""
    _, *parts = RECORD.split(log.read_text(errors="replace"))
    return list(zip(parts[::2], parts[1::2], strict=True))


def _named(names: list[str]) -> str:
    more = len(set(names)) - 1
    return names[0] + (f" and {more} more {'job' if more == 1 else 'jobs'}" if more else "")


@dataclass(frozen=True)
class LastWords:
    """What the log of a job says of its end.

    Attributes:
        label: name of the job; "" where it told none.
        error: its error message, without the label; "" where it told none.
        interrupted: whether the user interrupted it.
        done: whether it came to its end.
    """

    label: str = ""
    error: str = ""
    interrupted: bool = False
    done: bool = False


def last_words(log: str | Path, since: float) -> LastWords:
    """How a job ended, by its log.

    Args:
        log: its log file.
        since: seconds since the epoch; an older log is of an earlier run.
    """
    log = Path(log)
    if not log.is_file() or log.stat().st_mtime < since:
        return LastWords()
    records = _records(log)
    label = records[0][1].partition(": started")[0] if records else ""
    errors = [
        message.strip().removeprefix(f"{label}: ") for lvl, message in records if lvl == "ERROR"
    ]
    ends = [message.removeprefix(label) for level, message in records if level == "INFO"]
    return LastWords(
        label,
        errors[0] if errors else "",
        any(end.startswith(": interrupted after ") for end in ends),
        any(end.startswith(": done in ") for end in ends),
    )


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
