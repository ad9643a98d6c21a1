"""What models that unlearn make of a removed image with noise, step by step."""

from diffcredit.jobs import job

approach = snakemake.wildcards.approach

with job(snakemake, f"reconstruction by {approach}") as params:
    from pathlib import Path

    import torch

    from diffcredit.behaviors import reconstruction
    from diffcredit.behaviors.query_settings import QuerySettings
    from diffcredit.data import tensors
    from diffcredit.devices import device
    from diffcredit.files import write_tensors
    from diffcredit.models import families

    removed = tensors.read(snakemake.input.queries)[0]
    with device(snakemake.config["execution"], snakemake.threads) as (kind, _):
        family = families.of_settings(params.family)
        setting = QuerySettings.of_run(family, params.sampling, params.seed, kind)
        found = reconstruction.by_step(
            Path(snakemake.input.models),
            removed,
            setting,
            params.measure["timestep"],
            params.measure["steps"],
            params.measure["sampler"],
        )
    write_tensors(
        {"images": torch.stack(list(found.values()))},
        snakemake.output.images,
        {"steps": list(found)},
    )
