"""Unlearning of images by several approaches, and its evaluation.

The models of each approach are those of the distribution "unlearning": of all training seeds, after
every so many steps. Their images and behaviors are made as those of any other models.
In: data/train.parquet, data/examples, models/full. Out: unlearning/{removed,retained}.parquet,
subsets/<approach>/unlearning/<seed>-0, unlearning/reconstruction/<approach>.safetensors,
evaluation/{unlearning,outcomes}.{parquet,csv}, figures/{unlearning,outcomes,reconstruction}.svg.
"""


# They last seconds: on a cluster they run where snakemake runs.
localrules:
    outcomes,
    figure_unlearning,


CLUSTER = UNLEARNED.remove.cluster
CLUSTERED = [CLUSTER.extractor] if CLUSTER else []

# The behavior whose reconstructions of removed images are shown, as a list.
RECONSTRUCTED = [PLAN.reconstruction_behavior] if PLAN.reconstruction_behavior else []


rule removal:
    input:
        train=rules.data.output.train,
        contributors=rules.data.output.contributors,
        generated=f"{RUN}/samples/full.safetensors" if CLUSTER else [],
        classifier=INPUTS.own_classifier(CLUSTERED),
    output:
        removed=f"{RUN}/unlearning/removed.parquet",
        retained=f"{RUN}/unlearning/retained.parquet",
    log:
        f"{RUN}/logs/unlearning/removal.log",
    # The rule data reports an impossible removal; if the data existed already, this rule does.
    priority: 100
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=limited(60),
        gpu=GPU if CLUSTER else 0,
    params:
        plan=lambda wildcards: PLAN.removal().params,
    script:
        "../workflow_scripts/removal.py"


rule pretrained:
    input:
        model=rules.full.output.model,
    output:
        models=keep(
            CONFIG.execution.keep.models, directory(f"{RUN}/subsets/{PRETRAINED}/{UNLEARNING}/0-0")
        ),
    log:
        f"{RUN}/logs/subsets/{PRETRAINED}/{UNLEARNING}/0-0.log",
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=limited(30),
    params:
        plan=lambda wildcards: PLAN.pretrained().params,
    script:
        "../workflow_scripts/pretrained.py"


rule unlearn:
    input:
        examples=rules.encode.output.examples,
        removed=rules.removal.output.removed,
        retained=rules.removal.output.retained,
        start=INPUTS.start_model,
        queries=lambda wildcards: (
            f"{RUN}/queries/{UNLEARNED.forgetting}.parquet"
            if PLAN.measured_on_the_way(wildcards.approach)
            else []
        ),
        classifier=lambda wildcards: INPUTS.own_classifier(
            PLAN.extractors(PLAN.measured_on_the_way(wildcards.approach))
        ),
    output:
        models=keep(
            CONFIG.execution.keep.models,
            directory(f"{RUN}/subsets/{{approach}}/{UNLEARNING}/{{training_seed}}-0"),
        ),
    log:
        f"{RUN}/logs/subsets/{{approach}}/{UNLEARNING}/{{training_seed}}-0.log",
    wildcard_constraints:
        approach="|".join(FORGETTING[1:]),
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: available(ESTIMATES.training_memory(attempt))
        + (4000 if PLAN.weight_files(PLAN.measured_on_the_way(wildcards.approach)) else 0),
        runtime=time_of(lambda wildcards: ESTIMATES.of_approach(wildcards.approach)),
        gpu=GPU,
    params:
        plan=lambda wildcards: PLAN.unlearn(wildcards.approach, int(wildcards.training_seed)).params,
    script:
        "../workflow_scripts/unlearn.py"


rule reconstruction:
    input:
        models=f"{RUN}/subsets/{{approach}}/{UNLEARNING}/0-0",
        queries=lambda _: f"{RUN}/queries/{RECONSTRUCTED[0]}.parquet",
    output:
        images=f"{RUN}/unlearning/reconstruction/{{approach}}.safetensors",
    log:
        f"{RUN}/logs/unlearning/reconstruction/{{approach}}.log",
    wildcard_constraints:
        approach="|".join(FORGETTING),
    # Models may be temporary: reconstruct images before more are made.
    priority: 5
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=limited(120),
        gpu=GPU,
    params:
        plan=lambda wildcards: PLAN.reconstruction(wildcards.approach).params,
    script:
        "../workflow_scripts/reconstruction.py"


rule outcomes:
    input:
        behaviors=[
            table
            for name in FORGETTING
            for seed in range(COUNTS.seeds(name, UNLEARNING))
            for table in INPUTS.measured_tables(name, UNLEARNING, [f"{seed}-0"])
        ],
    output:
        curves=f"{RUN}/evaluation/unlearning.parquet",
        curves_csv=f"{RUN}/evaluation/unlearning.csv",
        outcomes=f"{RUN}/evaluation/outcomes.parquet",
        outcomes_csv=report(
            f"{RUN}/evaluation/outcomes.csv",
            caption="captions/outcomes.rst",
            category="Unlearning",
        ),
    log:
        f"{RUN}/logs/outcomes.log",
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=limited(30),
    params:
        plan=lambda wildcards: EVALUATIONS.outcomes().params,
    script:
        "../workflow_scripts/outcomes.py"


rule figure_unlearning:
    input:
        curves=rules.outcomes.output.curves,
        outcomes=rules.outcomes.output.outcomes,
        removed=[f"{RUN}/queries/{behavior}.parquet" for behavior in RECONSTRUCTED],
        reconstruction=[
            f"{RUN}/unlearning/reconstruction/{name}.safetensors"
            for name in FORGETTING
            if RECONSTRUCTED
        ],
    output:
        curves=report(
            f"{RUN}/figures/unlearning.svg",
            caption="captions/unlearning.rst",
            category="Unlearning",
        ),
        outcomes=report(
            f"{RUN}/figures/outcomes.svg", caption="captions/outcomes.rst", category="Unlearning"
        ),
        reconstruction=(
            report(
                f"{RUN}/figures/reconstruction.svg",
                caption="captions/reconstruction.rst",
                category="Unlearning",
            )
            if RECONSTRUCTED
            else []
        ),
        text=f"{RUN}/evaluation/outcomes.txt",
    log:
        f"{RUN}/logs/figures/unlearning.log",
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=limited(10),
    params:
        plan=lambda wildcards: EVALUATIONS.figure_unlearning().params,
    script:
        "../workflow_scripts/figure_unlearning.py"


rule unlearning:
    input:
        rules.outcomes.output,
        rules.figure_unlearning.output,
