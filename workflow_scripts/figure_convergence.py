"""Figure: LDS against compute, and how the values settle."""

from diffcredit.jobs import job

with job(snakemake, "figure of convergence"):
    from diffcredit.files import read_table
    from diffcredit.report.convergence import convergence_figure
    from diffcredit.report.style import write_svg

    figure = convergence_figure(
        read_table(snakemake.input.convergence), read_table(snakemake.input.lds)
    )
    write_svg(figure, snakemake.output[0])
