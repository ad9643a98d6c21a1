"""The coalitions of each removal distribution.

A shard of coalitions to a table: more coalitions add tables and leave full ones alone.
In: data/contributors.parquet. Out: coalitions/<distribution>/<shard>.parquet.
"""


# They last seconds: on a cluster they run where snakemake runs.
localrules:
    coalitions,


rule coalitions:
    input:
        contributors=rules.data.output.contributors,
    output:
        coalitions=f"{RUN}/coalitions/{{distribution}}/{{shard}}.parquet",
    log:
        f"{RUN}/logs/coalitions/{{distribution}}/{{shard}}.log",
    benchmark:
        f"{RUN}/benchmarks/coalitions/{{distribution}}/{{shard}}.tsv"
    wildcard_constraints:
        distribution="|".join(CONFIG.coalitions),
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=limited(10),
    params:
        plan=lambda wildcards: PLAN.coalitions(wildcards.distribution, int(wildcards.shard)).params,
    script:
        "../workflow_scripts/coalitions.py"
