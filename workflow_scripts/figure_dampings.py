"""Figure: LDS of scores against their damping."""

from diffcredit.jobs import job

with job(snakemake, "figure of dampings"):
    from diffcredit.files import read_table
    from diffcredit.report.dampings import damping_figure
    from diffcredit.report.style import write_svg

    figure = damping_figure(read_table(snakemake.input.dampings))
    write_svg(figure, snakemake.output[0])
