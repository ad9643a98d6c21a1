"""Figures: images of the data, of the models and of one coalition; images of contributors."""

from diffcredit.jobs import job
from diffcredit.logs import logger

with job(snakemake, "figures of images") as params:
    from pathlib import Path

    from diffcredit.behaviors.evidence import shard_files
    from diffcredit.behaviors.noise import noise_doubt
    from diffcredit.data import images
    from diffcredit.files import read_table, read_tensors
    from diffcredit.models.pixels import channels_first
    from diffcredit.report.samples import contributor_figure, sample_figure
    from diffcredit.report.style import write_svg

    train = images.from_file(snakemake.input.train)
    coalition = shard_files(Path(snakemake.input.shard))[0]
    grids = {
        "training images": channels_first(train.pixels[:64]),
        "full model": read_tensors(snakemake.input.full)[0]["images"],
    }
    if path := snakemake.input.pruned:
        grids["pruned model"] = read_tensors(path)[0]["images"]
    for model in ("full", "pruned"):
        path = snakemake.input[model]
        doubt = noise_doubt([Path(path)], channels_first(train.pixels)) if path else None
        if doubt:
            logger.warning("the %s model: %s", model, doubt)
    name = f"{params.shard} coalition {int(coalition.stem)}"
    grids[name] = read_tensors(coalition)[0]["images"]
    write_svg(sample_figure(grids), snakemake.output.samples)
    figure = contributor_figure(
        train,
        read_table(snakemake.input.contributors),
        read_table(snakemake.input.attribution),
        params.behavior,
        params.better,
    )
    write_svg(figure, snakemake.output.contributors)
