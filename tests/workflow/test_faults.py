"""A job that fails after a change hides nothing of it; what was submitted is what runs."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from copied_workflow import Workflow, jobs, kill_when, wait
from overlays import overlaid
from test_reruns import CONFIG_CHANGES

from diffcredit import identities

#: For changes of the rerun table: the job that fails after it, by one of its outputs and its log.
FAILED = {
    "other pruning ratio": ("models/pruned", "pruned"),
    "other sft steps": ("subsets/sft/shapley/0-1", "subsets/sft/shapley/0-1"),
    "another behavior": ("behaviors/sft/full/0-0.parquet", "score/sft/full/0-0"),
    "other convergence points": ("evaluation/convergence.parquet", "convergence"),
    "other contributor deal": ("data/train.parquet", "data"),
    "other classifier": ("models/classifier", "classifier"),
}


@pytest.fixture
def copied(finished: Workflow, tmp_path: Path) -> Workflow:
    """The finished run, to do harm to."""
    shutil.copytree(finished.folder, tmp_path / "workflow", symlinks=True)
    return Workflow(tmp_path / "workflow", finished.overlay)


def begun(workflow: Workflow, log: str) -> Callable[[], bool]:
    """Whether the job of a log has begun since now."""
    path = workflow.run_folder / "logs" / f"{log}.log"
    before = path.stat().st_mtime_ns if path.exists() else 0
    return lambda: (
        path.exists() and path.stat().st_mtime_ns != before and ": started" in (path.read_text())
    )


@pytest.mark.parametrize("change", FAILED)
def test_killed_after_a_change_all_of_it_runs_again(copied: Workflow, change: str) -> None:
    overlay, expected = CONFIG_CHANGES[change]
    output, log = FAILED[change]
    copied.overlay = overlaid(copied.overlay, overlay)
    kill_when(copied, begun(copied, log), f"results/tiny/{output}")
    assert copied.run("--unlock").returncode == 0
    assert copied.planned() == expected


def started(workflow: Workflow, *targets: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        workflow.command(*targets),
        cwd=workflow.folder,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_job_killed_alone_hides_nothing_either(copied: Workflow) -> None:
    overlay, expected = CONFIG_CHANGES["other pruning ratio"]
    copied.overlay = overlaid(copied.overlay, overlay)
    run = started(copied, "results/tiny/models/pruned")
    wait(begun(copied, "pruned"), run, 120)
    for job in jobs(copied):
        os.kill(job, signal.SIGKILL)
    run.communicate()
    assert run.returncode != 0
    assert copied.planned() == expected


def test_the_configuration_that_was_submitted_runs(copied: Workflow) -> None:
    """Edited while the full model is trained, it changes the next run alone."""
    run_folder, pruned = copied.run_folder, "results/tiny/models/pruned"
    copied.overlay = overlaid(copied.overlay, {"full": {"steps": 13}})
    kept = json.loads((run_folder / "models/pruned/config.json").read_text())["facts"]
    run = started(copied, pruned)
    wait(begun(copied, "full"), run, 120)
    edited = Workflow(copied.folder, overlaid(copied.overlay, {"pruned": {"ratio": 0.5}}))
    edited.command()
    said = run.communicate()[0]
    assert run.returncode == 0, said
    assert "overlay.yaml: edited since this run was started" in said
    facts = json.loads((run_folder / "models/pruned/config.json").read_text())["facts"]
    assert facts["parameters_after"] == kept["parameters_after"]
    assert copied.planned(pruned) == {}
    assert edited.planned(pruned) == {"pruned": 1}


def test_code_that_changes_while_jobs_wait_stops_them(copied: Workflow) -> None:
    library = copied.folder / "workflow_scripts/diffcredit/evaluation/cost.py"
    (copied.run_folder / "evaluation/cost.parquet").unlink()
    script = copied.folder / "workflow_scripts/cost.py"
    # The job changes what it is about to use, as an editor would.
    script.write_text(
        f"with open({str(library)!r}, 'a') as file:\n    file.write('X = 1\\n')\n"
        + script.read_text().replace('"""What the models of each approach cost."""', "")
    )
    done = copied.run("results/tiny/evaluation/cost.parquet")
    assert done.returncode == 1
    assert "the code of cost.py, or of what it imports, has changed since this run" in done.stderr


def test_a_second_run_leaves_what_the_first_one_makes(copied: Workflow) -> None:
    """Snakemake is killed, its job lives on; the next run waits for it and keeps its work."""
    shard = "results/tiny/subsets/retrain/datamodel/0-0"
    copied.overlay = overlaid(copied.overlay, {"execution": {"keep": {"models": True}}})
    first = started(copied, shard)
    partial = copied.folder / f"{shard}.partial"
    wait(lambda: any(partial.glob("[0-9]*/config.json")), first, 120)
    (job,) = jobs(copied)
    os.kill(job, signal.SIGSTOP)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert copied.run("--unlock").returncode == 0
    second = started(copied, shard)
    log = copied.run_folder / "logs/subsets/retrain/datamodel/0-0.log"
    said = f"waiting for process {job} on"
    wait(lambda: log.exists() and said in log.read_text(errors="replace"), second, 120)
    os.kill(job, signal.SIGCONT)
    output = second.communicate()[0]
    assert second.returncode == 0, output
    assert "another process has made it" in output
    models = sorted(path.name for path in (copied.folder / shard).glob("[0-9]*"))
    assert models == [f"{number:06d}" for number in range(4)]
    assert not partial.exists()


def test_a_file_of_another_configuration_is_refused(copied: Workflow) -> None:
    """As where Snakemake's records are lost: the file is there, and not what it should be."""
    table = copied.run_folder / "behaviors/retrain/datamodel.parquet"
    with identities.writing("another", [table]):
        from diffcredit.files import write_table

        write_table(pd.read_parquet(table), table)
    (copied.run_folder / "evaluation/lds.parquet").unlink()
    done = copied.run("results/tiny/evaluation/lds.parquet")
    assert done.returncode == 1
    assert "behaviors/retrain/datamodel.parquet: of another configuration" in done.stderr
    table.unlink()
    done = copied.run("results/tiny/evaluation/lds.parquet")
    assert done.returncode == 0, done.stderr
