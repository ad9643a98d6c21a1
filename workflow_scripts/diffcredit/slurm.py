"""What SLURM says of jobs before they are submitted, and why it ended those that failed."""

import math
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

#: Answers a command line, or None where it fails or there is none.
Ask = Callable[[Sequence[str]], str | None]
TIME_HINT = (
    "give it more time, as --set-resources {rule}:runtime=MINUTES does, or lower "
    "execution.shard_size; training, sampling and gradients go on where they stopped"
)
#: What a state of SLURM means, and what helps. {rule} is the rule of the job.
ENDS = {
    "TIMEOUT": ("its time limit ended it", TIME_HINT),
    "DEADLINE": ("its deadline ended it", TIME_HINT),
    "OUT_OF_MEMORY": (
        "it needed more memory than it had asked for",
        "give it more, as --set-resources {rule}:mem_mb=MB does, or lower training.batch_size or "
        "sampling.batch_size",
    ),
    "NODE_FAIL": (
        "its node failed",
        "run the same command again; --slurm-exclude-failed-nodes NODE leaves a node out",
    ),
    "BOOT_FAIL": ("its node did not start", "run the same command again"),
    "CANCELLED": (
        "somebody cancelled it, or SLURM did, as for a job of a higher priority",
        "run the same command again; where it was killed for memory, "
        "--set-resources {rule}:mem_mb=MB asks for more",
    ),
}
#: Options with which no job is sent.
WITHOUT_JOBS = {"-n", "--dry-run", "--dryrun", "--unlock"}
#: What sbatch says of a job that it does not take, and what helps.
REFUSALS = {
    "invalid partition": "slurm_partition",
    "invalid account": "slurm_account",
    "invalid qos": "qos",
    "invalid feature": "constraint",
}


def run(command: Sequence[str]) -> str | None:
    """What a command prints; None where it fails or there is none."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def check_installed(arguments: Sequence[str]) -> None:
    """End the program where jobs are to be sent to SLURM, and there is none.

    Args:
        arguments: of the command line.
    """
    if shutil.which("sbatch") is None and not WITHOUT_JOBS & {*arguments}:
        sys.exit(
            "There is no SLURM on this machine: the command sbatch is not found.\n"
            "    Hint: run on a login node of the cluster, or here with "
            "--workflow-profile profiles/local"
        )


def seconds(written: str) -> float | None:
    """Seconds of a time as SLURM writes it, such as 1-02:03:04 or 05:06.

    None for what is no time, such as UNLIMITED.
    """
    found = re.fullmatch(r"(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+)", written)
    if found is None:
        return None
    days, hours, minutes, rest = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60.0 + rest


@dataclass(frozen=True)
class Limits:
    """What partitions allow a job.

    Attributes:
        minutes: that it may run, the least of all partitions; infinity without a limit.
        memory: MB of their largest nodes, the least of all partitions; infinity where unknown.
    """

    minutes: float = math.inf
    memory: float = math.inf


def limits(partitions: Iterable[str], ask: Ask = run) -> Limits:
    """What each of some partitions allows a job.

    Args:
        partitions: their names; none means the default one.
        ask: runs a command.
    """
    wanted, minutes, memory = set(partitions), [math.inf], [math.inf]
    for line in (ask(["sinfo", "--noheader", "--format=%P|%l|%m"]) or "").splitlines():
        name, time, mb = line.strip().split("|")
        if name.rstrip("*") in wanted if wanted else name.endswith("*"):
            limit = seconds(time)
            minutes += [] if limit is None else [limit // 60]
            # A plus follows the least of several sizes.
            memory += [float(mb)] if mb.isdigit() else []
    return Limits(min(minutes), min(memory))


@dataclass(frozen=True)
class JobRequest:
    """What jobs of some rules ask SLURM for.

    Attributes:
        rules: their names.
        resources: by Snakemake's names: slurm_account, slurm_partition, mem_mb, runtime and so on.
        threads: of each job.
    """

    rules: tuple[str, ...]
    resources: Mapping[str, object]
    threads: int

    @property
    def options(self) -> list[str]:
        """The options of sbatch."""
        names = {
            "slurm_account": "--account",
            "slurm_partition": "--partition",
            "qos": "--qos",
            "constraint": "--constraint",
            "mem_mb": "--mem",
            "runtime": "--time",
            "gres": "--gres",
        }
        given = [f"{o}={self.resources[n]}" for n, o in names.items() if self.resources.get(n)]
        if gpus := self.resources.get("gpu"):
            model = self.resources.get("gpu_model")
            given.append(f"--gpus={model}:{gpus}" if model else f"--gpus={gpus}")
        return [*given, "--ntasks=1", f"--cpus-per-task={self.threads}"]


def alike(requests: Iterable[JobRequest]) -> list[JobRequest]:
    """Requests of jobs, with the rules of equal requests joined."""
    rules: dict[tuple[str, ...], dict[str, None]] = {}
    first: dict[tuple[str, ...], JobRequest] = {}
    for one in requests:
        key = tuple(one.options)
        first.setdefault(key, one)
        rules.setdefault(key, {}).update(dict.fromkeys(one.rules))
    return [replace(one, rules=tuple(rules[key])) for key, one in first.items()]


def problems(
    requests: Iterable[JobRequest], ask: Callable[[Sequence[str]], tuple[int, str]]
) -> list[str]:
    """Messages about requests that SLURM would refuse or never start.

    Args:
        requests: of the jobs.
        ask: runs a command; returns its exit status and its standard error.
    """
    found: dict[str, list[str]] = {}
    for one in requests:
        status, said = ask(["sbatch", "--test-only", *one.options, "--wrap", "true"])
        if status != 0:
            found.setdefault(_refusal(said, one), []).extend(one.rules)
    return [
        f"{', '.join(dict.fromkeys(rules))}: {reason.format(rule=rules[0])}"
        for reason, rules in found.items()
    ]


def _refusal(said: str, request: JobRequest) -> str:
    """Why sbatch refused a job, with the setting to change."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    words = re.sub(r"^(allocation failure|sbatch: error): ", "", lines[-1] if lines else "")
    for sign, name in REFUSALS.items():
        if sign in said.lower() and (value := request.resources.get(name)):
            return (
                f"{name} = {str(value)!r}: SLURM says: {words}\n"
                f"    Hint: {_known(name)}; set it at the top of profiles/slurm/config.yaml"
            )
    given = " ".join(request.options)
    return (
        f"no node of the cluster has what it asks for ({given}); SLURM says: {words}\n"
        "    Hint: ask for less, as --set-resources {rule}:mem_mb=MB or {rule}:gpu=0 does, or use "
        "another partition"
    )


