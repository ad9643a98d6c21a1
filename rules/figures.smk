"""The report: figures and one page of tables.

In: tables, samples. Out: figures/*.svg, figures/tables.html, evaluation/lds.txt.
"""


# They last seconds: on a cluster they run where snakemake runs.
localrules:
    figure_tables,
    figure_attributions,
    figure_lds,
    figure_cost,
    figure_convergence,
    figure_dampings,
    figure_counterfactual,
    figure_regenerated,
    figure_proponents,
    figure_samples,


rule figure_tables:
    input:
        lds=rules.lds.output.parquet,
        equal_compute=rules.convergence.output.equal_compute if EVALUATIONS.converges else [],
        counterfactual=rules.counterfactual.output.parquet if COUNTERFACTUAL else [],
        regenerated=rules.regenerated.output.summary if REGENERATED else [],
        dampings=rules.dampings.output.parquet if EVALUATIONS.grids else [],
        planted=[] if CONFIG.records else rules.planted.output.parquet,
        cost=[] if CONFIG.records else rules.cost.output.parquet,
        pruned=f"{RUN}/models/pruned" if EVALUATIONS.prunes else [],
    output:
        page=report(f"{RUN}/figures/tables.html", caption="captions/tables.rst", category="Tables"),
        text=f"{RUN}/evaluation/lds.txt",
    log:
        f"{RUN}/logs/figures/tables.log",
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=limited(10),
    params:
        plan=lambda wildcards: EVALUATIONS.figure_tables().params,
    script:
        "../workflow_scripts/figure_tables.py"


rule figure_attributions:
    input:
        attributions=rules.lds.input.attributions,
        contributors=f"{RUN}/data/contributors.parquet",
    output:
        report(
            f"{RUN}/figures/attributions.svg",
            caption="captions/attributions.rst",
            category="Attributions",
        ),
    log:
        f"{RUN}/logs/figures/attributions.log",
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=limited(10),
    params:
        plan=lambda wildcards: EVALUATIONS.figure_attributions().params,
    script:
        "../workflow_scripts/figure_attributions.py"


rule figure_lds:
    input:
        lds=rules.lds.output.parquet,
    output:
        report(f"{RUN}/figures/lds.svg", caption="captions/lds.rst", category="Evaluation"),
    log:
        f"{RUN}/logs/figures/lds.log",
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=limited(10),
    params:
        plan=lambda wildcards: EVALUATIONS.figure_lds().params,
    script:
        "../workflow_scripts/figure.py"


rule figure_cost:
    input:
        cost=rules.cost.output.parquet,
    output:
        report(f"{RUN}/figures/cost.svg", caption="captions/cost.rst", category="Evaluation"),
    log:
        f"{RUN}/logs/figures/cost.log",
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=limited(10),
    params:
        plan=lambda wildcards: EVALUATIONS.figure_cost().params,
    script:
        "../workflow_scripts/figure.py"


rule figure_convergence:
    input:
        convergence=rules.convergence.output.convergence,
        lds=rules.lds.output.parquet,
    output:
        report(
            f"{RUN}/figures/convergence.svg",
            caption="captions/convergence.rst",
            category="Evaluation",
        ),
    log:
        f"{RUN}/logs/figures/convergence.log",
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=limited(10),
    params:
        plan=lambda wildcards: EVALUATIONS.figure_convergence().params,
    script:
        "../workflow_scripts/figure.py"


rule figure_dampings:
    input:
        dampings=rules.dampings.output.parquet,
    output:
        report(
            f"{RUN}/figures/dampings.svg",
            caption="captions/dampings.rst",
            category="Evaluation",
        ),
    log:
        f"{RUN}/logs/figures/dampings.log",
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=limited(10),
    params:
        plan=lambda wildcards: EVALUATIONS.figure_dampings().params,
    script:
        "../workflow_scripts/figure.py"


rule figure_counterfactual:
    input:
        counterfactual=rules.counterfactual.output.parquet,
    output:
        report(
            f"{RUN}/figures/counterfactual.svg",
            caption="captions/counterfactual.rst",
            category="Evaluation",
        ),
    log:
        f"{RUN}/logs/figures/counterfactual.log",
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=limited(10),
    params:
        plan=lambda wildcards: EVALUATIONS.figure_counterfactual().params,
    script:
        "../workflow_scripts/figure.py"


rule figure_regenerated:
    input:
        coalitions=lambda _: INPUTS.requested_tables("regenerated"),
        samples=lambda _: [
            f"{RUN}/samples/{REGENERATED.approach}/regenerated/0-{shard}.safetensors"
            for shard in range(INPUTS.shard_count("regenerated"))
        ],
        full=f"{RUN}/samples/full.safetensors",
    output:
        report(
            f"{RUN}/figures/regenerated.svg",
            caption="captions/regenerated.rst",
            category="Images",
        ),
    log:
        f"{RUN}/logs/figures/regenerated.log",
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=limited(10),
    params:
        plan=lambda wildcards: EVALUATIONS.figure_regenerated().params,
    script:
        "../workflow_scripts/figure_regenerated.py"


rule figure_proponents:
    input:
        scores=[f"{RUN}/scores/{score}" for score in EVALUATIONS.proponents],
        attributions=[f"{RUN}/attributions/{score}.parquet" for score in EVALUATIONS.proponents],
        queries=[f"{RUN}/queries/{behavior}.parquet" for behavior in EVALUATIONS.shown],
        train=f"{RUN}/data/train.parquet",
    output:
        report(
            f"{RUN}/figures/proponents.svg",
            caption="captions/proponents.rst",
            category="Images",
        ),
    log:
        f"{RUN}/logs/figures/proponents.log",
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=limited(10),
    params:
        plan=lambda wildcards: EVALUATIONS.figure_proponents().params,
    script:
        "../workflow_scripts/figure_proponents.py"


rule figure_samples:
    input:
        train=f"{RUN}/data/train.parquet",
        full=f"{RUN}/samples/full.safetensors",
        pruned=f"{RUN}/samples/pruned.safetensors" if EVALUATIONS.prunes else [],
        shard=f"{RUN}/samples/{EVALUATIONS.pictured}/0-0.safetensors",
        contributors=f"{RUN}/data/contributors.parquet",
        attribution=f"{RUN}/attributions/{EVALUATIONS.last}.parquet",
    output:
        samples=report(
            f"{RUN}/figures/samples.svg", caption="captions/samples.rst", category="Images"
        ),
        contributors=report(
            f"{RUN}/figures/contributors.svg",
            caption="captions/contributors.rst",
            category="Images",
        ),
    log:
        f"{RUN}/logs/figures/samples.log",
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=limited(10),
    params:
        plan=lambda wildcards: EVALUATIONS.figure_samples().params,
    script:
        "../workflow_scripts/figure_samples.py"


rule figures:
    input:
        rules.figure_tables.output,
        rules.figure_attributions.output,
        rules.figure_lds.output,
        [] if CONFIG.records else [rules.figure_cost.output, rules.figure_samples.output],
        rules.figure_convergence.output if EVALUATIONS.converges else [],
        rules.figure_dampings.output if EVALUATIONS.grids else [],
        rules.figure_counterfactual.output if COUNTERFACTUAL else [],
        rules.figure_regenerated.output if REGENERATED else [],
        rules.figure_proponents.output if EVALUATIONS.proponents else [],
