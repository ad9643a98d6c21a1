"""A real SLURM of two nodes, and what happens to jobs there.

After each fault, running again gives the models of the run that nothing disturbed, bit for bit.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from copied_workflow import LDS, ROOT, Workflow, copy_workflow

CLUSTER = ROOT / "tests/slurm/cluster"
SHARD = "results/tiny/subsets/retrain/datamodel/0-0"
CLASSIFIER = "results/tiny/models/classifier"


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a SLURM that this test run has started."""
    if os.environ.get("DIFFCREDIT_TEST_SLURM") != "start":
        pytest.skip(
            "DIFFCREDIT_TEST_SLURM=start installs and starts a SLURM of two nodes (root on Debian)"
        )
    if os.geteuid() != 0 or not Path("/etc/debian_version").exists():
        pytest.skip("starting a SLURM needs root on Debian")
    # A short path: munge's socket is in it.
    folder = tmp_path_factory.mktemp("slurm") / "s"
    done = subprocess.run([CLUSTER, "start", folder], capture_output=True, text=True, timeout=600)
    if done.returncode == 3:
        pytest.skip(f"the packages of SLURM cannot be installed here: {done.stderr[-200:]}")
    assert done.returncode == 0, done.stdout + done.stderr
    yield folder
    subprocess.run([CLUSTER, "stop", folder], check=True, capture_output=True)


