"""The tiny run through a real SLURM, where there is one."""

import shutil
import subprocess

import pytest
from copied_workflow import Workflow, merge


def slurm_answers() -> bool:
    if shutil.which("sinfo") is None:
        return False
    return subprocess.run(["sinfo"], capture_output=True, timeout=10).returncode == 0


@pytest.mark.skipif(not slurm_answers(), reason="no SLURM answers here")
def test_tiny_run(workflow: Workflow) -> None:
    workflow.overlay = merge(workflow.overlay, {"execution": {"shard_size": 8}})
    done = workflow.run(
        *["--default-resources", "slurm_account=none", "slurm_partition=main"],
        *["--slurm-status-command", "squeue"],
        *["--slurm-init-seconds-before-status-checks", "5"],
        profile="slurm",
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output[-6000:]
    assert "has been submitted with SLURM jobid" in output
    assert (workflow.run_folder / "evaluation/lds.txt").exists()
