"""What earlier tries of a job have warned of is told again by the one that goes on."""

import logging
from pathlib import Path

import pytest

from diffcredit.earlier_warnings import repeated
from diffcredit.logs import logger


def attempt(path: Path, identity: str, *warnings: str, fails: bool = False) -> None:
    with repeated(path, identity):
        for warning in warnings:
            logger.warning("%s", warning)
        if fails:
            raise KeyboardInterrupt


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "diffcredit")
    return caplog


@pytest.mark.parametrize(
    ("tries", "expected"),
    [
        ([["a"]], ["a"]),
        ([["a"], []], ["a"]),
        ([["a"], ["b"]], ["a", "b"]),
        ([["a"], ["b"], ["c"]], ["a", "b", "c"]),
        ([["a"], ["a"]], ["a"]),
        ([[], []], []),
    ],
)
def test_the_last_try_tells_all(
    tmp_path: Path, told: pytest.LogCaptureFixture, tries: list[list[str]], expected: list[str]
) -> None:
    path = tmp_path / "kept" / "warnings"
    for warnings in tries[:-1]:
        with pytest.raises(KeyboardInterrupt):
            attempt(path, "one", *warnings, fails=True)
    told.clear()
    attempt(path, "one", *tries[-1])
    assert list(dict.fromkeys(record.message for record in told.records)) == expected
    assert not path.exists()


def test_those_of_another_thing_are_forgotten(
    tmp_path: Path, told: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "warnings"
    with pytest.raises(KeyboardInterrupt):
        attempt(path, "one", "a", fails=True)
    told.clear()
    attempt(path, "another", "b")
    assert [record.message for record in told.records] == ["b"]


def test_a_kill_keeps_them(tmp_path: Path) -> None:
    """They are in the file as soon as they are told."""
    path = tmp_path / "warnings"
    with repeated(path, "one"):
        logger.warning("a")
        assert "a" in path.read_text()


def test_a_broken_file_is_none(tmp_path: Path, told: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "warnings"
    path.write_text("{")
    attempt(path, "one")
    assert told.records == []
