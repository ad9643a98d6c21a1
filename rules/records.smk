"""Behaviors that were recorded elsewhere: they stand in for all that makes models.

In: the files of config's records. Out: behaviors/records/<table>.parquet, data/contributors.parquet.
"""


rule records:
    input:
        table=lambda wildcards: CONFIG.records.tables[wildcards.table].path,
    output:
        behaviors=f"{RUN}/behaviors/records/{{table}}.parquet",
    log:
        f"{RUN}/logs/records/{{table}}.log",
    benchmark:
        f"{RUN}/benchmarks/records/{{table}}.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        table=lambda wildcards: CONFIG.records.tables[wildcards.table].model_dump(),
        records=CONFIG.records.model_dump(),
        code=CODE["behaviors"],
    script:
        "../workflow_scripts/records.py"


rule recorded_contributors:
    output:
        contributors=f"{RUN}/data/contributors.parquet",
    log:
        f"{RUN}/logs/contributors.log",
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        contributors=CONFIG.records.contributors,
    script:
        "../workflow_scripts/recorded_contributors.py"
