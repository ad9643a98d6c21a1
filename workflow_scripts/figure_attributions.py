"""Figure: values of the contributors with error bars, by each attribution."""

from diffcredit.jobs import job

with job(snakemake, "figure of attributions") as params:
    from diffcredit.files import read_table
    from diffcredit.report.attributions import attribution_figure
    from diffcredit.report.style import write_svg

    tables = dict(zip(params.names, map(read_table, snakemake.input.attributions), strict=True))
    scores = params.scores
    figure = attribution_figure(
        {name: table for name, table in tables.items() if name not in scores},
        {name: tables[name] for name in scores},
        read_table(snakemake.input.contributors),
        params.better,
    )
    write_svg(figure, snakemake.output[0])
