"""Whether the first shards of coalitions are enough for the required precision."""

from diffcredit.jobs import job

wildcards = snakemake.wildcards

with job(snakemake, f"enough {wildcards.distribution} {wildcards.shards}") as params:
    from dataclasses import asdict

    from diffcredit.attribution.stopping import reached
    from diffcredit.attribution.table import enough_to_fit, fit
    from diffcredit.behaviors.table import gather, read_each
    from diffcredit.coalitions.distribution import of_settings
    from diffcredit.config import RemovalAttribution
    from diffcredit.config.until import Until
    from diffcredit.files import read_table, write_json

    entry = RemovalAttribution(**params.attribution)
    distributions = {role: of_settings(given) for role, given in params.distributions.items()}
    others = [role for role in entry.references if role != "values"]
    tables = dict(zip(others, read_each(snakemake.input.others), strict=True))
    coalitions = [read_table(path) for path in snakemake.input.coalitions]
    behaviors = gather(
        [read_table(path) for path in snakemake.input.shards],
        coalitions,
        *entry.values.split("/"),
        params.training_seeds,
    )
    earlier = behaviors.of_models(behaviors.models["coalition"] < coalitions[-1]["index"].min())
    now, before = (
        fit(entry, {"values": used, **tables}, distributions) if enough_to_fit(used) else None
        for used in (behaviors, earlier)
    )
    found = reached(now, before, behaviors.models["coalition"].nunique(), Until(**params.until))
    about = {"distribution": wildcards.distribution, "shards": len(coalitions)}
    write_json({**about, **asdict(found)}, snakemake.output.reached)
