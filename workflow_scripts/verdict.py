"""How far the removed images are forgotten and what was lost, over the steps and at the end."""

from diffcredit.logs import job

with job(snakemake.log[0], "verdict"):
    from diffcredit.evaluation import unlearning
    from diffcredit.files import read_table, write_csv, write_table

    params = snakemake.params
    settings, approaches = params.unlearning, params.approaches
    shards = [read_table(path) for path in snakemake.input.behaviors]
    tables = unlearning.by_seed(
        {name: shards[number :: len(approaches)] for number, name in enumerate(approaches)}
    )
    course = unlearning.course(tables, settings["confidence"])
    verdict = unlearning.verdict(
        tables,
        settings["confidence"],
        *unlearning.criteria(settings["quality"], settings["forgetting"], params.better),
        params.pretrained,
        settings["retrain"],
    )
    write_table(course, snakemake.output.course)
    write_csv(course, snakemake.output.course_csv)
    write_table(verdict, snakemake.output.verdict)
    write_csv(verdict, snakemake.output.verdict_csv)
