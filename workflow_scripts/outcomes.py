"""Forgetting and quality of unlearning approaches, over the steps and at the end."""

from diffcredit.jobs import job
from diffcredit.logs import logger

with job(snakemake, "outcomes") as params:
    from diffcredit.evaluation import unlearning
    from diffcredit.evaluation.doubts import unlearning_doubts
    from diffcredit.files import read_table, write_csv, write_table

    settings = params.unlearning
    shards = zip(params.approaches, map(read_table, snakemake.input.behaviors), strict=True)
    tables = unlearning.by_seed(shards)
    curves = unlearning.curves(tables, settings["confidence"])
    outcomes = unlearning.outcomes(
        tables,
        settings["confidence"],
        *unlearning.criteria(settings["quality"], settings["forgetting"], params.better),
        params.pretrained,
        settings["retrain"],
    )
    for doubt in unlearning_doubts(outcomes):
        logger.warning("%s", doubt)
    write_table(curves, snakemake.output.curves)
    write_csv(curves, snakemake.output.curves_csv)
    write_table(outcomes, snakemake.output.outcomes)
    write_csv(outcomes, snakemake.output.outcomes_csv)
