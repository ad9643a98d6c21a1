"""Model behaviors, measured by shard and then gathered.

In: samples, the reference images, the classifier, the full model's samples; models and query images.
Out: {behaviors,model_behaviors}/<approach>/<distribution>/<training seed>-<shard>.parquet,
behaviors/<approach>/<distribution>.{models,coalitions,}.parquet.
"""


# They last seconds: on a cluster they run where snakemake runs.
localrules:
    gather,


rule score:
    input:
        samples=rules.samples.output.samples,
        reference=rules.data.output.reference,
        classifier=INPUTS.own_classifier(PLAN.extractors(PLAN.sampled)),
        full=(f"{RUN}/samples/full.safetensors" if PLAN.compares_with_full else []),
        queries=[f"{RUN}/queries/{behavior}.parquet" for behavior in PLAN.looked_for],
    output:
        # The table keeps its values of other behaviors.
        behaviors=update(
            f"{RUN}/behaviors/{{approach}}/{{distribution}}/{{training_seed}}-{{shard}}.parquet"
        ),
    log:
        f"{RUN}/logs/score/{{approach}}/{{distribution}}/{{training_seed}}-{{shard}}.log",
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        # Published networks are large.
        mem_mb=growing(8000 if PLAN.weight_files(PLAN.sampled) else 2000),
        runtime=limited(240),
        gpu=GPU,
    params:
        plan=lambda wildcards: PLAN.score(*shard_of(wildcards)).params,
    script:
        "../workflow_scripts/score.py"


rule model_behaviors:
    input:
        models=rules.subsets.output.models,
        queries=[f"{RUN}/queries/{behavior}.parquet" for behavior in PLAN.modeled],
        classifier=INPUTS.own_classifier(PLAN.extractors(PLAN.modeled)),
    output:
        behaviors=update(
            f"{RUN}/model_behaviors/{{approach}}/{{distribution}}/{{training_seed}}-{{shard}}.parquet"
        ),
    log:
        f"{RUN}/logs/model_behaviors/{{approach}}/{{distribution}}/{{training_seed}}-{{shard}}.log",
    # Models may be temporary: measure them before more are made.
    priority: 5
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(8000 if PLAN.weight_files(PLAN.modeled) else 4000),
        runtime=limited(720),
        gpu=GPU,
    params:
        plan=lambda wildcards: PLAN.model_behaviors(*shard_of(wildcards)).params,
    script:
        "../workflow_scripts/model_behaviors.py"


rule gather:
    input:
        shards=INPUTS.shard_tables,
        coalitions=INPUTS.coalition_tables,
    output:
        models=f"{RUN}/behaviors/{{approach}}/{{distribution}}.models.parquet",
        values=f"{RUN}/behaviors/{{approach}}/{{distribution}}.parquet",
        coalitions=f"{RUN}/behaviors/{{approach}}/{{distribution}}.coalitions.parquet",
    log:
        f"{RUN}/logs/gather/{{approach}}/{{distribution}}.log",
    benchmark:
        f"{RUN}/benchmarks/gather/{{approach}}/{{distribution}}.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=limited(30),
    params:
        plan=lambda wildcards: PLAN.behaviors(
            f"{wildcards.approach}/{wildcards.distribution}"
        ).params,
    script:
        "../workflow_scripts/gather.py"
