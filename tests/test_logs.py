"""What jobs tell, in their logs and when they fail."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from diffcredit.errors import UserError
from diffcredit.logs import failures, job, logger


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
    assert "data: pictures/1.png cannot be read\n    Hint: replace it" in told
    assert "Traceback" not in told + log.read_text()
    assert failures(log.parent, 0) == ["data: pictures/1.png cannot be read\n    Hint: replace it"]


def test_defect_keeps_its_traceback_in_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "data.log"
    with pytest.raises(SystemExit), job(log, "data"):
        raise ZeroDivisionError("by zero")
    assert "Traceback" not in capsys.readouterr().err
    assert "Traceback" in log.read_text()
    (told,) = failures(tmp_path, 0)
    assert told.startswith("data failed: ZeroDivisionError: by zero")
    assert "Traceback" not in told


def test_logs_of_earlier_runs_and_of_finished_jobs_are_no_failures(tmp_path: Path) -> None:
    with job(tmp_path / "fine.log", "fine"):
        logger.log(logging.INFO, "all is well")
    (tmp_path / "old.log").write_text("2026-01-01 00:00:00 ERROR old\n")
    assert failures(tmp_path, (tmp_path / "old.log").stat().st_mtime + 1) == []
