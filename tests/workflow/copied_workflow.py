"""A copy of the workflow in a folder of its own, run as a user runs it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
PARTS = ["Snakefile", "rules", "workflow_scripts", "config.yaml", "profiles", "envs"]
TINY = yaml.safe_load((ROOT / "tests" / "tiny.yaml").read_text())
#: Laid over the tiny run: two shards of trainings that last some seconds, whose models are kept.
SMALL = {
    "coalitions": {"few": None, "choosing": {"distribution": "datamodel", "count": 4}},
    "approaches": {
        **dict.fromkeys(["sft", "siss"]),
        "retrain": {
            "steps": 150,
            "coalitions": {"datamodel": 1, "choosing": 1, "full": None, "none": None},
        },
    },
    "attributions": {
        **dict.fromkeys(["shapley_constrained", "shapley_ridge", "shapley_ridge_free", "siss"]),
        "datamodel": {"values": "retrain/choosing"},
    },
    "evaluation": {"convergence": None},
    "execution": {"keep": {"models": True}, "checkpoint_steps": 20},
}
#: What is made of it, with all that this needs.
LDS = "results/tiny/evaluation/lds.parquet"


@dataclass
class Workflow:
    """A copy of the workflow.

    Attributes:
        folder: where it lies and runs.
        overlay: what is laid over its config.yaml.
    """

    folder: Path
    overlay: dict = field(default_factory=lambda: dict(TINY))

    @property
    def run_folder(self) -> Path:
        """Where its results are."""
        return self.folder / "results" / self.overlay["experiment"]

    def command(self, *arguments: str, profile: str = "local") -> list[str]:
        """The command line that runs it; writes the overlay."""
        path = self.folder / "overlay.yaml"
        path.write_text(yaml.safe_dump(self.overlay))
        base = [sys.executable, "-m", "snakemake", "--workflow-profile", f"profiles/{profile}"]
        # Options that take lists take what follows them, too: targets come first.
        return [*base, *arguments, "--configfile", path.name]

    def run(self, *arguments: str, profile: str = "local") -> subprocess.CompletedProcess[str]:
        """Run it to its end, whatever that is."""
        return subprocess.run(
            self.command(*arguments, profile=profile),
            cwd=self.folder,
            capture_output=True,
            text=True,
            env=os.environ | {"COLUMNS": "200"},
        )

    def planned(self, *arguments: str) -> dict[str, int]:
        """How many jobs of each rule a dry run announces; retrain and sft jobs are told apart."""
        done = self.run(*arguments, "--dry-run", "--quiet", "host")
        assert done.returncode == 0, done.stdout + done.stderr
        jobs = re.findall(r"^(?:local)?rule (\w+):\n((?:    .*\n)*)", done.stdout, re.MULTILINE)
        counts: dict[str, int] = {}
        for rule, details in jobs:
            approach = re.search(r"wildcards: approach=(\w+)", details)
            name = f"{rule} {approach[1]}" if approach else rule
            counts[name] = counts.get(name, 0) + 1
        counts.pop("all", None)
        return counts


def copy_workflow(folder: Path) -> Workflow:
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, folder / part)
    return Workflow(folder)


def jobs(workflow: Workflow) -> list[int]:
    """Processes of scripts that run for the workflow."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            here = (process / "cwd").readlink() == workflow.folder.resolve()
        except OSError:
            continue
        if here and b"/.snakemake/scripts/" in command:
            found.append(int(process.name))
    return found


def kill_when(workflow: Workflow, reached: Callable[[], bool], *targets: str) -> None:
    """Run the workflow, and kill it with everything that it started once something is reached."""
    process = subprocess.Popen(
        workflow.command(*targets),
        cwd=workflow.folder,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    wait(reached, process, 300)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait(reached: Callable[[], object], process: subprocess.Popen[str], seconds: float) -> None:
    """Wait until something is reached by a run that goes on."""
    deadline = time.monotonic() + seconds
    while not reached():
        assert process.poll() is None, f"the run ended too early: {process.communicate()[0]}"
        assert time.monotonic() < deadline
        time.sleep(0.01)
