"""How good the attributions are: LDS, planted truth, cost.

In: attributions and behaviors. Out: evaluation/{lds,planted,cost}.{parquet,csv}.
"""


rule lds:
    input:
        attributions=expand(
            f"{RUN}/attributions/{{attribution}}.parquet", attribution=CONFIG.attributions
        ),
        truth=f"{RUN}/behaviors/{CONFIG.evaluation.lds.truth}.parquet",
        contributors=rules.data.output.contributors,
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
        planted=rules.data.output.planted,
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
        measures={name: b.measure.name for name, b in CONFIG.behaviors.items()},
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


rule evaluation:
    input:
        rules.lds.output,
        rules.planted.output,
        rules.cost.output,
