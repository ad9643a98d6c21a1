"""Figure: seconds of one model of each approach."""

from diffcredit.jobs import job

with job(snakemake, "figure of cost"):
    from diffcredit.files import read_table
    from diffcredit.report.cost import cost_figure
    from diffcredit.report.style import write_svg

    write_svg(cost_figure(read_table(snakemake.input.cost)), snakemake.output[0])
