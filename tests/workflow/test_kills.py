"""Killed at random, with the configuration changed meanwhile, a run ends with the same bits."""

import os
import random
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
from copied_workflow import LDS, Workflow, jobs
from overlays import overlaid

#: How many times a run is killed.
KILLS = 10
#: What is made again: everything that trainings and what follows make.
MADE = ("subsets", "samples", "behaviors", "attributions", "evaluation")
CHANGES = [
    {"approaches": {"retrain": {"steps": 40}}},
    {"sampling": {"steps": 3}},
    {"execution": {"shard_size": 2}},
    {"coalitions": {"datamodel": {"count": 3}}},
    {"behaviors": {"recall": {"measure": "recall"}}},
]


def content(workflow: Workflow) -> dict[str, object]:
    """Bytes of models, and tables without the seconds that they took."""
    run = workflow.run_folder
    found: dict[str, object] = {
        f"{path.relative_to(run)}": path.read_bytes()
        for path in run.glob("subsets/*/*/*/*/weights.safetensors")
    }
    for path in [*run.glob("behaviors/*/*.parquet"), *run.glob("evaluation/lds.parquet")]:
        table = pd.read_parquet(path)
        kept = table[[c for c in table if not c.startswith("seconds")]]
        found[f"{path.relative_to(run)}"] = kept.to_json(orient="split", double_precision=15)
    return found


def kill(
    run: subprocess.Popen[bytes], workflow: Workflow, what: str, choose: random.Random
) -> None:
    """Kill the whole run, snakemake alone, or one job and, a little later, the rest."""
    if what == "job":
        with suppress(IndexError, ProcessLookupError):  # None may run, or it has ended meanwhile.
            os.kill(choose.choice(sorted(jobs(workflow))), signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            run.wait(4)
    with suppress(ProcessLookupError):
        (os.kill if what == "snakemake" else os.killpg)(run.pid, signal.SIGKILL)
    run.wait()


@pytest.mark.parametrize("seed", [0, 1])
def test_killed_at_random(undisturbed: Workflow, tmp_path: Path, seed: int) -> None:
    """Every other time the configuration is another one before the kill, and the old one after."""
    shutil.copytree(undisturbed.folder, tmp_path / "workflow", symlinks=True)
    workflow = Workflow(tmp_path / "workflow", undisturbed.overlay)
    for folder in MADE:
        shutil.rmtree(workflow.run_folder / folder)
    choose = random.Random(seed)
    for number in range(KILLS):
        change = choose.choice(CHANGES) if number % 2 else {}
        workflow.overlay = overlaid(undisturbed.overlay, change)
        run = subprocess.Popen(
            workflow.command(LDS, "--rerun-incomplete"),
            cwd=workflow.folder,
            start_new_session=True,
            # Jobs that live on hold it open.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(choose.uniform(1.0, 7.0))
        kill(run, workflow, choose.choice(["all", "job", "snakemake"]), choose)
        workflow.run("--unlock")
    workflow.overlay = undisturbed.overlay
    done = workflow.run(LDS)
    assert done.returncode == 0, done.stdout + done.stderr
    expected, found = content(undisturbed), content(workflow)
    # Shards of another size may have stayed, which nothing reads.
    assert {name: found.get(name) for name in expected} == expected
    # Jobs of killed runs may live on a little longer; what they leave does no harm.
    assert workflow.planned(LDS) == {}
