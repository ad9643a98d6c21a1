"""Draw a figure of tables; the name of the rule selects the figure."""

from diffcredit.jobs import job

name = snakemake.rule.removeprefix("figure_")

with job(snakemake, f"figure of {name}"):
    from diffcredit.files import read_table
    from diffcredit.report.convergence import convergence_figure
    from diffcredit.report.cost import cost_figure
    from diffcredit.report.counterfactual import counterfactual_figure
    from diffcredit.report.dampings import damping_figure
    from diffcredit.report.lds import lds_figure
    from diffcredit.report.style import write_svg

    figures = {
        "convergence": convergence_figure,
        "cost": cost_figure,
        "counterfactual": counterfactual_figure,
        "dampings": damping_figure,
        "lds": lds_figure,
    }
    write_svg(figures[name](*map(read_table, snakemake.input)), snakemake.output[0])
