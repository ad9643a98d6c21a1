"""What is measured on each model, by shard, then gathered.

In: samples, the reference images, the classifier.
Out: behaviors/<approach>/<distribution>.parquet.
"""


rule score:
    input:
        samples=rules.samples.output.samples,
        reference=rules.data.output.reference,
        classifier=rules.classifier.output.model,
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
        mem_mb=2000,
        runtime=240,
        gpu=GPU,
    params:
        behaviors={name: b.model_dump() for name, b in CONFIG.behaviors.items()},
        code=CODE["behaviors"],
    script:
        "../workflow_scripts/score.py"


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
