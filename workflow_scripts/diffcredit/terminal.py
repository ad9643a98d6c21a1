"""What a run shows on the terminal: each failure once, at the end, where nothing scrolls it away.

Snakemake tells of a failed script by its command and by the files of its rule, which says nothing
to a user. Its records are known by their words: the library does not import it.
"""

import logging
import re
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from diffcredit import slurm
from diffcredit.logs import REFUSALS, LastWords, last_words

#: Parts of records of Snakemake that say no more than the summary at the end.
_TOLD_AT_THE_END = (
    "Exiting because a job execution failed. Look above for error messages",
    "At least one job did not complete successfully.",
)
#: How Snakemake begins to tell that a user or a system asks it to stop.
_FINISHING = "Will exit after finishing currently running jobs"
_TERMINATING = "Terminating processes on user request"
#: Signals by which a user or a system asks a job to end.
_ASKED = ("SIGINT", "SIGTERM", "SIGHUP")
KILLED = (
    "memory ran out, most likely: run fewer jobs at once, as --cores 1 does, or lower "
    "training.batch_size or sampling.batch_size"
)


@dataclass(frozen=True)
class FailedJob:
    """A job that Snakemake gave up.

    Attributes:
        rule: name of its rule.
        logs: its log files; the first one is its own, others are of a cluster.
        signal: name of the signal that ended its process, such as SIGKILL; "" for none.
        said: what a cluster, or Snakemake itself, says of the failure.
    """

    rule: str
    logs: tuple[str, ...] = ()
    signal: str = ""
    said: str = ""

    @property
    def named(self) -> str:
        """A name for a job that has not told its own."""
        return " ".join([self.rule, *[Path(log).stem for log in self.logs[:1]]])


