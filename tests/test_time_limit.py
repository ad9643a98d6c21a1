"""A job of a cluster stops by itself before its time is over, with its work saved."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from diffcredit import time_limit
from diffcredit.jobs import job
from diffcredit.slurm import seconds
from diffcredit.time_limit import TimeIsUp, notice


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("0:07", 7),
        ("1:00", 60),
        ("12:34", 754),
        ("1:00:00", 3600),
        ("23:59:59", 86399),
        ("1-00:00:00", 86400),
        ("10-02:03:04", 10 * 86400 + 2 * 3600 + 3 * 60 + 4),
        ("UNLIMITED", None),
        ("NOT_SET", None),
        ("INVALID", None),
        ("", None),
    ],
)
def test_times_as_slurm_writes_them(written: str, expected: float | None) -> None:
    assert seconds(written) == expected


@pytest.mark.parametrize(("left", "expected"), [(30, 15), (600, 60), (7200, 300), (86400, 300)])
def test_notice_is_a_tenth_of_the_time_within_bounds(left: float, expected: float) -> None:
    assert notice(left) == expected


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Commands of a SLURM that grants ten seconds more than the notice; returns their log."""
    log, commands = tmp_path / "asked", tmp_path / "commands"
    commands.mkdir()
    (commands / "squeue").write_text(f"#!/bin/sh\necho squeue $* >> {log}\necho 0:14\n")
    (commands / "scontrol").write_text(f"#!/bin/sh\necho scontrol $* >> {log}\nexit $REFUSES\n")
    for path in commands.iterdir():
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}:/usr/bin:/bin")
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    monkeypatch.setenv("REFUSES", "0")
    monkeypatch.setattr(time_limit, "_END", 0.0)
    time_limit._deadline.cache_clear()
    yield log
    time_limit._deadline.cache_clear()


def test_without_a_cluster_the_time_is_never_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    time_limit._deadline.cache_clear()
    time_limit.stop_if_near()


def test_cluster_is_asked_once(slurm: Path) -> None:
    for _ in range(3):
        assert time_limit.is_near()
    assert slurm.read_text().count("squeue --noheader --jobs 17") == 1


def test_cluster_that_does_not_answer_has_no_limit(
    slurm: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not time_limit.is_near()


def run(snakemake: SimpleNamespace) -> None:
    with job(snakemake, "training"):
        raise TimeIsUp


@pytest.fixture
def snakemake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    monkeypatch.chdir(tmp_path)
    plan = {"identity": "one", "reads": {}, "code": {}}
    return SimpleNamespace(
        params=SimpleNamespace(plan=plan),
        log=["job.log"],
        input={},
        output=["models"],
        config={"extensions": []},
    )


@pytest.mark.parametrize("refuses", ["0", "1"])
def test_job_is_queued_again(
    slurm: Path, snakemake: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, refuses: str
) -> None:
    """Where SLURM takes it, it ends the job; else the job fails, and says that its work is kept."""
    monkeypatch.setenv("REFUSES", refuses)
    with pytest.raises(SystemExit) as ended:
        run(snakemake)
    assert ended.value.code == 1
    assert "scontrol requeue 17" in slurm.read_text()
    log = Path("job.log").read_text()
    assert "its time limit is near: saved, to go on in its next try" in log
    assert "run the same command again" in log
    assert ("SLURM does not queue job 17 again" in log) == (refuses == "1")
    assert not list(Path(".snakemake").rglob("locks/*"))
