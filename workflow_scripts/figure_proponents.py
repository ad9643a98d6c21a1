"""Figure: for some queries, the training images that help them most and least, by each score."""

from diffcredit.jobs import job

with job(snakemake, "figure of proponents") as params:
    from pathlib import Path

    from diffcredit.attribution.image_scores.contributors import chosen_scores
    from diffcredit.config import ScoreAttribution
    from diffcredit.data import images
    from diffcredit.files import read_table
    from diffcredit.report.images import proponent_figure
    from diffcredit.report.style import write_svg

    (shown,) = snakemake.input.queries
    folders = map(Path, snakemake.input.scores)
    tables = map(read_table, snakemake.input.attributions)
    scores = {
        name: chosen_scores(ScoreAttribution(**settings), folder, params.behavior, table)
        for (name, settings), folder, table in zip(
            params.scores.items(), folders, tables, strict=True
        )
    }
    figure = proponent_figure(
        images.from_file(shown).pixels, images.from_file(snakemake.input.train).pixels, scores
    )
    write_svg(figure, snakemake.output[0])
