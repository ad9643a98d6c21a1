"""Figure: values of the contributors with error bars, by each attribution."""

from diffcredit.logs import job

with job(snakemake.log[0], "figure of attributions"):
    from pathlib import Path

    from diffcredit.files import read_table
    from diffcredit.report.attributions import attribution_figure
    from diffcredit.report.style import write_svg

    figure = attribution_figure(
        {Path(path).stem: read_table(path) for path in snakemake.input.attributions},
        read_table(snakemake.input.contributors),
    )
    write_svg(figure, snakemake.output[0])