def _known(name: str) -> str:
    """Where the accepted values are shown."""
    return {
        "slurm_partition": "sinfo --summarize lists the partitions",
        "slurm_account": "sacctmgr show associations user=$USER lists your accounts",
        "qos": "sacctmgr show qos lists them",
        "constraint": "sinfo --format=%f lists the features of nodes",
    }[name]


def plain_states(states: Mapping[str, str], ask: Ask = run) -> dict[str, str]:
    """States of jobs, as the executor knows them.

    The executor (2.8) takes "CANCELLED by 1000", which is what sacct says, and PREEMPTED for states
    of a job that goes on, and would wait for it forever.

    Args:
        states: number of a job -> its state.
        ask: runs a command.
    """
    plain = {job: state.split()[0] for job, state in states.items() if state}
    taken = [job for job, state in plain.items() if state == "PREEMPTED"]
    for job in taken:
        if not (ask(["squeue", "--noheader", "--jobs", job, "--format=%T"]) or "").strip():
            plain[job] = "CANCELLED"  # and not queued again
    return plain


def ended(said: str, rule: str, log: str = "") -> str:
    """Why SLURM ended a job, in words, by what the executor says of it; "" where it does not say.

    Args:
        said: a message that holds SLURM's state of the job.
        rule: name of its rule.
        log: what SLURM and Snakemake wrote about the job.
    """
    found = re.search(r"SLURM-job '(\d+)'.*SLURM status is: '([A-Z_]+)", said, re.DOTALL)
    if found is None:
        return ""
    number, state = found.groups()
    if re.search(r"exceeded .*memory limit|oom.kill", log, re.IGNORECASE):
        state = "OUT_OF_MEMORY"
    words, hint = ENDS.get(state, ("", ""))
    if words:
        return f"{words} (SLURM job {number}, {state})\n    Hint: {hint.format(rule=rule)}"
    errors = re.findall(r"^(?:srun|slurmstepd)[^:]*: (?:error|fatal): (.*)", log, re.MULTILINE)
    reason = f": {errors[-1]}" if errors else ""
    return f"SLURM job {number} ended with the state {state}{reason}"
