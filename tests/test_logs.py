"""What jobs tell, in their logs and when they fail."""

import errno
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from diffcredit.errors import UserError
from diffcredit.logs import LastWords, hint, job, last_words, logger, warned


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = list(logger.handlers)
    yield
    for handler in [h for h in logger.handlers if h not in before]:
        handler.close()
        logger.removeHandler(handler)


def test_mistake_of_the_user_is_one_message_without_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "logs" / "data.log"
    with pytest.raises(SystemExit) as stopped, job(log, "data"):
        raise UserError("pictures/1.png cannot be read\n    Hint: replace it")
    assert stopped.value.code == 1
    told = capsys.readouterr().err
    assert "data: failed; see " in told
    assert "cannot be read" not in told, "the run tells it, once"
    assert "Traceback" not in told + log.read_text()
    error = "pictures/1.png cannot be read\n    Hint: replace it"
    assert last_words(log, 0) == LastWords("data", error)


def test_defect_keeps_its_traceback_in_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "data.log"
    with pytest.raises(SystemExit), job(log, "data"):
        raise ZeroDivisionError("by zero")
    assert "Traceback" not in capsys.readouterr().err
    assert "Traceback" in log.read_text()
    told = last_words(log, 0).error
    assert told.startswith("failed: ZeroDivisionError: by zero")
    assert "Traceback" not in told


REFUSED = {
    "full disk": (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "disk is full"),
    "full disk, as a library says it": (
        RuntimeError(f"I/O error: {os.strerror(errno.ENOSPC)} (os error 28)"),
        "disk is full",
    ),
    "quota": (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), "quota"),
    "read-only": (OSError(errno.EROFS, os.strerror(errno.EROFS)), "can only be read"),
    "permission": (PermissionError(errno.EACCES, os.strerror(errno.EACCES)), "permissions"),
    "memory": (MemoryError(), "memory ran out"),
    "package": (ModuleNotFoundError("No module named 'torch'"), "envs/requirements.txt"),
    "defect": (KeyError("x"), "a defect"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_system_refuses_is_no_defect(case: str) -> None:
    error, advice = REFUSED[case]
    assert advice in hint(error)


def test_last_words_are_those_of_this_run(tmp_path: Path) -> None:
    with job(tmp_path / "fine.log", "fine"):
        logger.log(logging.INFO, "all is well")
    assert last_words(tmp_path / "fine.log", 0) == LastWords("fine", done=True)
    old = tmp_path / "old.log"
    old.write_text("2026-01-01 00:00:00 ERROR old\n")
    assert last_words(old, old.stat().st_mtime + 1) == LastWords()
    assert last_words(tmp_path / "never_ran.log", 0) == LastWords()


def test_interrupted_job_says_so(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stopped, job(tmp_path / "full.log", "full"):
        raise KeyboardInterrupt
    assert stopped.value.code == 130
    assert last_words(tmp_path / "full.log", 0) == LastWords("full", interrupted=True)


def written(folder: Path, name: str, *told: tuple[int, str]) -> Path:
    """The log of a job that tells messages of some levels."""
    log = folder / f"{name.replace(' ', '_')}.log"
    with job(log, name):
        for level, message in told:
            logger.log(level, "%s", message)
    for handler in list(logger.handlers):
        handler.close()
        logger.removeHandler(handler)
    return log


def test_warnings_last_with_the_names_of_their_jobs(tmp_path: Path) -> None:
    first = written(tmp_path, "score a", (logging.WARNING, "few images"), (logging.INFO, "fine"))
    second = written(
        tmp_path,
        "score b",
        (logging.WARNING, "few images"),
        (logging.WARNING, "blank images\n  Hint: train longer"),
    )
    quiet = written(tmp_path, "score c", (logging.INFO, "WARNING is a word"))
    written(tmp_path, "of another configuration", (logging.WARNING, "not asked for"))
    assert warned([first, second, quiet, tmp_path / "never_ran.log"]) == [
        "score a and 1 more job: few images",
        "score b: blank images\n  Hint: train longer",
    ]


def test_warnings_of_an_earlier_run_of_the_job_are_gone(tmp_path: Path) -> None:
    written(tmp_path, "data", (logging.WARNING, "old"))
    assert warned([written(tmp_path, "data", (logging.WARNING, "new"))]) == ["data: new"]
    assert warned([written(tmp_path, "data")]) == []


def _warn_and_fail() -> None:
    logger.warning("few coalitions")
    raise UserError("too few")


def test_a_job_that_failed_keeps_its_warnings(tmp_path: Path) -> None:
    log = tmp_path / "lds.log"
    with pytest.raises(SystemExit), job(log, "lds"):
        _warn_and_fail()
    assert warned([log]) == ["lds: few coalitions"]


FORGED = {
    "a record": "x\n2026-01-01 00:00:00 ERROR forged",
    "a warning": "x\n2026-01-01 00:00:00 WARNING forged",
    "a command": "x\x1b[2J\x1b[31m",
    "a return": "x\roverwritten",
    "an override": "x\u202egnp.exe",
    "a null": "x\x00",
    "undecodable": "x\udc80",
}


@pytest.mark.parametrize("name", FORGED)
def test_names_in_messages_forge_nothing(
    tmp_path: Path,
    name: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # What cannot be encoded must not reach pytest's own capture, whose reports are encoded. Set
    # here: pytest follows loggers that do not propagate when a test begins.
    monkeypatch.setattr(logger, "propagate", False)
    log = written(tmp_path, "data", (logging.INFO, FORGED[name]))
    assert warned([log]) == []
    assert last_words(log, 0).error == ""
    text = log.read_bytes().decode() + capsys.readouterr().err
    assert not {"\x1b", "\r", "\u202e", "\x00"} & set(text)
