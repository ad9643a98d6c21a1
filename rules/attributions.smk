"""One value per contributor and behavior, with its standard error.

In: behaviors/<approach>/<distribution>.{models,coalitions,}.parquet. Out: attributions/<attribution>.parquet;
for coalitions that are added until they are enough, coalitions/<distribution>/enough-<shards>.json.
"""


rule attribution:
    input:
        behaviors=INPUTS.fitted_tables,
    output:
        attribution=f"{RUN}/attributions/{{attribution}}.parquet",
    log:
        f"{RUN}/logs/attributions/{{attribution}}.log",
    benchmark:
        f"{RUN}/benchmarks/attributions/{{attribution}}.tsv"
    wildcard_constraints:
        attribution="|".join(CONFIG.removal_attributions) or NOTHING,
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=limited(60),
    params:
        plan=lambda wildcards: ATTRIBUTIONS.attribution(wildcards.attribution).params,
    script:
        "../workflow_scripts/attribution.py"


checkpoint enough:
    input:
        shards=INPUTS.first_shard_tables,
        coalitions=INPUTS.first_coalition_tables,
        others=INPUTS.other_tables,
    output:
        reached=f"{RUN}/coalitions/{{distribution}}/enough-{{shards}}.json",
    log:
        f"{RUN}/logs/enough/{{distribution}}/{{shards}}.log",
    benchmark:
        f"{RUN}/benchmarks/enough/{{distribution}}/{{shards}}.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=limited(60),
    params:
        plan=lambda wildcards: ATTRIBUTIONS.enough(
            wildcards.distribution, int(wildcards.shards)
        ).params,
    script:
        "../workflow_scripts/enough.py"
