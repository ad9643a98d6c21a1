"""Figures of the models that unlearn, and their outcomes as text."""

from diffcredit.jobs import job

with job(snakemake, "figures of unlearning") as params:
    from diffcredit.data import images
    from diffcredit.evaluation.unlearning import criteria
    from diffcredit.files import read_table, read_tensors, write_text
    from diffcredit.report.style import write_svg
    from diffcredit.report.tables import outcome_text
    from diffcredit.report.unlearning import aims, curves_figure, outcome_figure, strip_figure

    settings = params.unlearning
    outcomes = read_table(snakemake.input.outcomes)
    judged = criteria(settings["quality"], settings["forgetting"], params.better)
    curves = read_table(snakemake.input.curves)
    good = aims(params.better, params.of_removed)
    write_svg(
        curves_figure(curves, params.pretrained, settings["retrain"], good), snakemake.output.curves
    )
    write_svg(outcome_figure(outcomes, *judged), snakemake.output.outcomes)
    write_text(outcome_text(outcomes, *judged), snakemake.output.text)
    if snakemake.output.reconstruction:
        removed = images.from_file(snakemake.input.removed[0]).pixels[0]
        strips = {}
        for name, path in zip(params.approaches, snakemake.input.reconstruction, strict=True):
            tensors, facts = read_tensors(path)
            strips[name] = facts["steps"], tensors["images"].permute(0, 2, 3, 1).numpy()
        write_svg(strip_figure(removed, strips), snakemake.output.reconstruction)
