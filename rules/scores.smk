"""Attributions by scores of single images: by gradients of the full model, or by similarity.

In: data/train.parquet, queries/<behavior>.parquet, models/.
Out: gradients/<entry>/<model>/{train,queries,trajectory}/<part>/, scores/<score>/,
attributions/<score>.parquet, dampings/<score>.parquet.
"""


rule gradients:
    input:
        model=lambda wildcards: made_model(wildcards.model),
        images=lambda wildcards: (
            f"{RUN}/data/train.parquet"
            if wildcards.kind == "train"
            else f"{RUN}/queries/{wildcards.part}.parquet"
        ),
        sampler=lambda wildcards: rules.full.output.model if wildcards.kind == "trajectory" else [],
    output:
        features=directory(f"{RUN}/gradients/{{gradients}}/{{model}}/{{kind}}/{{part}}"),
    log:
        f"{RUN}/logs/gradients/{{gradients}}/{{model}}/{{kind}}/{{part}}.log",
    benchmark:
        f"{RUN}/benchmarks/gradients/{{gradients}}/{{model}}/{{kind}}/{{part}}.tsv"
    wildcard_constraints:
        model=r"\d+-\d+",
        kind="train|queries|trajectory",
        part=r"\w+",
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=1440,
        gpu=GPU,
    params:
        gradients=lambda wildcards: CONFIG.gradients[wildcards.gradients].model_dump(
            include={"function", "timesteps", "at", "dimensions"}
        ),
        shards=lambda wildcards: (
            CONFIG.gradients[wildcards.gradients].shards if wildcards.kind == "train" else 1
        ),
        model=lambda wildcards: model_folder(wildcards.model),
        timesteps=CONFIG.model.timesteps,
        steps=lambda wildcards: CONFIG.sampling.steps if wildcards.kind == "trajectory" else None,
        seed=SEED,
        version=VERSIONS["gradients"],
    script:
        "../workflow_scripts/gradients.py"


rule gradient_scores:
    input:
        features=gradient_features,
        models=lambda wildcards: {made_model(name) for name in score_models(wildcards)},
    output:
        scores=directory(f"{RUN}/scores/{{score}}"),
    log:
        f"{RUN}/logs/scores/{{score}}.log",
    benchmark:
        f"{RUN}/benchmarks/scores/{{score}}.tsv"
    wildcard_constraints:
        score=scores_of("gradients"),
    conda:
        "../envs/environment.yaml"
    threads: 2
    resources:
        mem_mb=8000,
        runtime=240,
    params:
        score=lambda wildcards: CONFIG.scores[wildcards.score].model_dump(
            include={"method", "gradients", "behaviors", "damping"}
        ),
        gradients=score_gradients,
        models=lambda wildcards: {name: model_folder(name) for name in score_models(wildcards)},
        full=CONFIG.full.model_dump(exclude={"models"}),
        training=CONFIG.training.model_dump(),
        timesteps=CONFIG.model.timesteps,
        seed=SEED,
        code=CODE["scores"],
    script:
        "../workflow_scripts/gradient_scores.py"


rule ekfac:
    input:
        train=f"{RUN}/data/train.parquet",
        queries=lambda wildcards: query_tables(wildcards.score),
        models=lambda wildcards: {made_model(name) for name in score_models(wildcards)},
    output:
        scores=directory(f"{RUN}/scores/{{score}}"),
    log:
        f"{RUN}/logs/scores/{{score}}.log",
    benchmark:
        f"{RUN}/benchmarks/scores/{{score}}.tsv"
    wildcard_constraints:
        score=scores_of("model"),
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=1440,
        gpu=GPU,
    params:
        score=lambda wildcards: CONFIG.scores[wildcards.score].model_dump(
            include={"method", "gradients", "behaviors", "damping"}
        ),
        gradients=score_gradients,
        models=lambda wildcards: {name: model_folder(name) for name in score_models(wildcards)},
        timesteps=CONFIG.model.timesteps,
        seed=SEED,
        version=VERSIONS["ekfac"],
    script:
        "../workflow_scripts/ekfac.py"


rule similarity:
    input:
        train=f"{RUN}/data/train.parquet",
        queries=lambda wildcards: query_tables(wildcards.score),
        classifier=lambda wildcards: own_classifier(score_extractor(wildcards)),
        weights=lambda wildcards: extractor_weights(score_extractor(wildcards)),
    output:
        scores=directory(f"{RUN}/scores/{{score}}"),
    log:
        f"{RUN}/logs/scores/{{score}}.log",
    benchmark:
        f"{RUN}/benchmarks/scores/{{score}}.tsv"
    wildcard_constraints:
        score=scores_of("features", "pixels"),
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=240,
        gpu=GPU,
    params:
        score=lambda wildcards: CONFIG.scores[wildcards.score].model_dump(
            include={"method", "extractor", "patches", "behaviors"}
        ),
        extractors=lambda wildcards: extractor_places(score_extractor(wildcards)),
        timesteps=CONFIG.model.timesteps,
        seed=SEED,
        code=CODE["scores"],
    script:
        "../workflow_scripts/similarity.py"


rule scored:
    input:
        scores=f"{RUN}/scores/{{attribution}}",
        train=f"{RUN}/data/train.parquet",
        measured=lambda wildcards: (
            f"{RUN}/behaviors/{reference}.parquet"
            if (reference := CONFIG.scores[wildcards.attribution].chosen_on)
            else []
        ),
    output:
        attribution=f"{RUN}/attributions/{{attribution}}.parquet",
        dampings=f"{RUN}/dampings/{{attribution}}.parquet",
    log:
        f"{RUN}/logs/attributions/{{attribution}}.log",
    benchmark:
        f"{RUN}/benchmarks/attributions/{{attribution}}.tsv"
    wildcard_constraints:
        attribution="|".join(CONFIG.scores) or NOTHING,
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        score=lambda wildcards: CONFIG.scores[wildcards.attribution].model_dump(),
        behaviors=lambda wildcards: {
            name: b.model_dump() for name, b in EXPLAINED[wildcards.attribution].items()
        },
        code=CODE["scores"],
    script:
        "../workflow_scripts/scored.py"
