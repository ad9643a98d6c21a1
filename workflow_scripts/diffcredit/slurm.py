"""What SLURM says of jobs before they are submitted, and why it ended those that failed."""

import re
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from diffcredit.time_limit import seconds

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
    "PREEMPTED": (
        "jobs of a higher priority took its place",
        "run the same command again, or use another partition or quality of service",
    ),
    "CANCELLED": (
        "somebody cancelled it, or SLURM did",
        "run the same command again; where it was killed for memory, "
        "--set-resources {rule}:mem_mb=MB asks for more",
    ),
}
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


def longest(partitions: Iterable[str], ask: Ask = run) -> int | None:
    """Minutes that a job may run in each of some partitions; None without a limit.

    Args:
        partitions: their names; none means the default one.
        ask: runs a command.
    """
    wanted, found = set(partitions), []
    for line in (ask(["scontrol", "show", "partition", "--oneliner"]) or "").splitlines():
        facts = dict(part.split("=", 1) for part in line.split() if "=" in part)
        chosen = facts.get("PartitionName") in wanted if wanted else facts.get("Default") == "YES"
        limit = seconds(facts.get("MaxTime", ""))
        if chosen and limit is not None:
            found.append(int(limit // 60))
    return min(found, default=None)


@dataclass(frozen=True)
class Asked:
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


def problems(asked: Iterable[Asked], ask: Callable[[Sequence[str]], tuple[int, str]]) -> list[str]:
    """What SLURM would refuse, or let wait forever.

    Args:
        asked: what jobs ask for.
        ask: runs a command; gives its exit status and what it prints as errors.
    """
    found: dict[str, list[str]] = {}
    for one in asked:
        status, said = ask(["sbatch", "--test-only", *one.options, "--wrap", "true"])
        if status != 0:
            found.setdefault(_refusal(said, one), []).extend(one.rules)
    return [
        f"{', '.join(dict.fromkeys(rules))}: {reason.format(rule=rules[0])}"
        for reason, rules in found.items()
    ]


def _refusal(said: str, asked: Asked) -> str:
    """Why sbatch refused a job, with the setting to change."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    words = re.sub(r"^(allocation failure|sbatch: error): ", "", lines[-1] if lines else "")
    for sign, name in REFUSALS.items():
        if sign in said.lower() and (value := asked.resources.get(name)):
            return (
                f"{name} = {str(value)!r}: SLURM says: {words}\n"
                f"    Hint: {_known(name)}; set it at the top of profiles/slurm/config.yaml"
            )
    given = " ".join(asked.options)
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


def ended(said: str, rule: str) -> str:
    """Why SLURM ended a job, in words, by what the executor says of it; "" where it does not say.

    Args:
        said: a message that holds SLURM's state of the job.
        rule: name of its rule.
    """
    if found := re.search(r"SLURM status is: '([A-Z_]+)", said):
        words, hint = ENDS.get(found[1], ("", ""))
        if words:
            number = re.search(r"SLURM-job '(\d+)", said)
            named = f" (SLURM job {number[1]}, {found[1]})" if number else ""
            return f"{words}{named}\n    Hint: {hint.format(rule=rule)}"
    return ""
