"""Measure the behaviors of the models of a shard."""

from diffcredit.logs import job

wildcards = snakemake.wildcards
label = (
    f"score of {wildcards.approach}/{wildcards.distribution} "
    f"{wildcards.replicate}-{wildcards.shard}"
)

with job(snakemake.log[0], label):
    from pathlib import Path

    import torch

    from diffcredit.behaviors import classifier, evidence, scoring
    from diffcredit.config import Behavior
    from diffcredit.data import images
    from diffcredit.devices import device
    from diffcredit.files import write_table

    reference = images.from_file(snakemake.input.reference)
    with device(snakemake.config["execution"]["device"], snakemake.threads) as (kind, _):
        table = scoring.score_shard(
            evidence.shard_files(Path(snakemake.input.samples)),
            torch.from_numpy(reference.pixels).permute(0, 3, 1, 2),
            classifier.load(snakemake.input.classifier),
            {name: Behavior(**b) for name, b in snakemake.params.behaviors.items()},
            kind,
        )
    write_table(table, snakemake.output.behaviors)
