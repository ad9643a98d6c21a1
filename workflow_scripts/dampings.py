"""The LDS of scores by every damping of their grids."""

from diffcredit.jobs import job

with job(snakemake, "dampings") as params:
    from pathlib import Path

    import pandas as pd

    from diffcredit.attribution.image_scores.contributors import explained
    from diffcredit.behaviors.table import read
    from diffcredit.config import Behavior, ScoreAttribution
    from diffcredit.evaluation.dampings import damping_table
    from diffcredit.files import read_table, write_csv, write_table

    contributor_ids = read_table(snakemake.input.train, ["contributor"])["contributor"].to_numpy()
    truth = read(snakemake.input.truth)
    behaviors = {b: Behavior(**given) for b, given in params.behaviors.items()}
    average, tables = params.average, []
    grids = zip(params.scores, snakemake.input.dampings, snakemake.input.scores, strict=True)
    for settings, grid, folder in grids:
        entry = ScoreAttribution(**settings)
        of = explained(entry, {b: behaviors[b] for b in entry.behaviors}, Path(folder))
        tables.append(
            damping_table(read_table(grid), of, contributor_ids, entry.groups, truth, average)
        )
    table = pd.concat(tables, ignore_index=True)
    write_table(table, snakemake.output.parquet)
    write_csv(table, snakemake.output.csv)
