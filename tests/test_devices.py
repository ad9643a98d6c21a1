"""A GPU has one holder at a time; a device that does not exist is told."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import torch

from diffcredit import devices
from diffcredit.errors import UserError

LIBRARY = Path(devices.__file__).parents[1]
HOLD = """
import sys, time
from pathlib import Path
from diffcredit.devices import free_gpu

with free_gpu(sys.argv[2:], Path(sys.argv[1]), 0.0) as name:
    print(name, flush=True)
    time.sleep(60)
"""


def hold(folder: Path, *names: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), *names],
        env={**os.environ, "PYTHONPATH": str(LIBRARY)},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What `device` sets for its whole process is set back."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_holders_at_the_same_time_have_distinct_gpus(tmp_path: Path) -> None:
    names = ["0", "1", "2"]
    with (
        devices.free_gpu(names, tmp_path, 0.0) as first,
        devices.free_gpu(names, tmp_path, 0.0) as second,
    ):
        with devices.free_gpu(names, tmp_path, 0.0) as third:
            assert {first, second, third} == set(names)
        with devices.free_gpu(names, tmp_path, 0.0) as again:
            assert again == third


def test_gpu_of_another_process_is_left_alone_until_that_is_killed(tmp_path: Path) -> None:
    other = hold(tmp_path, "0", "1")
    try:
        assert other.stdout is not None
        theirs = other.stdout.readline().strip()
        with devices.free_gpu(["0", "1"], tmp_path, 0.0) as mine:
            assert {theirs, mine} == {"0", "1"}
        other.kill()
        other.wait()
        with devices.free_gpu([theirs], tmp_path, 0.0) as mine:
            assert mine == theirs
    finally:
        other.kill()
        other.communicate()


def test_job_waits_for_a_gpu(tmp_path: Path) -> None:
    holding, release = threading.Event(), threading.Event()

    def hold_for_a_while() -> None:
        with devices.free_gpu(["0"], tmp_path, 0.0):
            holding.set()
            release.wait(10)

    thread = threading.Thread(target=hold_for_a_while)
    thread.start()
    holding.wait(10)
    threading.Timer(0.3, release.set).start()
    began = time.monotonic()
    with devices.free_gpu(["0"], tmp_path, 10.0) as name:
        assert name == "0"
        assert time.monotonic() - began >= 0.25
    thread.join()


def test_wait_ends_with_a_message(tmp_path: Path) -> None:
    with (
        devices.free_gpu(["5"], tmp_path, 0.0),
        pytest.raises(UserError, match=r"no GPU became free in 0 s; visible: 5"),
        devices.free_gpu(["5"], tmp_path, 0.1),
    ):
        pass


def test_failure_inside_the_block_frees_the_gpu(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mine"), devices.free_gpu(["0"], tmp_path, 0.0):
        raise ValueError("mine")
    with devices.free_gpu(["0"], tmp_path, 0.0) as name:
        assert name == "0"


def test_cpu_with_the_threads_asked_for() -> None:
    for threads in (2, 1):
        with devices.device({"device": "cpu"}, threads) as (kind, count):
            assert (kind, count) == ("cpu", 1)
            assert torch.get_num_threads() == threads


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_gpu_where_there_is_none() -> None:
    with pytest.raises(UserError, match="no GPU is visible"), devices.device({"device": "cuda"}, 1):
        pass
    with devices.device({"device": "auto"}, 1) as (kind, _):
        assert kind == "cpu"


def test_job_sees_the_gpus_that_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_visible_gpus", lambda: ["3", "5", "7"])
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with devices.device({"device": "auto"}, 1, gpus=2) as (kind, count):
        assert (kind, count) == ("cuda", 2)
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "3,5"
        with devices.device({"device": "cuda"}, 1, gpus=1) as (_, count):
            assert count == 1
            assert os.environ["CUDA_VISIBLE_DEVICES"] == "7"
    with devices.device({"device": "cuda"}, 1, gpus=8) as (_, count):
        assert count == 3  # fewer than asked for are visible


def test_job_of_a_cluster_takes_what_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another job of the node may call its own GPU 0, too."""
    monkeypatch.setattr(devices, "_visible_gpus", lambda: ["0"])
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    with devices.free_gpu(["0"], tmp_path, 0.0):
        monkeypatch.setenv("SLURM_JOB_ID", "2")
        with devices.device({"device": "auto"}, 1, wait=0.0) as given:
            assert given == ("cuda", 1)


def test_jobs_within_one_allocation_of_a_cluster_share_its_gpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "_visible_gpus", lambda: ["0", "1"])
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    with devices.free_gpu(["0"], tmp_path, 0.0), devices.device({"device": "auto"}, 1, wait=0.0):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "1"


def test_jobs_share_gpus_evenly(tmp_path: Path) -> None:
    with ExitStack() as held:
        taken = [
            held.enter_context(devices.free_gpu(["0", "1"], tmp_path, 0.0, jobs=2))
            for _ in range(4)
        ]
        assert taken == ["0", "1", "0", "1"]
        with (
            pytest.raises(UserError, match="jobs_per_gpu"),
            devices.free_gpu(["0", "1"], tmp_path, 0.0, jobs=2),
        ):
            pass
