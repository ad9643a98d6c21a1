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
    behavior = Path(shown).stem
    scores = {}
    for folder, path in zip(snakemake.input.scores, snakemake.input.attributions, strict=True):
        entry = ScoreAttribution(**params.scores[Path(folder).name])
        table = read_table(path)
        scores[Path(folder).name] = chosen_scores(entry, Path(folder), behavior, table)
    figure = proponent_figure(
        images.from_file(shown).pixels, images.from_file(snakemake.input.train).pixels, scores
    )
    write_svg(figure, snakemake.output[0])
