"""The attribution of contributors by the scores of their images, with the best damping."""

from diffcredit.jobs import job

name = snakemake.wildcards.attribution

with job(snakemake, f"attribution {name}") as params:
    from pathlib import Path

    from diffcredit.attribution.image_scores.contributors import attribute_scores, explained
    from diffcredit.behaviors.table import read
    from diffcredit.config import Behavior, ScoreAttribution
    from diffcredit.files import read_table, write_table

    entry = ScoreAttribution(**params.score)
    behaviors = {b: Behavior(**given) for b, given in params.behaviors.items()}
    measured = snakemake.input.measured
    attribution, dampings = attribute_scores(
        entry,
        explained(entry, behaviors, Path(snakemake.input.scores)),
        read_table(snakemake.input.train, ["contributor"])["contributor"].to_numpy(),
        read(measured) if measured else None,
        params.average,
    )
    write_table(attribution, snakemake.output.attribution)
    write_table(dampings.assign(attribution=name), snakemake.output.dampings)
