"""How good the attributions are: LDS, planted truth, cost, convergence, counterfactuals.

In: attributions and behaviors.
Out: evaluation/{lds,planted,cost,convergence,dampings,counterfactual,regenerated}.{parquet,csv}.
"""


# They last seconds: on a cluster they run where snakemake runs.
localrules:
    lds,
    planted,
    convergence,
    dampings,
    counterfactual_coalitions,
    counterfactual,
    regenerated_coalitions,
    regenerated,
    cost,


rule lds:
    input:
        attributions=expand(
            f"{RUN}/attributions/{{attribution}}.parquet", attribution=CONFIG.attributed
        ),
        truth=f"{RUN}/behaviors/{CONFIG.evaluation.lds.truth}.parquet",
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
        mem_mb=2000,
        runtime=60,
    params:
        lds=CONFIG.evaluation.lds.model_dump(),
        seed=SEED,
        code=CODE["evaluation"],
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
        mem_mb=2000,
        runtime=10,
    params:
        better={name: b.better for name, b in CONFIG.behaviors.items()},
        code=CODE["evaluation"],
    script:
        "../workflow_scripts/planted.py"


rule cost:
    input:
        behaviors=[f"{RUN}/behaviors/{made}.parquet" for made in MADE],
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
        mem_mb=1000,
        runtime=10,
    params:
        made=MADE,
        code=CODE["evaluation"],
    script:
        "../workflow_scripts/cost.py"


rule convergence:
    input:
        behaviors=[f"{RUN}/behaviors/{made}.parquet" for made in FITTED],
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
        mem_mb=2000,
        runtime=60,
    params:
        made=FITTED,
        attributions={name: a.model_dump() for name, a in CONFIG.attributions.items()},
        drawn={name: drawn_for(name) for name in CONFIG.attributions},
        convergence=CONVERGENCE and CONVERGENCE.model_dump(),
        lds=CONFIG.evaluation.lds.model_dump(),
        seed=SEED,
        code=[CODE["evaluation"], CODE["attributions"]],
    script:
        "../workflow_scripts/convergence.py"


rule dampings:
    input:
        dampings=[f"{RUN}/dampings/{score}.parquet" for score in GRIDS],
        scores=[f"{RUN}/scores/{score}" for score in GRIDS],
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
        mem_mb=4000,
        runtime=60,
    params:
        scores={name: CONFIG.scores[name].model_dump() for name in GRIDS},
        behaviors={b: CONFIG.behaviors[b].model_dump() for name in GRIDS for b in EXPLAINED[name]},
        code=[CODE["evaluation"], CODE["scores"]],
    script:
        "../workflow_scripts/dampings.py"


rule counterfactual_coalitions:
    input:
        attribution=lambda wildcards: asked_attribution("counterfactual", wildcards.shard),
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
        mem_mb=1000,
        runtime=10,
    params:
        settings=COUNTERFACTUAL and COUNTERFACTUAL.model_dump(),
        seed=SEED,
        code=CODE["counterfactual_coalitions"],
    script:
        "../workflow_scripts/counterfactual_coalitions.py"


rule counterfactual:
    input:
        coalitions=lambda _: asked_tables("counterfactual"),
        behaviors=lambda _: f"{RUN}/behaviors/{COUNTERFACTUAL.approach}/counterfactual.parquet",
        full=lambda _: f"{RUN}/behaviors/{COUNTERFACTUAL.full}.parquet",
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
        mem_mb=2000,
        runtime=30,
    params:
        confidence=CONFIG.evaluation.lds.confidence,
        code=CODE["evaluation"],
    script:
        "../workflow_scripts/counterfactual.py"


rule regenerated_coalitions:
    input:
        attribution=lambda wildcards: asked_attribution("regenerated", wildcards.shard),
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
        mem_mb=1000,
        runtime=10,
    params:
        # Models are made of these: only what draws them.
        settings=REGENERATED and REGENERATED.model_dump(include={"behavior", "queries", "remove"}),
        draws=lambda wildcards: (
            0 if asked_attribution("regenerated", wildcards.shard) else REGENERATED.random
        ),
        sign=REGENERATED and CONFIG.behaviors[REGENERATED.behavior].sign,
        seed=SEED,
        code=CODE["regenerated_coalitions"],
    script:
        "../workflow_scripts/regenerated_coalitions.py"


rule regenerated:
    input:
        coalitions=lambda _: asked_tables("regenerated"),
        behaviors=lambda _: f"{RUN}/behaviors/{REGENERATED.approach}/regenerated.parquet",
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
        mem_mb=2000,
        runtime=30,
    params:
        settings=REGENERATED and REGENERATED.model_dump(),
        confidence=CONFIG.evaluation.lds.confidence,
        code=CODE["evaluation"],
    script:
        "../workflow_scripts/regenerated.py"


rule evaluation:
    input:
        rules.lds.output,
        [] if CONFIG.records else [rules.planted.output, rules.cost.output],
        reached_files,
        rules.convergence.output if CONVERGENCE else [],
        rules.dampings.output if GRIDS else [],
        rules.counterfactual.output if COUNTERFACTUAL else [],
        rules.regenerated.output if REGENERATED else [],
