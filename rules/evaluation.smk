"""Evaluation of attributions: LDS, planted truth, cost, convergence, counterfactuals.

In: attributions and behaviors.
Out: evaluation/{lds,planted,cost,convergence,dampings,counterfactual,regenerated}.{parquet,csv}.
"""


# They last a second: on a cluster they run where snakemake runs.
localrules:
    planted,
    counterfactual_coalitions,
    regenerated_coalitions,
    cost,


rule lds:
    input:
        attributions=expand(
            f"{RUN}/attributions/{{attribution}}.parquet", attribution=CONFIG.attributed
        ),
        truth=INPUTS.behaviors(CONFIG.evaluation.lds.truth),
        contributors=f"{RUN}/data/contributors.parquet",
    output:
        parquet=f"{RUN}/evaluation/lds.parquet",
        csv=f"{RUN}/evaluation/lds.csv",
    log:
        f"{RUN}/logs/lds.log",
    benchmark:
        f"{RUN}/benchmarks/lds.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=limited(60),
    params:
        plan=lambda wildcards: EVALUATIONS.lds().params,
    script:
        "../workflow_scripts/lds.py"


rule planted:
    input:
        attributions=rules.lds.input.attributions,
        planted=f"{RUN}/data/planted.parquet",
    output:
        parquet=f"{RUN}/evaluation/planted.parquet",
        csv=f"{RUN}/evaluation/planted.csv",
    log:
        f"{RUN}/logs/planted.log",
    benchmark:
        f"{RUN}/benchmarks/planted.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=limited(10),
    params:
        plan=lambda wildcards: EVALUATIONS.planted().params,
    script:
        "../workflow_scripts/planted.py"


rule cost:
    input:
        models=[f"{RUN}/behaviors/{made}.models.parquet" for made in MADE],
    output:
        parquet=f"{RUN}/evaluation/cost.parquet",
        csv=f"{RUN}/evaluation/cost.csv",
    log:
        f"{RUN}/logs/cost.log",
    benchmark:
        f"{RUN}/benchmarks/cost.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=limited(10),
    params:
        plan=lambda wildcards: EVALUATIONS.cost().params,
    script:
        "../workflow_scripts/cost.py"


rule convergence:
    input:
        behaviors=INPUTS.behaviors(*EVALUATIONS.fitted),
        truth=rules.lds.input.truth,
    output:
        convergence=f"{RUN}/evaluation/convergence.parquet",
        convergence_csv=f"{RUN}/evaluation/convergence.csv",
        equal_compute=f"{RUN}/evaluation/equal_compute.parquet",
        equal_compute_csv=f"{RUN}/evaluation/equal_compute.csv",
    log:
        f"{RUN}/logs/convergence.log",
    benchmark:
        f"{RUN}/benchmarks/convergence.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=limited(60),
    params:
        plan=lambda wildcards: EVALUATIONS.convergence().params,
    script:
        "../workflow_scripts/convergence.py"


rule dampings:
    input:
        dampings=[f"{RUN}/dampings/{score}.parquet" for score in EVALUATIONS.grids],
        scores=[f"{RUN}/scores/{score}" for score in EVALUATIONS.grids],
        train=f"{RUN}/data/train.parquet",
        truth=rules.lds.input.truth,
    output:
        parquet=f"{RUN}/evaluation/dampings.parquet",
        csv=f"{RUN}/evaluation/dampings.csv",
    log:
        f"{RUN}/logs/dampings.log",
    benchmark:
        f"{RUN}/benchmarks/dampings.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=limited(60),
    params:
        plan=lambda wildcards: EVALUATIONS.dampings().params,
    script:
        "../workflow_scripts/dampings.py"


rule counterfactual_coalitions:
    input:
        attribution=lambda wildcards: INPUTS.requested_by("counterfactual", wildcards.shard),
        contributors=f"{RUN}/data/contributors.parquet",
    output:
        coalitions=f"{RUN}/coalitions/counterfactual/{{shard}}.parquet",
    log:
        f"{RUN}/logs/coalitions/counterfactual/{{shard}}.log",
    benchmark:
        f"{RUN}/benchmarks/coalitions/counterfactual/{{shard}}.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=limited(10),
    params:
        plan=lambda wildcards: PLAN.coalitions("counterfactual", int(wildcards.shard)).params,
    script:
        "../workflow_scripts/counterfactual_coalitions.py"


rule counterfactual:
    input:
        coalitions=lambda _: INPUTS.requested_tables("counterfactual"),
        behaviors=lambda _: INPUTS.behaviors(f"{COUNTERFACTUAL.approach}/counterfactual"),
        full=lambda _: INPUTS.behaviors(COUNTERFACTUAL.full),
    output:
        parquet=f"{RUN}/evaluation/counterfactual.parquet",
        csv=f"{RUN}/evaluation/counterfactual.csv",
    log:
        f"{RUN}/logs/counterfactual.log",
    benchmark:
        f"{RUN}/benchmarks/counterfactual.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=limited(30),
    params:
        plan=lambda wildcards: EVALUATIONS.counterfactual().params,
    script:
        "../workflow_scripts/counterfactual.py"


rule regenerated_coalitions:
    input:
        attribution=lambda wildcards: INPUTS.requested_by("regenerated", wildcards.shard),
        contributors=f"{RUN}/data/contributors.parquet",
    output:
        coalitions=f"{RUN}/coalitions/regenerated/{{shard}}.parquet",
    log:
        f"{RUN}/logs/coalitions/regenerated/{{shard}}.log",
    benchmark:
        f"{RUN}/benchmarks/coalitions/regenerated/{{shard}}.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=limited(10),
    params:
        plan=lambda wildcards: PLAN.coalitions("regenerated", int(wildcards.shard)).params,
    script:
        "../workflow_scripts/regenerated_coalitions.py"


rule regenerated:
    input:
        coalitions=lambda _: INPUTS.requested_tables("regenerated"),
        behaviors=lambda _: INPUTS.behaviors(f"{REGENERATED.approach}/regenerated"),
    output:
        parquet=f"{RUN}/evaluation/regenerated.parquet",
        summary=f"{RUN}/evaluation/regenerated_summary.parquet",
        csv=f"{RUN}/evaluation/regenerated_summary.csv",
    log:
        f"{RUN}/logs/regenerated.log",
    benchmark:
        f"{RUN}/benchmarks/regenerated.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=limited(30),
    params:
        plan=lambda wildcards: EVALUATIONS.regenerated().params,
    script:
        "../workflow_scripts/regenerated.py"


rule evaluation:
    input:
        rules.lds.output,
        [] if CONFIG.records else [rules.planted.output, rules.cost.output],
        INPUTS.reached_files,
        rules.convergence.output if EVALUATIONS.converges else [],
        rules.dampings.output if EVALUATIONS.grids else [],
        rules.counterfactual.output if COUNTERFACTUAL else [],
        rules.regenerated.output if REGENERATED else [],
