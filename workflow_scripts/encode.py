"""Encode the training images once, for all trainings."""

from diffcredit.jobs import job

with job(snakemake, "encode") as params:
    from pathlib import Path

    from diffcredit.data import images
    from diffcredit.data.tensors import channels_first
    from diffcredit.files import read_table
    from diffcredit.models import examples, families

    family = families.of_settings(params.family)
    table = read_table(snakemake.input.train, ["image", "label", "contributor", "caption"])
    pixels = channels_first(images.of_table(table, snakemake.input.train).pixels)
    encoded = family.encode(pixels, images.captions_of(table))
    examples.write(encoded, Path(snakemake.output.examples), {"family": dict(family.settings)})
