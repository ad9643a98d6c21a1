"""Figure: how behaviors change without the contributors that attributions name."""

from diffcredit.jobs import job

with job(snakemake, "figure of counterfactuals"):
    from diffcredit.files import read_table
    from diffcredit.report.counterfactual import counterfactual_figure
    from diffcredit.report.style import write_svg

    figure = counterfactual_figure(read_table(snakemake.input.counterfactual))
    write_svg(figure, snakemake.output[0])
