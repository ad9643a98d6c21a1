"""The images, whose they are, what trainings read of them, and the classifier.

In: the dataset's own files. Out: data/*.parquet, data/examples, models/classifier.
"""


rule data:
    output:
        train=f"{RUN}/data/train.parquet",
        reference=f"{RUN}/data/reference.parquet",
        held_out=f"{RUN}/data/held_out.parquet",
        contributors=f"{RUN}/data/contributors.parquet",
        planted=f"{RUN}/data/planted.parquet",
    log:
        f"{RUN}/logs/data.log",
    benchmark:
        f"{RUN}/benchmarks/data.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=limited(30),
    params:
        plan=lambda wildcards: PLAN.data().params,
    script:
        "../workflow_scripts/data.py"


rule encode:
    input:
        train=rules.data.output.train,
    output:
        examples=directory(f"{RUN}/data/examples"),
    log:
        f"{RUN}/logs/encode.log",
    benchmark:
        f"{RUN}/benchmarks/encode.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=limited(60),
    params:
        plan=lambda wildcards: PLAN.encode().params,
    script:
        "../workflow_scripts/encode.py"


rule classifier:
    input:
        reference=rules.data.output.reference,
    output:
        model=directory(f"{RUN}/models/classifier"),
    log:
        f"{RUN}/logs/classifier.log",
    benchmark:
        f"{RUN}/benchmarks/classifier.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=limited(60),
    params:
        plan=lambda wildcards: PLAN.classifier().params,
    script:
        "../workflow_scripts/classifier.py"
