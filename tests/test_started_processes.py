"""How processes are started: the environment of jobs, and the path of Python in commands."""

import shlex
import sys
from pathlib import Path

import pytest

from diffcredit.processes import keep_freed_memory, program, quote_python


def test_memory_is_kept_unless_the_user_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {"HOME": "/"}
    monkeypatch.setattr("os.environ", environment)
    keep_freed_memory()
    assert environment["MALLOC_MMAP_MAX_"] == "0"
    chosen = {"MALLOC_TRIM_THRESHOLD_": "7"}
    monkeypatch.setattr("os.environ", chosen)
    keep_freed_memory()
    assert chosen == {"MALLOC_TRIM_THRESHOLD_": "7"}


def test_python_with_signs_that_shells_read_is_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "my $HOME" / "python"
    place.parent.mkdir()
    place.touch()
    monkeypatch.setattr(sys, "executable", str(place))
    assert quote_python() == str(place)
    assert shlex.split(sys.executable) == [str(place)]
    # Read again, as in a process that Snakemake forks: not quoted twice.
    assert quote_python() == sys.executable
    assert shlex.split(sys.executable) == [str(place)]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["/x/snakemake/__main__.py", "-n"], ["/x/python", "-m", "snakemake"]),
        ([".venv/bin/snakemake", "-n"], [".venv/bin/snakemake"]),
    ],
)
def test_program(arguments: list[str], expected: list[str]) -> None:
    assert program("/x/python", arguments) == expected
