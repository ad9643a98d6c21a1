"""Which contributors are kept: the coalitions of each removal distribution.

In: data/contributors.parquet. Out: coalitions/<distribution>.parquet.
"""


rule coalitions:
    input:
        contributors=rules.data.output.contributors,
    output:
        coalitions=f"{RUN}/coalitions/{{distribution}}.parquet",
    log:
        f"{RUN}/logs/coalitions/{{distribution}}.log",
    benchmark:
        f"{RUN}/benchmarks/coalitions/{{distribution}}.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        distribution=lambda wildcards: CONFIG.coalitions[wildcards.distribution].model_dump(),
        seed=SEED,
        version=VERSIONS["coalitions"],
    script:
        "../workflow_scripts/coalitions.py"