@dataclass
class Slurm:
    """A copy of the finished run whose jobs go to SLURM.

    Attributes:
        workflow: the copy.
        cluster: folder of the SLURM.
        expected: content of each file of the shard that nothing disturbed, by its path in it.
    """

    workflow: Workflow
    cluster: Path
    expected: dict[str, bytes]

    def command(self, *arguments: str, partition: str = "main") -> list[str]:
        """The command line that runs it."""
        options = ["--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "10"]
        account = ["--default-resources", "slurm_account=tests", f"slurm_partition={partition}"]
        return self.workflow.command(*arguments, *account, *options, profile="slurm")

    def run(self, *arguments: str, partition: str = "main") -> subprocess.CompletedProcess[str]:
        """Run it to its end, whatever that is."""
        return subprocess.run(
            self.command(*arguments, partition=partition),
            cwd=self.workflow.folder,
            capture_output=True,
            text=True,
        )

    def start(self, *arguments: str, partition: str = "main") -> subprocess.Popen[str]:
        """Start it, and go on."""
        return subprocess.Popen(
            self.command(*arguments, partition=partition),
            cwd=self.workflow.folder,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def check_recovered(self) -> None:
        """Running again makes the shard as it would have been."""
        self.workflow.run("--unlock")
        again = self.run(SHARD)
        assert again.returncode == 0, again.stdout + again.stderr
        assert models(self.workflow) == self.expected


def models(workflow: Workflow) -> dict[str, bytes]:
    """The weights of the models of the shard."""
    folder = workflow.folder / SHARD
    return {path.parent.name: path.read_bytes() for path in folder.glob("*/*.safetensors")}


@pytest.fixture
def on_slurm(cluster: Path, undisturbed: Workflow, tmp_path: Path) -> Iterator[Slurm]:
    shutil.copytree(undisturbed.folder, tmp_path / "workflow", symlinks=True)
    copy = Workflow(tmp_path / "workflow", undisturbed.overlay)
    shutil.rmtree(copy.folder / SHARD)
    yield Slurm(copy, cluster, models(undisturbed))
    subprocess.run(["scancel", "--user=root"], check=True)
    # Jobs of a node that was dead take their time to go.
    reached(lambda: not squeue("%i"), 240)


def squeue(form: str, *options: str) -> list[str]:
    """What squeue says, a line for each job."""
    command = ["squeue", "--noheader", "--format", form, *options]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def reached(condition: Callable[[], object], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def has_a_model(slurm: Slurm) -> bool:
    """Whether the job of the shard has made its first model."""
    return any((slurm.workflow.folder / f"{SHARD}.partial").glob("[0-9]*/config.json"))


def sacct(form: str) -> list[str]:
    """What the accounting says, a line for each try of each job."""
    command = ["sacct", "--allocations", "--duplicates", "--noheader", "--parsable2"]
    said = subprocess.run([*command, "--format", form], capture_output=True, text=True, check=True)
    return said.stdout.split("\n")[:-1]


def last_job() -> int:
    """Number of the last job that was submitted."""
    return max(map(int, sacct("JobIDRaw")), default=0)


def states_since(job: int) -> str:
    """States of all tries of jobs after one."""
    tries = [line.split("|") for line in sacct("JobIDRaw,State")]
    return " ".join(state for number, state in tries if int(number) > job)


def running() -> str:
    """Number of the job that runs."""
    (job,) = squeue("%i", "--states=running")
    return job


def test_from_the_models_to_the_lds(on_slurm: Slurm, undisturbed: Workflow) -> None:
    """Tables of a run through SLURM are those of one without, up to seconds."""
    copy = on_slurm.workflow
    for folder in ("subsets", "samples", "behaviors", "attributions", "evaluation"):
        shutil.rmtree(copy.run_folder / folder)
    done = on_slurm.run(LDS)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert "has been submitted with SLURM jobid" in output
    for name in ("behaviors/retrain/datamodel.parquet", "evaluation/lds.parquet"):
        made, expected = (pd.read_parquet(w.run_folder / name) for w in (copy, undisturbed))
        kept = [column for column in made if not column.startswith("seconds")]
        pd.testing.assert_frame_equal(made[kept], expected[kept])


def test_cancelled(on_slurm: Slurm) -> None:
    run = on_slurm.start(SHARD, "--retries", "0")
    reached(lambda: has_a_model(on_slurm))
    names, comments = squeue("%j"), squeue("%k")
    assert names[0].startswith("diffcredit_")
    assert "rule_subsets" in comments[0]
    subprocess.run(["scancel", running()], check=True)
    output = run.communicate()[0]
    assert run.returncode == 1
    assert "subsets retrain/datamodel" in output or "retrain/datamodel 0-0" in output
    assert "somebody cancelled it" in output
    on_slurm.check_recovered()


def test_memory(on_slurm: Slurm) -> None:
    """Killed for memory, a job has more in its next try; where that ends so too, it is told."""
    shutil.rmtree(on_slurm.workflow.folder / CLASSIFIER)
    little = ["classifier:mem_mb=300", "subsets:mem_mb=300 if attempt == 1 else 3000"]
    done = on_slurm.run(SHARD, CLASSIFIER, "--retries", "1", "--set-resources", *little)
    assert done.returncode == 1
    assert "classifier: it needed more memory than it had asked for" in done.stderr
    assert "--set-resources classifier:mem_mb=MB" in done.stderr
    assert "1 job failed" in done.stderr
    assert models(on_slurm.workflow) == on_slurm.expected


def test_time_limit(on_slurm: Slurm) -> None:
    """A partition allows a minute. A training saves its work before, is queued again and goes on;
    what cannot, is ended, and that is told.
    """
    copy, before = on_slurm.workflow, last_job()
    shutil.rmtree(copy.folder / CLASSIFIER)
    endless = copy.folder / "workflow_scripts/classifier.py"
    endless.write_text("import time\ntime.sleep(600)\n")
    # Three models and no more are made within the minute.
    library = copy.folder / "workflow_scripts/diffcredit/training/make_model.py"
    text = library.read_text()
    makes = "    outcome = Outcome(run.start"
    assert text.count(makes) == 1
    library.write_text(text.replace(makes, f"    __import__('time').sleep(14)\n{makes}"))
    done = on_slurm.run(SHARD, CLASSIFIER, "--retries", "0", partition="brief")
    assert done.returncode == 1
    assert "The partition allows jobs of 1 minutes" in done.stderr
    assert "classifier: its time limit ended it" in done.stderr
    assert "--set-resources classifier:runtime=MINUTES" in done.stderr
    assert "1 job failed" in done.stderr
    assert "REQUEUED" in states_since(before)
    assert models(copy) == on_slurm.expected


def test_node_dies_and_its_job_lives_on(on_slurm: Slurm) -> None:
    run = on_slurm.start(SHARD)
    reached(lambda: has_a_model(on_slurm))
    (node,) = squeue("%N", "--states=running")
    daemon = on_slurm.cluster / f"slurmd-{node}.pid"
    os.kill(int(daemon.read_text()), signal.SIGKILL)
    try:
        output = run.communicate()[0]
    finally:
        subprocess.run([CLUSTER, "node", on_slurm.cluster, node[1:]], check=True)
    if run.returncode == 0:
        assert models(on_slurm.workflow) == on_slurm.expected, output
    on_slurm.check_recovered()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGHUP])
def test_snakemake_ends_and_its_jobs_live_on(on_slurm: Slurm, how: signal.Signals) -> None:
    run = on_slurm.start(SHARD)
    reached(lambda: has_a_model(on_slurm))
    os.kill(run.pid, how)
    run.communicate()
    on_slurm.check_recovered()


def test_preempted(on_slurm: Slurm) -> None:
    """A job of a higher priority takes its node; it is queued again, and goes on."""
    before = last_job()
    run = on_slurm.start(SHARD, partition="low")
    reached(lambda: has_a_model(on_slurm))
    urgent = ["sbatch", "--account=tests", "--partition=high", "--nodes=2", "--wrap"]
    subprocess.run([*urgent, "sleep 2"], check=True, capture_output=True)
    output = run.communicate()[0]
    assert run.returncode == 0, output
    assert "PREEMPTED" in states_since(before)
    assert models(on_slurm.workflow) == on_slurm.expected


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["slurm_account=nobody", "slurm_partition=main"], "slurm_account = 'nobody'"),
        (["slurm_account=tests", "slurm_partition=nowhere"], "slurm_partition = 'nowhere'"),
        (["slurm_account=tests", "constraint=fast"], "constraint = 'fast'"),
        (["slurm_account=tests", "gres=shard:9"], "no node of the cluster has what it asks for"),
    ],
)
def test_what_slurm_would_refuse_is_told_before_anything_is_submitted(
    on_slurm: Slurm, options: list[str], told: str
) -> None:
    command = on_slurm.workflow.command(SHARD, "--default-resources", *options, profile="slurm")
    done = subprocess.run(command, cwd=on_slurm.workflow.folder, capture_output=True, text=True)
    assert done.returncode == 1
    assert told in done.stderr
    assert "Hint:" in done.stderr
    assert "Traceback" not in done.stderr
    assert "has been submitted" not in done.stderr


