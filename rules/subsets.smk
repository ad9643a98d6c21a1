"""The models of coalitions and the images that they draw, a shard of coalitions in each job.

In: coalitions/<distribution>/<shard>.parquet, data/examples, data/train.parquet, the start model.
Out: subsets/<approach>/<distribution>/<training seed>-<shard>/ and, in one file for a shard,
samples/<approach>/<distribution>/<training seed>-<shard>.safetensors.
"""


rule subsets:
    input:
        coalitions=INPUTS.shard_coalitions,
        examples=rules.encode.output.examples,
        train=rules.data.output.train,
        start=INPUTS.start_model,
    output:
        models=keep(
            CONFIG.execution.keep.models,
            directory(f"{RUN}/subsets/{{approach}}/{{distribution}}/{{training_seed}}-{{shard}}"),
        ),
    log:
        f"{RUN}/logs/subsets/{{approach}}/{{distribution}}/{{training_seed}}-{{shard}}.log",
    wildcard_constraints:
        distribution="|".join([*CONFIG.coalitions, *COUNTS.requested]) or NOTHING,
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=TRAINING_MEMORY,
        runtime=time_of(
            lambda wildcards: ESTIMATES.of_approach(wildcards.approach), models_of_shard
        ),
        gpu=GPU,
        # In the queue of a cluster, jobs that measure models, and let them be deleted, come first.
        slurm_extra="--nice=1000",
    params:
        plan=lambda wildcards: PLAN.subsets(*shard_of(wildcards)).params,
    script:
        "../workflow_scripts/subsets.py"


rule samples:
    input:
        models=rules.subsets.output.models,
    output:
        samples=keep(
            CONFIG.execution.keep.samples,
            f"{RUN}/samples/{{approach}}/{{distribution}}/{{training_seed}}-{{shard}}.safetensors",
        ),
    log:
        f"{RUN}/logs/samples/{{approach}}/{{distribution}}/{{training_seed}}-{{shard}}.log",
    # Models may be temporary: sample them before more are made.
    priority: 5
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=SAMPLING_MEMORY,
        runtime=time_of(lambda wildcards: ESTIMATES.of_sampling, models_of_shard),
        gpu=GPU,
    params:
        plan=lambda wildcards: PLAN.samples(*shard_of(wildcards)).params,
    script:
        "../workflow_scripts/samples.py"
