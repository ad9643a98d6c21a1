"""Are the first shards of coalitions enough for what is asked of an attribution?"""

from diffcredit.jobs import job

wildcards = snakemake.wildcards

with job(snakemake, f"enough {wildcards.distribution} {wildcards.shards}") as params:
    from dataclasses import asdict
    from pathlib import Path

    from diffcredit.attribution.stopping import reached
    from diffcredit.attribution.table import enough_to_fit, fit
    from diffcredit.behaviors.table import gather
    from diffcredit.coalitions.distribution import of_settings
    from diffcredit.config import RemovalAttribution
    from diffcredit.config.until import Until
    from diffcredit.files import read_table, write_json

    entry = RemovalAttribution(**params.attribution)
    distributions = {role: of_settings(given) for role, given in params.distributions.items()}
    others = [role for role in entry.references if role != "values"]
    tables = dict(zip(others, map(read_table, snakemake.input.others), strict=True))
    shards = [Path(path).stem.split("-") for path in snakemake.input.shards]
    behaviors = gather(
        [read_table(path) for path in snakemake.input.shards],
        [int(replicate) for replicate, _ in shards],
        [read_table(path) for path in snakemake.input.coalitions],
    )
    last = read_table(snakemake.input.coalitions[-1])["index"].min()
    earlier = behaviors[behaviors["coalition"] < last]
    now, before = (
        fit(entry, {"values": used, **tables}, distributions) if enough_to_fit(used) else None
        for used in (behaviors, earlier)
    )
    found = reached(now, before, behaviors["coalition"].nunique(), Until(**params.until))
    write_json(asdict(found), snakemake.output.reached)
