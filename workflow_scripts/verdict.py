"""How far the removed images are forgotten and what was lost, over the steps and at the end."""

from diffcredit.jobs import job
from diffcredit.logs import logger

with job(snakemake, "verdict") as params:
    from diffcredit.evaluation import unlearning
    from diffcredit.evaluation.doubts import unlearning_doubts
    from diffcredit.files import read_table, write_csv, write_table

    settings = params.unlearning
    shards = zip(params.approaches, map(read_table, snakemake.input.behaviors), strict=True)
    tables = unlearning.by_seed(shards)
    curves = unlearning.curves(tables, settings["confidence"])
    verdict = unlearning.verdict(
        tables,
        settings["confidence"],
        *unlearning.criteria(settings["quality"], settings["forgetting"], params.better),
        params.pretrained,
        settings["retrain"],
    )
    for doubt in unlearning_doubts(verdict):
        logger.warning("%s", doubt)
    write_table(curves, snakemake.output.curves)
    write_csv(curves, snakemake.output.curves_csv)
    write_table(verdict, snakemake.output.verdict)
    write_csv(verdict, snakemake.output.verdict_csv)
