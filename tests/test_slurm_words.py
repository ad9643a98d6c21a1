"""What SLURM says before jobs are submitted and after they ended, in words."""

import math
from collections.abc import Sequence

import pytest

from diffcredit import slurm

SINFO = "main*|1-00:00:00|16000\nbrief|10:00|8000\nbig|infinite|512000+\n"


@pytest.mark.parametrize(
    ("partitions", "minutes", "memory"),
    [
        ([], 1440, 16000),
        (["brief"], 10, 8000),
        (["main", "brief"], 10, 8000),
        (["big"], math.inf, math.inf),
        (["nowhere"], math.inf, math.inf),
    ],
)
def test_limits_of_partitions(partitions: list[str], minutes: float, memory: float) -> None:
    assert slurm.limits(partitions, lambda _: SINFO) == slurm.Limits(minutes, memory)


def test_without_an_answer_there_are_no_limits() -> None:
    assert slurm.limits(["main"], lambda _: None) == slurm.Limits()


def asked(**resources: object) -> slurm.JobRequest:
    return slurm.JobRequest(("subsets",), {"mem_mb": 4000, "runtime": 60, **resources}, threads=2)


@pytest.mark.parametrize(
    ("resources", "options"),
    [
        ({}, ["--mem=4000", "--time=60"]),
        ({"slurm_account": "lab", "slurm_partition": "gpu"}, ["--account=lab", "--partition=gpu"]),
        ({"gpu": 1}, ["--gpus=1"]),
        ({"gpu": 2, "gpu_model": "h100"}, ["--gpus=h100:2"]),
        ({"gpu": 0, "gres": "shard:1"}, ["--gres=shard:1"]),
        ({"qos": "high", "constraint": "fast&new"}, ["--qos=high", "--constraint=fast&new"]),
    ],
)
def test_what_is_asked_for(resources: dict[str, object], options: list[str]) -> None:
    found = asked(**resources).options
    assert set(options) <= set(found)
    assert {"--ntasks=1", "--cpus-per-task=2"} <= set(found)


REFUSED = {
    "sbatch: error: invalid partition specified: gpu\nallocation failure: Invalid partition name": (
        {"slurm_partition": "gpu"},
        "slurm_partition = 'gpu'",
    ),
    "allocation failure: Invalid account or account/partition combination specified": (
        {"slurm_account": "lab"},
        "slurm_account = 'lab'",
    ),
    "allocation failure: Invalid qos specification": ({"qos": "top"}, "qos = 'top'"),
    "allocation failure: Invalid feature specification": (
        {"constraint": "fast"},
        "constraint = 'fast'",
    ),
    "allocation failure: Requested node configuration is not available": (
        {"gpu": 9},
        "no node of the cluster has what it asks for",
    ),
}


@pytest.mark.parametrize("said", REFUSED)
def test_refusals_name_the_setting(said: str) -> None:
    resources, told = REFUSED[said]
    (problem,) = slurm.problems([asked(**resources)], lambda _: (1, said))
    assert problem.startswith("subsets: ")
    assert told in problem
    assert "Hint:" in problem


def test_equal_refusals_are_told_once() -> None:
    jobs = [
        slurm.JobRequest((rule,), {"slurm_account": "lab"}, 1) for rule in ("subsets", "samples")
    ]
    (problem,) = slurm.problems(jobs, lambda _: (1, "allocation failure: Invalid account"))
    assert problem.startswith("subsets, samples: ")


def test_jobs_that_ask_for_the_same_are_asked_about_once() -> None:
    jobs = [asked(), slurm.JobRequest(("samples",), asked().resources, 2), asked(mem_mb=1), asked()]
    assert [one.rules for one in slurm.alike(jobs)] == [("subsets", "samples"), ("subsets",)]


def test_what_slurm_takes_is_no_problem() -> None:
    commands: list[Sequence[str]] = []

    def ask(command: Sequence[str]) -> tuple[int, str]:
        commands.append(command)
        return 0, "sbatch: Job 7 to start at 2026-01-01T00:00:00"

    assert slurm.problems([asked()], ask) == []
    assert commands[0][:2] == ["sbatch", "--test-only"]


@pytest.mark.parametrize(
    ("state", "queued", "expected"),
    [
        ("COMPLETED", "", "COMPLETED"),
        ("CANCELLED by 1000", "", "CANCELLED"),
        ("CANCELLED+", "", "CANCELLED+"),
        ("PREEMPTED", "", "CANCELLED"),
        ("PREEMPTED", "PENDING\n", "PREEMPTED"),
        ("RUNNING", "RUNNING\n", "RUNNING"),
    ],
)
def test_states_of_jobs(state: str, queued: str, expected: str) -> None:
    assert slurm.plain_states({"7": state}, lambda _: queued) == {"7": expected}


def said(state: str) -> str:
    return f"SLURM-job '7' failed, SLURM status is: '{state}'. Reason: Unknown."


@pytest.mark.parametrize(
    ("state", "log", "told"),
    [
        ("TIMEOUT", "", "its time limit ended it (SLURM job 7, TIMEOUT)"),
        ("OUT_OF_MEMORY", "", "it needed more memory than it had asked for"),
        ("NODE_FAIL", "", "its node failed"),
        ("CANCELLED", "", "somebody cancelled it, or SLURM did"),
        ("FAILED", "slurmstepd: error: Step 7.0 exceeded job memory limit", "more memory"),
        ("FAILED", "slurmstepd: error: Detected 1 oom_kill event in StepId=7.0", "more memory"),
        ("FAILED", "srun: fatal: no configuration", "the state FAILED: no configuration"),
        ("FAILED", "", "SLURM job 7 ended with the state FAILED"),
    ],
)
def test_ends_of_jobs(state: str, log: str, told: str) -> None:
    words = slurm.ended(said(state), "subsets", log)
    assert told in words
    if "Hint" in words:
        assert "{" not in words


def test_what_slurm_did_not_end_has_no_words() -> None:
    assert slurm.ended("Error in rule subsets", "subsets") == ""
