"""Figures: images of the data, of the models and of one coalition; images of contributors."""

from diffcredit.jobs import job
from diffcredit.logs import logger

with job(snakemake, "figures of images") as params:
    from diffcredit.behaviors.noise import noise_doubt
    from diffcredit.data import images
    from diffcredit.data.tensors import channels_first
    from diffcredit.files import read_table, read_tensors
    from diffcredit.report.samples import contributor_figure, sample_figure
    from diffcredit.report.style import write_svg
    from diffcredit.samples import read_shard

    train = images.from_file(snakemake.input.train)
    coalition = read_shard(snakemake.input.shard)[0]
    grids = {
        "training images": channels_first(train.pixels[:64]),
        "full model": read_tensors(snakemake.input.full)[0]["images"],
    }
    if path := snakemake.input.pruned:
        grids["pruned model"] = read_tensors(path)[0]["images"]
    for model in ("full model", "pruned model"):
        drawn = [grids[model]] if model in grids else []
        if drawn and (doubt := noise_doubt(drawn, channels_first(train.pixels))):
            logger.warning("the %s: %s", model, doubt)
    grids[f"{params.shard} coalition {coalition.coalition}"] = coalition.images()
    write_svg(sample_figure(grids), snakemake.output.samples)
    figure = contributor_figure(
        train,
        read_table(snakemake.input.contributors),
        read_table(snakemake.input.attribution),
        params.behavior,
        params.better,
    )
    write_svg(figure, snakemake.output.contributors)
