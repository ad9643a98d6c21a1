"""One value per contributor and behavior, with its standard error.

In: behaviors/<approach>/<distribution>.parquet. Out: attributions/<attribution>.parquet.
"""


rule attribution:
    input:
        behaviors=lambda wildcards: (
            f"{RUN}/behaviors/{CONFIG.attributions[wildcards.attribution].values}.parquet"
        ),
        full=endpoint("full"),
        none=endpoint("none"),
    output:
        attribution=f"{RUN}/attributions/{{attribution}}.parquet",
    log:
        f"{RUN}/logs/attributions/{{attribution}}.log",
    benchmark:
        f"{RUN}/benchmarks/attributions/{{attribution}}.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        estimator=lambda wildcards: CONFIG.attributions[wildcards.attribution].estimator,
        distribution=fitted_distribution,
        code=CODE["attributions"],
    script:
        "../workflow_scripts/attribution.py"
