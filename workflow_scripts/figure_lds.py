"""Figure: LDS of each attribution with its interval."""

from diffcredit.jobs import job

with job(snakemake, "figure of LDS"):
    from diffcredit.files import read_table
    from diffcredit.report.lds import lds_figure
    from diffcredit.report.style import write_svg

    write_svg(lds_figure(read_table(snakemake.input.lds)), snakemake.output[0])
