"""Attributions by scores of single images: by gradients of the full model, or by similarity.

In: data/train.parquet, data/examples, queries/<behavior>.parquet, models/.
Out: gradients/<entry>/<model>/{train,queries,trajectory}/<part>/, scores/<score>/,
attributions/<score>.parquet, dampings/<score>.parquet.
"""


rule gradients:
    input:
        model=lambda wildcards: INPUTS.made_model(snapshot_of(wildcards)),
        images=lambda wildcards: (
            rules.encode.output.examples
            if wildcards.kind == "train"
            else f"{RUN}/queries/{wildcards.part}.parquet"
        ),
        sampler=lambda wildcards: rules.full.output.model if wildcards.kind == "trajectory" else [],
    output:
        features=directory(
            f"{RUN}/gradients/{{gradients}}/{{number}}-{{snapshot}}/{{kind}}/{{part}}"
        ),
    log:
        f"{RUN}/logs/gradients/{{gradients}}/{{number}}-{{snapshot}}/{{kind}}/{{part}}.log",
    benchmark:
        f"{RUN}/benchmarks/gradients/{{gradients}}/{{number}}-{{snapshot}}/{{kind}}/{{part}}.tsv"
    wildcard_constraints:
        kind="train|queries|trajectory",
        part=r"\w+",
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=TRAINING_MEMORY,
        runtime=limited(1440),
        gpu=GPU,
    params:
        plan=lambda wildcards: ATTRIBUTIONS.gradients(
            wildcards.gradients, snapshot_of(wildcards), wildcards.kind, wildcards.part
        ).params,
        model=lambda wildcards: INPUTS.model_folder(snapshot_of(wildcards)),
    script:
        "../workflow_scripts/gradients.py"


rule gradient_scores:
    input:
        features=INPUTS.gradient_features,
        models=INPUTS.made_models,
    output:
        scores=directory(f"{RUN}/scores/{{score}}"),
    log:
        f"{RUN}/logs/scores/{{score}}.log",
    benchmark:
        f"{RUN}/benchmarks/scores/{{score}}.tsv"
    wildcard_constraints:
        score=INPUTS.scores_of("gradients"),
    conda:
        "../envs/environment.yaml"
    threads: 2
    resources:
        mem_mb=growing(8000),
        runtime=limited(240),
    params:
        plan=lambda wildcards: ATTRIBUTIONS.scores(wildcards.score).params,
        models=INPUTS.features_of_models,
    script:
        "../workflow_scripts/gradient_scores.py"


rule ekfac:
    input:
        train=rules.encode.output.examples,
        queries=lambda wildcards: INPUTS.query_tables(wildcards.score),
        models=INPUTS.made_models,
    output:
        scores=directory(f"{RUN}/scores/{{score}}"),
    log:
        f"{RUN}/logs/scores/{{score}}.log",
    benchmark:
        f"{RUN}/benchmarks/scores/{{score}}.tsv"
    wildcard_constraints:
        score=INPUTS.scores_of("model"),
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=limited(1440),
        gpu=GPU,
    params:
        plan=lambda wildcards: ATTRIBUTIONS.scores(wildcards.score).params,
        models=INPUTS.places_of_models,
    script:
        "../workflow_scripts/ekfac.py"


rule similarity:
    input:
        train=INPUTS.compared_images,
        queries=lambda wildcards: INPUTS.query_tables(wildcards.score),
        classifier=lambda wildcards: INPUTS.own_classifier(INPUTS.score_extractor(wildcards)),
    output:
        scores=directory(f"{RUN}/scores/{{score}}"),
    log:
        f"{RUN}/logs/scores/{{score}}.log",
    benchmark:
        f"{RUN}/benchmarks/scores/{{score}}.tsv"
    wildcard_constraints:
        score=INPUTS.scores_of("features", "pixels"),
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=limited(240),
        gpu=GPU,
    params:
        plan=lambda wildcards: ATTRIBUTIONS.scores(wildcards.score).params,
    script:
        "../workflow_scripts/similarity.py"


rule scored:
    input:
        scores=f"{RUN}/scores/{{attribution}}",
        train=f"{RUN}/data/train.parquet",
        measured=INPUTS.damping_tables,
    output:
        attribution=f"{RUN}/attributions/{{attribution}}.parquet",
        dampings=f"{RUN}/dampings/{{attribution}}.parquet",
    log:
        f"{RUN}/logs/attributions/{{attribution}}.log",
    benchmark:
        f"{RUN}/benchmarks/attributions/{{attribution}}.tsv"
    wildcard_constraints:
        attribution="|".join(CONFIG.score_attributions) or NOTHING,
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=limited(60),
    params:
        plan=lambda wildcards: ATTRIBUTIONS.scored(wildcards.attribution).params,
    script:
        "../workflow_scripts/scored.py"
