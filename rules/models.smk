"""The model trained on all images, and the smaller one pruned from it.

In: data/examples, or the full model from elsewhere.
Out: models/full, models/pruned (where an approach starts from it), samples/{full,pruned}.safetensors; for attributions by gradients
models/ensemble/<number>, trained from other seeds, and models/snapshots/<number>/ of each training.
"""


rule full:
    input:
        examples=rules.encode.output.examples,
    output:
        model=directory(f"{RUN}/models/full"),
        snapshots=snapshots(0),
    log:
        f"{RUN}/logs/full.log",
    benchmark:
        f"{RUN}/benchmarks/full.tsv"
    # Everything that starts from this model waits for it.
    priority: 10
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=TRAINING_MEMORY,
        runtime=time_of(lambda wildcards: ESTIMATES.of_training(CONFIG.full.steps)),
        gpu=0 if CONFIG.full.pretrained else GPU * CONFIG.execution.gpus,
    params:
        plan=lambda wildcards: PLAN.full().params,
    script:
        "../workflow_scripts/full.py"


use rule full as ensemble with:
    output:
        model=directory(f"{RUN}/models/ensemble/{{number}}"),
        snapshots=snapshots("{number}"),
    log:
        f"{RUN}/logs/ensemble/{{number}}.log",
    benchmark:
        f"{RUN}/benchmarks/ensemble/{{number}}.tsv"
    params:
        plan=lambda wildcards: PLAN.full(int(wildcards.number)).params,


rule pruned:
    input:
        examples=rules.encode.output.examples,
        full=rules.full.output.model,
    output:
        model=directory(f"{RUN}/models/pruned"),
    log:
        f"{RUN}/logs/pruned.log",
    benchmark:
        f"{RUN}/benchmarks/pruned.tsv"
    priority: 10
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=TRAINING_MEMORY,
        runtime=time_of(lambda wildcards: ESTIMATES.of_training(CONFIG.pruned.steps)),
        gpu=GPU * CONFIG.execution.gpus,
    params:
        plan=lambda wildcards: PLAN.pruned().params,
    script:
        "../workflow_scripts/pruned.py"


rule sample_model:
    input:
        model=f"{RUN}/models/{{model}}",
    output:
        images=f"{RUN}/samples/{{model}}.safetensors",
    log:
        f"{RUN}/logs/sample_model/{{model}}.log",
    benchmark:
        f"{RUN}/benchmarks/sample_model/{{model}}.tsv"
    wildcard_constraints:
        model="full|pruned",
    conda:
        "../envs/environment.yaml"
    threads: 1
    resources:
        mem_mb=SAMPLING_MEMORY,
        runtime=time_of(lambda wildcards: ESTIMATES.of_sampling),
        gpu=GPU,
    params:
        plan=lambda wildcards: PLAN.sample_model(wildcards.model).params,
    script:
        "../workflow_scripts/sample_model.py"
