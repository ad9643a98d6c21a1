"""What is measured on each model, by shard, then gathered.

In: samples, the reference images, the classifier, the full model's samples; models and query images.
Out: losses/ and behaviors/<approach>/<distribution>/<training seed>-<shard>.parquet,
behaviors/<approach>/<distribution>.parquet.
"""


# They last seconds: on a cluster they run where snakemake runs.
localrules:
    gather,


SEEN = {"score": seen(SCORED), "losses": seen(QUERIED)}
WEIGHTS = {"score": weight_files(SCORED), "losses": weight_files(QUERIED)}


rule score:
    input:
        samples=rules.samples.output.samples,
        reference=rules.data.output.reference,
        classifier=own_classifier(SEEN["score"]),
        full=(
            f"{RUN}/samples/full.safetensors"
            if any(b.compares == "full" for b in SCORED.values())
            else []
        ),
        queries=[f"{RUN}/queries/{behavior}.parquet" for behavior in SOUGHT],
        weights=WEIGHTS["score"],
    output:
        behaviors=f"{RUN}/behaviors/{{approach}}/{{distribution}}/{{replicate}}-{{shard}}.parquet",
    log:
        f"{RUN}/logs/score/{{approach}}/{{distribution}}/{{replicate}}-{{shard}}.log",
    benchmark:
        f"{RUN}/benchmarks/score/{{approach}}/{{distribution}}/{{replicate}}-{{shard}}.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        # Networks of others are large.
        mem_mb=8000 if WEIGHTS["score"] else 2000,
        runtime=240,
        gpu=GPU,
    params:
        behaviors={name: b.model_dump() for name, b in SCORED.items()},
        extractors=extractor_places(SEEN["score"]),
        code=CODE["behaviors"],
    script:
        "../workflow_scripts/score.py"


rule losses:
    input:
        models=rules.subsets.output.models,
        queries=[f"{RUN}/queries/{behavior}.parquet" for behavior in QUERIED],
        classifier=own_classifier(SEEN["losses"]),
        weights=WEIGHTS["losses"],
    output:
        losses=f"{RUN}/losses/{{approach}}/{{distribution}}/{{replicate}}-{{shard}}.parquet",
    log:
        f"{RUN}/logs/losses/{{approach}}/{{distribution}}/{{replicate}}-{{shard}}.log",
    benchmark:
        f"{RUN}/benchmarks/losses/{{approach}}/{{distribution}}/{{replicate}}-{{shard}}.tsv"
    # Models may be temporary: measure them before more are made.
    priority: 5
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=8000 if WEIGHTS["losses"] else 4000,
        runtime=720,
        gpu=GPU,
    params:
        behaviors={name: b.model_dump() for name, b in QUERIED.items()},
        extractors=extractor_places(SEEN["losses"]),
        timesteps=CONFIG.model.timesteps,
        sampling=CONFIG.sampling.model_dump(exclude={"images"}),
        seed=SEED,
        version=VERSIONS["losses"],
    script:
        "../workflow_scripts/losses.py"


rule gather:
    input:
        shards=shard_tables,
        coalitions=coalition_tables,
    output:
        behaviors=f"{RUN}/behaviors/{{approach}}/{{distribution}}.parquet",
    log:
        f"{RUN}/logs/gather/{{approach}}/{{distribution}}.log",
    benchmark:
        f"{RUN}/benchmarks/gather/{{approach}}/{{distribution}}.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=CODE["behaviors"],
    script:
        "../workflow_scripts/gather.py"
