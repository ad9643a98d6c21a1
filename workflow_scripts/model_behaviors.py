"""Measure the behaviors of the models of a shard on query images."""

from diffcredit.jobs import job

wildcards = snakemake.wildcards
label = (
    f"model behaviors of {wildcards.approach}/{wildcards.distribution} "
    f"{wildcards.training_seed}-{wildcards.shard}"
)

with job(snakemake, label) as params:
    from pathlib import Path

    import pandas as pd

    from diffcredit.behaviors import measured, model_behaviors
    from diffcredit.behaviors.image_features import load_extractors, places_seen
    from diffcredit.behaviors.query_settings import QuerySettings
    from diffcredit.config import Behavior
    from diffcredit.data import tensors
    from diffcredit.devices import device
    from diffcredit.models import families

    family = families.of_settings(params.family)
    queries = dict(zip(params.behaviors, map(tensors.read, snakemake.input.queries), strict=True))

    def measure(names: list[str]) -> pd.DataFrame:
        """The table of some of the behaviors."""
        behaviors = {name: Behavior(**params.behaviors[name]) for name in names}
        places = places_seen(params.extractors, behaviors)
        with device(snakemake.config["execution"], snakemake.threads) as (kind, _):
            return model_behaviors.measure_shard(
                Path(snakemake.input.models),
                queries,
                QuerySettings.of_run(family, params.sampling, params.seed, kind),
                load_extractors(places, kind),
                behaviors,
                label,
            )

    measured.complete(snakemake.output.behaviors, snakemake.input.models, params.marks, measure)
