"""The query images of local behaviors.

In: the images that a behavior names. Out: queries/<behavior>.parquet.
"""


rule queries:
    input:
        train=rules.data.output.train,
        generated=lambda wildcards: (
            f"{RUN}/samples/full.safetensors"
            if INPUTS.query_images(wildcards) == "generated"
            else []
        ),
        held_out=lambda wildcards: (
            rules.data.output.held_out if INPUTS.query_images(wildcards) == "held_out" else []
        ),
        removed=lambda wildcards: (
            rules.removal.output.removed if INPUTS.query_images(wildcards) == "removed" else []
        ),
        retained=lambda wildcards: (
            rules.removal.output.retained if INPUTS.query_images(wildcards) == "retained" else []
        ),
    output:
        queries=f"{RUN}/queries/{{behavior}}.parquet",
    log:
        f"{RUN}/logs/queries/{{behavior}}.log",
    wildcard_constraints:
        behavior="|".join(name for name, b in CONFIG.behaviors.items() if b.queried) or NOTHING,
    # So that too few images are reported before models are trained.
    priority: 100
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=limited(30),
    params:
        plan=lambda wildcards: PLAN.queries(wildcards.behavior).params,
    script:
        "../workflow_scripts/queries.py"
