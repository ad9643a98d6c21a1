"""What a run shows on the terminal of its failures."""

import logging
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from diffcredit.terminal import Rewording, Watch, follow, signal_name

SCRIPT = "CalledProcessError in file \"rules/data.smk\", line 9:\nCommand 'x/scripts/y.py' "


def said(message: str, event: str | None = None, **facts: object) -> logging.LogRecord:
    """A record as Snakemake makes them."""
    record = logging.LogRecord("snakemake.logging", logging.ERROR, "", 0, message, None, None)
    record.__dict__.update({"event": event} if event else {}, **facts)
    return record


def failed(
    watch: Watch, number: int, rule: str, log: Path, how: str = f"{SCRIPT}returned 1"
) -> None:
    watch.emit(said(how, "error"))
    facts = {"jobid": number, "rule_name": rule, "log": [str(log)], "rule_msg": None}
    watch.emit(said("", "job_error", **facts))


def log_of(folder: Path, label: str, *lines: str) -> Path:
    log = folder / f"{label}.log"
    told = [f"INFO {label}: started", *lines]
    log.write_text("".join(f"2026-01-01 00:00:00 {line}\n" for line in told))
    return log


def test_each_failure_is_told_once_with_its_log(tmp_path: Path) -> None:
    watch = Watch()
    for number, name in enumerate(("score a", "score b")):
        failed(watch, number, "score", log_of(tmp_path, name, f"ERROR {name}: no images"))
    failed(watch, 2, "data", log_of(tmp_path, "data", "ERROR data: no folder"))
    told = watch.summary(0)
    assert told.startswith("diffcredit stopped: 3 jobs failed.")
    assert told.count("no images") == 1
    assert f"score a and 1 more job: no images\n    Log: {tmp_path}/score a.log" in told
    assert f"data: no folder\n    Log: {tmp_path}/data.log" in told
    assert "Once that is mended, run the same command to continue." in told


TOLD_AT_THE_END = "Exiting because a job execution failed. Look above for error messages"

KILLS = {
    "memory": (f"{SCRIPT}died with <Signals.SIGKILL: 9>.", "memory ran out, most likely"),
    "memory, of a shell": (f"{SCRIPT}returned non-zero exit status 137.", "memory ran out"),
    "crash": (f"{SCRIPT}died with <Signals.SIGSEGV: 11>.", "SIGSEGV"),
    "without a word": (f"{SCRIPT}returned non-zero exit status 1.", "without a message"),
    "of Snakemake": ("MissingOutputException in rule data: it is missing", "it is missing"),
}


@pytest.mark.parametrize("case", KILLS)
def test_job_that_could_say_nothing_has_a_reason(case: str, tmp_path: Path) -> None:
    how, expected = KILLS[case]
    watch = Watch()
    failed(watch, 1, "full", log_of(tmp_path, "full"), how)
    assert expected in watch.summary(0)
    assert "full: " in watch.summary(0)


def test_job_that_is_done_at_its_second_attempt_has_not_failed(tmp_path: Path) -> None:
    watch = Watch()
    failed(watch, 1, "full", log_of(tmp_path, "full"))
    watch.emit(said("", "job_finished", job_id=1))
    assert watch.failed == {}


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_what_a_user_stopped_is_no_failure(name: str, tmp_path: Path) -> None:
    watch = Watch()
    watch.emit(said("Terminating processes on user request, this might take some time."))
    failed(watch, 1, "full", log_of(tmp_path, "full"), f"{SCRIPT}died with <Signals.{name}: 1>.")
    assert watch.summary(0) == (
        "diffcredit stopped: the run was interrupted.\n"
        "What is done is kept. Run the same command to continue."
    )


def test_what_stops_a_run_is_noted_although_it_is_reworded(tmp_path: Path) -> None:
    """After SIGTERM to all processes Snakemake says that it finishes the jobs; they end at once."""
    followed = logging.Logger("snakemake.logging")
    followed.addHandler(logging.NullHandler())
    watch = Watch()
    follow(followed, watch, ["snakemake", "--unlock"])
    followed.handle(said("Will exit after finishing currently running jobs (scheduler)."))
    failed(watch, 1, "full", log_of(tmp_path, "full"), f"{SCRIPT}died with <Signals.SIGTERM: 15>.")
    assert watch.summary(0).startswith("diffcredit stopped: the run was interrupted.")


def test_signals_are_known_by_their_names_and_their_exit_status() -> None:
    for each in (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV):
        assert signal_name(f"died with <Signals.{each.name}: {int(each)}>") == each.name
        assert signal_name(f"returned non-zero exit status {128 + each}.") == each.name
    assert signal_name("returned non-zero exit status 1.") == ""


SHOWN: dict[str, tuple[logging.LogRecord, str | None]] = {
    "a failed script": (said(f"{SCRIPT}returned 1"), None),
    "its job": (said("Error in rule data", "job_error"), None),
    "what is told at the end": (said(TOLD_AT_THE_END), None),
    "a lock": (said("LockException:\nDirectory cannot be locked."), "snakemake --unlock"),
    "news": (said("Something else"), "Something else"),
}


@pytest.mark.parametrize("case", SHOWN)
def test_snakemake_says_what_the_summary_does_not(case: str) -> None:
    record, expected = SHOWN[case]
    shown = Rewording(["snakemake", "--unlock"]).filter(record)
    assert shown == (expected is not None)
    assert expected is None or expected in record.msg


def test_a_run_with_nothing_to_do_still_tells_its_results() -> None:
    told: list[bool] = []
    tell: Callable[[], None] = lambda: told.append(True)  # noqa: E731
    Watch(tell).emit(said("Nothing to be done (all requested files are present and up to date)."))
    assert told == [True]


@pytest.mark.parametrize(
    ("said", "called"),
    [
        ("Terminating processes on user request, this might take some time.", 1),
        ("Will exit after finishing currently running jobs (scheduler).", 0),
        ("Shutting down, this might take some time.", 0),
    ],
)
def test_further_interrupts_are_ignored_only_where_jobs_are_interrupted(
    said: str, called: int
) -> None:
    calls: list[int] = []
    watch = Watch(terminating=lambda: calls.append(1))
    watch.emit(logging.LogRecord("snakemake", logging.INFO, "", 0, said, None, None))
    assert len(calls) == called
