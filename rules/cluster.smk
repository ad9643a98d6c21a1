"""What jobs ask a cluster for, and what SLURM says to that before anything is submitted."""

import inspect
import subprocess
from functools import cache

from diffcredit import slurm
from diffcredit.plan.resources import LONGEST, Estimates

ESTIMATES = Estimates(CONFIG)


def signed(function):
    """The function with its signature at hand: Snakemake asks for it several times for each job."""
    function.__signature__ = inspect.signature(function)
    return function


def growing(mb):
    """Memory that doubles with each attempt, as far as the nodes have it."""
    return signed(lambda wildcards, attempt: available(mb * 2 ** (attempt - 1)))


def available(mb):
    """Memory, at most what the nodes have."""
    return int(min(mb, cluster_limits().memory))


def limited(minutes):
    """A time that doubles with each attempt, as long as the cluster allows it."""
    return signed(lambda wildcards, attempt: int(min(minutes * 2 ** (attempt - 1), longest_job())))


def time_of(predictions, models=lambda wildcards: 1):
    """The time of a job that trains or samples models, by the predictions of the network for each."""
    return signed(
        lambda wildcards, attempt: int(
            min(
                ESTIMATES.minutes(attempt, predictions(wildcards) * models(wildcards)),
                longest_job(),
            )
        )
    )


# Of jobs that train, or that draw images.
TRAINING_MEMORY = signed(lambda wildcards, attempt: available(ESTIMATES.training_memory(attempt)))
SAMPLING_MEMORY = signed(lambda wildcards, attempt: available(ESTIMATES.sampling_memory(attempt)))


def models_of_shard(wildcards):
    """How many models a shard has."""
    if wildcards.distribution not in CONFIG.coalitions:
        return 1
    approach, distribution, _, shard = shard_of(wildcards)
    first, end = COUNTS.numbers(distribution, shard, approach)
    return end - first


def on_slurm():
    """Whether this run sends its jobs to SLURM."""
    plugin = workflow.executor_plugin if workflow.is_main_process else None
    return plugin is not None and plugin.name == "slurm"


def longest_job():
    """Minutes that the partitions of this run allow; jobs that need longer go on in a next try."""
    return cluster_limits().minutes


@cache
def cluster_limits():
    """What the partitions of this run allow."""
    if not on_slurm():
        return slurm.Limits()
    settings = workflow.resource_settings
    requested = [settings.default_resources or {}, *settings.overwrite_resources.values()]
    partitions = {str(resource_of(given, "slurm_partition")) for given in requested} - {"None", ""}
    return slurm.limits(partitions)


def resource_of(given, name):
    """A resource by its name, as Snakemake holds it or as it was written."""
    found = given.get(name)
    return getattr(found, "raw", found)


def understand_states():
    """Have the executor understand what SLURM says of jobs."""
    import snakemake_executor_plugin_slurm as plugin

    ask = plugin.query_job_status

    async def query(command, logger):
        states, seconds = await ask(command, logger)
        return states and slurm.plain_states(states), seconds

    plugin.query_job_status = query


def answer(command):
    """Exit status and errors of a command."""
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stderr


def check_cluster():
    """Stop where SLURM would refuse jobs; tell what the time limit of the partition means."""
    if not on_slurm():
        return
    understand_states()
    requests = [
        slurm.JobRequest((job.rule.name,), dict(job.resources.items()), job.threads)
        for job in workflow.dag.needrun_jobs()
        if not job.is_local
    ]
    if told := slurm.problems(slurm.alike(requests), answer):
        sys.exit("\n".join(["SLURM would not run these jobs:", *told]))
    if longest_job() < LONGEST:
        print(
            f"The partition allows jobs of {longest_job():g} minutes. Trainings, samples and gradients that "
            "need longer are saved, queued again, and go on.",
            file=sys.stderr,
        )
