"""Figure: generated images, and their versions without their proponents."""

from diffcredit.jobs import job

with job(snakemake, "figure of regenerated images") as params:
    import pandas as pd

    from diffcredit.files import read_table, read_tensors
    from diffcredit.report.images import regenerated_figure
    from diffcredit.report.style import write_svg
    from diffcredit.samples import read_shard

    coalitions = pd.concat(map(read_table, snakemake.input.coalitions), ignore_index=True)
    drawn = {
        one.coalition: one.images() for path in snakemake.input.samples for one in read_shard(path)
    }
    figure = regenerated_figure(
        read_tensors(snakemake.input.full)[0]["images"],
        coalitions,
        drawn,
        params.queries,
    )
    write_svg(figure, snakemake.output[0])
