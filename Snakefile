"""diffcredit: credit the data behind a diffusion model.

Targets: all (default), models, behaviors, attributions, evaluation, figures, unlearning.
"""


include: "rules/sources.smk"


configfile: DEFAULTS


include: "rules/common.smk"
include: "rules/cluster.smk"


report: "rules/captions/run.rst"


if CONFIG.records:

    include: "rules/records.smk"

else:

    include: "rules/data.smk"
    include: "rules/models.smk"
    include: "rules/queries.smk"
    include: "rules/coalitions.smk"
    include: "rules/subsets.smk"
    include: "rules/behaviors.smk"
    include: "rules/scores.smk"


if CONFIG.attributed:

    include: "rules/attributions.smk"
    include: "rules/evaluation.smk"
    include: "rules/figures.smk"


if CONFIG.unlearning:

    include: "rules/unlearning.smk"


onstart:
    check_cluster()
    submit()


onsuccess:
    announce()


onerror:
    announce_failures()


rule all:
    default_target: True
    input:
        [rules.figures.input, rules.evaluation.input] if CONFIG.attributed else [],
        rules.unlearning.input if CONFIG.unlearning else [],


rule models:
    input:
        f"{RUN}/models/full",
        f"{RUN}/models/pruned" if EVALUATIONS.prunes else [],


rule behaviors:
    input:
        [f"{RUN}/behaviors/{made}.parquet" for made in MADE],


rule attributions:
    input:
        expand(f"{RUN}/attributions/{{attribution}}.parquet", attribution=CONFIG.attributed),


check_targets()
