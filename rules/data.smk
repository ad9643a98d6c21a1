"""The images, whose they are, and the classifier that measures samples.

In: the dataset's own files. Out: data/*.parquet, models/classifier.
"""


rule data:
    output:
        train=f"{RUN}/data/train.parquet",
        reference=f"{RUN}/data/reference.parquet",
        contributors=f"{RUN}/data/contributors.parquet",
        planted=f"{RUN}/data/planted.parquet",
    params:
        data=CONFIG.data.model_dump(),
        listing=folder_listing(),
        seed=SEED,
        version=VERSIONS["data"],
    log:
        f"{RUN}/logs/data.log",
    benchmark:
        f"{RUN}/benchmarks/data.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/data.py"


rule classifier:
    input:
        reference=rules.data.output.reference,
    output:
        model=directory(f"{RUN}/models/classifier"),
    params:
        classifier=CONFIG.classifier.model_dump(),
        seed=SEED,
        version=VERSIONS["classifier"],
    log:
        f"{RUN}/logs/classifier.log",
    benchmark:
        f"{RUN}/benchmarks/classifier.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/classifier.py"
