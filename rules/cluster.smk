"""Resources of jobs on a cluster, and their check by SLURM before submission."""

import inspect
import subprocess
from functools import cache

from diffcredit import slurm
from diffcredit.plan.resources import LONGEST, Estimates

ESTIMATES = Estimates(CONFIG)


def signed(function):
    """The function with a cached signature, which Snakemake reads several times for each job."""
    function.__signature__ = inspect.signature(function)
    return function


def growing(mb):
    """Memory that doubles with each attempt, up to the memory of the nodes."""
    return signed(lambda wildcards, attempt: available(mb * 2 ** (attempt - 1)))


def available(mb):
    """Memory, at most that of the nodes."""
    return int(min(mb, cluster_limits().memory))


def limited(minutes):
    """A time that doubles with each attempt, up to the limit of the cluster."""
    return signed(lambda wildcards, attempt: int(min(minutes * 2 ** (attempt - 1), longest_job())))


def time_of(predictions, models=lambda wildcards: 1):
    """The time of a job that trains or samples models, from the network predictions per model."""
    return signed(
        lambda wildcards, attempt: int(
            min(
                ESTIMATES.minutes(attempt, predictions(wildcards) * models(wildcards)),
                longest_job(),
            )
        )
    )


# Memory of jobs that train, or that sample images.
TRAINING_MEMORY = signed(lambda wildcards, attempt: available(ESTIMATES.training_memory(attempt)))
SAMPLING_MEMORY = signed(lambda wildcards, attempt: available(ESTIMATES.sampling_memory(attempt)))


def models_of_shard(wildcards):
    """Number of models in a shard."""
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
    """Time limit of the run's partitions in minutes; longer jobs continue in the next attempt."""
    return cluster_limits().minutes


@cache
def cluster_limits():
    """The limits of the run's partitions."""
    if not on_slurm():
        return slurm.Limits()
    settings = workflow.resource_settings
    requested = [settings.default_resources or {}, *settings.overwrite_resources.values()]
    partitions = {str(resource_of(given, "slurm_partition")) for given in requested} - {"None", ""}
    return slurm.limits(partitions)


def resource_of(given, name):
    """The value of a resource, as Snakemake stores it or as it was written."""
    found = given.get(name)
    return getattr(found, "raw", found)


def understand_states():
    """Make the executor understand all states of SLURM jobs."""
    import snakemake_executor_plugin_slurm as plugin

    ask = plugin.query_job_status

    async def query(command, logger):
        states, seconds = await ask(command, logger)
        return states and slurm.plain_states(states), seconds

    plugin.query_job_status = query


def answer(command):
    """Exit status and standard error of a command."""
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stderr


def check_cluster():
    """Stop if SLURM would refuse jobs; explain the effect of the partition's time limit."""
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
