"""Measure the behaviors of the models of a shard on query images."""

from diffcredit.jobs import job

wildcards = snakemake.wildcards
label = (
    f"losses of {wildcards.approach}/{wildcards.distribution} "
    f"{wildcards.replicate}-{wildcards.shard}"
)

with job(snakemake, label) as params:
    from pathlib import Path

    from diffcredit.behaviors import losses
    from diffcredit.behaviors.evidence import load_extractors
    from diffcredit.behaviors.setting import Setting
    from diffcredit.config import Behavior
    from diffcredit.devices import device
    from diffcredit.files import write_table
    from diffcredit.models import pixels

    behaviors = {name: Behavior(**b) for name, b in params.behaviors.items()}
    asked = {Path(path).stem: pixels.read(path) for path in snakemake.input.queries}
    with device(snakemake.config["execution"]["device"], snakemake.threads) as (kind, _):
        table = losses.measure_shard(
            Path(snakemake.input.models),
            asked,
            Setting.of_run(params.timesteps, params.sampling, params.seed, kind),
            load_extractors(params.extractors, kind),
            behaviors,
            label,
        )
    write_table(table, snakemake.output.losses)
