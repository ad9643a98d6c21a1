"""One process at a time holds a lock, and a lock ends with its process."""

import itertools
import subprocess
import sys
import time
from pathlib import Path

import pytest

from diffcredit.locks import exclusive

HOLD = """
import sys, time
from pathlib import Path
sys.path.insert(0, {library!r})
from diffcredit.locks import exclusive
with exclusive(Path(sys.argv[1]), "it") as waited:
    Path(sys.argv[2]).write_text(str(waited))
    time.sleep(float(sys.argv[3]))
    Path(sys.argv[2]).with_suffix(".end").write_text(str(time.time()))
"""
LIBRARY = str(Path(__file__).parents[1] / "workflow_scripts")


def hold(lock: Path, said: Path, seconds: float) -> subprocess.Popen[bytes]:
    program = [sys.executable, "-c", HOLD.format(library=LIBRARY)]
    return subprocess.Popen([*program, str(lock), str(said), str(seconds)])


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert path.exists()


def test_the_second_waits_for_the_first(tmp_path: Path) -> None:
    first = hold(tmp_path / "lock", tmp_path / "first", 1)
    wait_for(tmp_path / "first")
    with exclusive(tmp_path / "lock", "it") as waited:
        assert waited
        assert (tmp_path / "first.end").exists()
    assert first.wait() == 0
    assert not (tmp_path / "lock").exists()


def test_nobody_waits_for_a_process_that_was_killed(tmp_path: Path) -> None:
    process = hold(tmp_path / "lock", tmp_path / "said", 600)
    wait_for(tmp_path / "said")
    process.kill()
    process.wait()
    with exclusive(tmp_path / "lock", "it") as waited:
        assert not waited


def test_never_two_at_a_time(tmp_path: Path) -> None:
    processes = [hold(tmp_path / "lock", tmp_path / f"{n}", 0.05) for n in range(6)]
    assert [process.wait() for process in processes] == [0] * 6
    ends = sorted(float((tmp_path / f"{n}.end").read_text()) for n in range(6))
    assert min(b - a for a, b in itertools.pairwise(ends)) >= 0.05


def test_without_locks_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import errno

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.lockf", refuse)
    with exclusive(tmp_path / "lock", "it") as waited:
        assert not waited
    assert "has no locks" in caplog.text