class Watch(logging.Handler):
    """Follows what Snakemake says of a run.

    Attributes:
        nothing_to_do: called where everything is there already; Snakemake ends such a run at once.
        terminating: called where a user interrupts the run, and Snakemake waits for its jobs.
        failed: the jobs that have failed and have not been done since, by their numbers.
        stopped: whether a user or a system has asked the run to stop.
    """

    def __init__(
        self,
        nothing_to_do: Callable[[], None] = lambda: None,
        terminating: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__()
        self.nothing_to_do, self.terminating = nothing_to_do, terminating
        self.failed: dict[int, FailedJob] = {}
        self.stopped = False
        # An exception is told before its job, by the same thread.
        self._exceptions: dict[int | None, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Take note of a record."""
        event, message = str(getattr(record, "event", "")), str(record.msg)
        facts = vars(record)
        if event == "error":
            self._exceptions[record.thread] = message
        elif event == "job_error":
            said = self._exceptions.pop(record.thread, "")
            self.failed[facts["jobid"]] = FailedJob(
                facts["rule_name"],
                tuple(facts["log"]),
                signal_name(said),
                "" if is_failed_script(said) else facts["rule_msg"] or said,
            )
        elif event == "job_finished":
            self.failed.pop(facts["job_id"], None)
        elif message.startswith(_FINISHING):
            self.stopped = True
        elif message.startswith(_TERMINATING):
            self.stopped = True
            self.terminating()
        elif message.startswith("Nothing to be done"):
            self.nothing_to_do()

    def summary(self, since: float) -> str:
        """What stopped a run: the message and the log of each failed job, equal messages once.

        Args:
            since: when the run started, in seconds since the epoch.
        """
        told: dict[str, list[tuple[str, FailedJob]]] = {}
        for job in self.failed.values():
            words = last_words(job.logs[0], since) if job.logs else LastWords()
            asked = words.interrupted or (self.stopped and job.signal in _ASKED)
            if not asked:
                told.setdefault(_reason(job, words), []).append((words.label or job.named, job))
        count = sum(map(len, told.values()))
        why = [f"{count} {'job' if count == 1 else 'jobs'} failed"] if count else []
        why += ["the run was interrupted"] if self.stopped or not count else []
        lines = [f"diffcredit stopped: {', and '.join(why)}."]
        lines += [_message(reason, jobs) for reason, jobs in told.items()]
        return "\n".join([*lines, _mended(count > 0)])


def _mended(failed: bool) -> str:
    again = "Once that is mended, run" if failed else "Run"
    return f"What is done is kept. {again} the same command to continue."


def _reason(job: FailedJob, words: LastWords) -> str:
    """Why a job failed: by itself, else by what ended it."""
    if words.error:
        return words.error
    if ended := slurm.ended(job.said, job.rule, _cluster_log(job)):
        return ended
    if job.signal:
        hint = f"\n    Hint: {KILLED}" if job.signal == "SIGKILL" else ""
        return f"the system ended it ({job.signal}) before it could say why{hint}"
    if job.said:
        return job.said
    return "it ended without a message; what it printed is above"


def _cluster_log(job: FailedJob) -> str:
    """What a cluster wrote about a job."""
    logs = [Path(log) for log in job.logs[1:]]
    return "\n".join(log.read_text(errors="replace") for log in logs if log.is_file())


def _message(reason: str, jobs: Sequence[tuple[str, FailedJob]]) -> str:
    """One message for the jobs that failed for one reason."""
    (label, first), more = jobs[0], len(jobs) - 1
    name = label + (f" and {more} more {'job' if more == 1 else 'jobs'}" if more else "")
    logs = [log for log in first.logs if Path(log).exists()]
    return f"\n{name}: {reason}" + f"\n    Log: {', '.join(logs)}" * bool(logs) + "\n"


def is_failed_script(message: str) -> bool:
    """Whether Snakemake says no more than that a script ended with a failure."""
    return "CalledProcessError in file" in message and "/scripts/" in message


def _refusal(message: str) -> str:
    """What the system refused Snakemake itself, and what helps; "" where it is none of that."""
    for number, advice in REFUSALS.items():
        if found := re.search(rf"\[Errno {number}\] .*", message):
            return f"Snakemake cannot go on: {found[0]}\n    Hint: {advice}"
    return ""


def signal_name(message: str) -> str:
    """The signal that ended a command, by what Snakemake says of its failure; "" for none."""
    found = re.search(r"died with <Signals\.(SIG\w+)", message)
    if found:
        return found[1]
    status = re.search(r"returned non-zero exit status (\d+)", message)
    # A shell adds 128 to the number of the signal.
    number = int(status[1]) - 128 if status else 0
    return signal.Signals(number).name if number in set(signal.Signals) else ""


class Rewording(logging.Filter):
    """Leaves out records of Snakemake that the summary tells, and says others in our words.

    Args:
        unlock: the command that unlocks the folder.
    """

    def __init__(self, unlock: Sequence[str]):
        super().__init__()
        self.unlock = shlex.join(unlock)
        self.stopping = False

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is shown."""
        message = str(record.msg)
        if str(getattr(record, "event", "")) in ("job_error", "group_error"):
            return False
        if message.startswith(_FINISHING):
            # Told again whenever one of them is finished.
            first, self.stopping = not self.stopping, True
            record.msg = "Asked to stop: jobs that run are finished, and no others begin."
            return first
        if refused := _refusal(message):
            record.msg = refused
        if message.startswith("LockException"):
            record.msg = (
                "Another run works in this folder, or one was killed here.\n"
                f"    Hint: wait for the other one to end; where there is none: {self.unlock}"
            )
        if "marked for report but does not exist" in message:
            record.msg = (
                "The results that the report shows are not all there yet.\n"
                "    Hint: run the same command with --report-after-run"
            )
        return not is_failed_script(message) and not any(t in message for t in _TOLD_AT_THE_END)


def follow(snakemake: logging.Logger, watch: Watch, unlock: Sequence[str]) -> None:
    """Follow and reword what the logger of Snakemake tells of this run."""
    # A log that cannot be written, as on a full disk, has no traceback for each message.
    logging.raiseExceptions = False
    for handler in snakemake.handlers:
        handler.addFilter(Rewording(unlock))
    # Before the others, which change the words of a record.
    snakemake.handlers.insert(0, watch)


def ignore_interrupts() -> None:
    """Take no second Ctrl-C: jobs get each, but it would only hide from the run how they ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def quiet_interrupt() -> None:
    """End the program without a traceback where the user interrupts it outside of jobs."""
    before = sys.excepthook

    def tell(
        kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            print(f"\nInterrupted. {_mended(failed=False)}", file=sys.stderr)  # noqa: T201
        else:
            before(kind, error, traceback)

    sys.excepthook = tell
