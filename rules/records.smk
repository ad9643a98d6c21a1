"""Behaviors that were recorded elsewhere: they stand in for all that makes models.

In: the files of config's records. Out: behaviors/records/<table>.parquet, data/contributors.parquet.
"""


rule records:
    output:
        models=f"{RUN}/behaviors/records/{{table}}.models.parquet",
        values=f"{RUN}/behaviors/records/{{table}}.parquet",
        coalitions=f"{RUN}/behaviors/records/{{table}}.coalitions.parquet",
    log:
        f"{RUN}/logs/records/{{table}}.log",
    benchmark:
        f"{RUN}/benchmarks/records/{{table}}.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=limited(30),
    params:
        plan=lambda wildcards: PLAN.records(wildcards.table).params,
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
        mem_mb=growing(1000),
        runtime=limited(10),
    params:
        plan=lambda wildcards: PLAN.contributors().params,
    script:
        "../workflow_scripts/recorded_contributors.py"
