"""Figure: generated images, and what they become without the contributors that helped them."""

from diffcredit.jobs import job

with job(snakemake, "figure of regenerated images") as params:
    from pathlib import Path

    import pandas as pd

    from diffcredit.files import read_table, read_tensors
    from diffcredit.report.images import regenerated_figure
    from diffcredit.report.style import write_svg

    coalitions = pd.concat(map(read_table, snakemake.input.coalitions), ignore_index=True)
    drawn = {
        int(path.stem): read_tensors(path)[0]["images"]
        for folder in snakemake.input.samples
        for path in Path(folder).glob("*.safetensors")
    }
    figure = regenerated_figure(
        read_tensors(snakemake.input.full)[0]["images"],
        coalitions,
        drawn,
        params.queries,
    )
    write_svg(figure, snakemake.output[0])
