"""The tiny run through a real SLURM, where there is one, and what a submission is given."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from copied_workflow import Workflow, copy_workflow, merge


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


def test_commands_of_jobs_survive_the_shell_of_the_submission(tmp_path: Path) -> None:
    """A clone in a folder with signs that shells read: what sbatch is given names it as it is."""
    workflow = copy_workflow(tmp_path / 'my $HOME "clone"')
    fake = tmp_path / "fake"
    fake.mkdir()
    # A line for each argument, and for each word of the command as the shell of a node reads it.
    (fake / "sbatch").write_text(
        f"#!/bin/sh\nprintf '%s\\n' \"$@\" >> {fake}/arguments\n"
        f"sed 's/^[^#]* -m /printf \"%s\\\\n\" /' | sh >> {fake}/command\nexit 1\n"
    )
    for name in ("sacctmgr", "sshare", "sacct", "squeue", "sinfo", "scontrol"):
        (fake / name).write_text("#!/bin/sh\n")
    for path in fake.iterdir():
        path.chmod(0o755)
    account = ["--default-resources", "slurm_account=a", "slurm_partition=p", "--retries", "0"]
    account += ["--slurm-init-seconds-before-status-checks", "1"]
    done = subprocess.run(
        workflow.command("results/tiny/data/train.parquet", *account, profile="slurm"),
        cwd=workflow.folder,
        capture_output=True,
        text=True,
        env=os.environ | {"PATH": f"{fake}:{os.environ['PATH']}"},
    )
    assert done.returncode == 1
    assert "SLURM sbatch failed" in done.stderr
    assert "Traceback" not in done.stderr
    assert str(workflow.folder) in (fake / "arguments").read_text().splitlines()
    assert f"{workflow.folder}/Snakefile" in (fake / "command").read_text().splitlines()