def test_profile_says_it_in_one_place(on_slurm: Slurm) -> None:
    """Account, partition and the share of a GPU; two jobs run on one GPU."""
    profile = on_slurm.workflow.folder / "profiles/slurm/config.yaml"
    text = profile.read_text()
    for name, value in {"account": "tests", "partition": "main", "gpu_share": "shard:1"}.items():
        assert f'\n  {name}: ""' in text
        text = text.replace(f'\n  {name}: ""', f'\n  {name}: "{value}"')
    profile.write_text(text)
    options = ["--slurm-init-seconds-before-status-checks", "2"]
    run = subprocess.Popen(
        on_slurm.workflow.command(SHARD, *options, profile="slurm"),
        cwd=on_slurm.workflow.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    reached(lambda: has_a_model(on_slurm))
    (asked,) = squeue("%b", "--states=running")
    output = run.communicate()[0]
    assert run.returncode == 0, output
    assert "shard:1" in asked
    assert models(on_slurm.workflow) == on_slurm.expected


def test_without_slurm(workflow: Workflow, tmp_path: Path) -> None:
    """The profile of a cluster on a machine that has none."""
    commands = tmp_path / "commands"
    commands.mkdir()
    for name in ("sh", "bash", "which", "env"):
        (commands / name).symlink_to(str(shutil.which(name)))
    done = subprocess.run(
        workflow.command("results/tiny/data/train.parquet", profile="slurm"),
        cwd=workflow.folder,
        capture_output=True,
        text=True,
        env=os.environ | {"PATH": str(commands)},
    )
    assert done.returncode == 1
    assert "no SLURM on this machine" in done.stderr
    assert "profiles/local" in done.stderr
    assert "Traceback" not in done.stderr


def test_commands_of_jobs_survive_the_shell_of_the_submission(tmp_path: Path) -> None:
    """A clone in a folder with signs that shells read: what sbatch is given names it as it is."""
    workflow = copy_workflow(tmp_path / 'my $HOME "clone"')
    fake = tmp_path / "fake"
    fake.mkdir()
    # A line for each argument, and for each word of the command as the shell of a node reads it.
    (fake / "sbatch").write_text(
        '#!/bin/sh\ncase "$*" in *--test-only*) exit 0 ;; esac\n'
        f"printf '%s\\n' \"$@\" >> {fake}/arguments\n"
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
