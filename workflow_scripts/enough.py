"""Are the first shards of coalitions enough for what is asked of an attribution?"""

from diffcredit.jobs import job

wildcards = snakemake.wildcards

with job(snakemake, f"enough {wildcards.distribution} {wildcards.shards}") as params:
    from dataclasses import asdict
    from pathlib import Path

    from pydantic import TypeAdapter

    from diffcredit.attribution.stopping import reached
    from diffcredit.attribution.table import enough_to_fit, fit
    from diffcredit.behaviors.table import gather
    from diffcredit.config import Attribution, Distribution, Until
    from diffcredit.files import read_table, write_json

    entry = Attribution(**params.attribution)
    drawn = TypeAdapter(dict[str, Distribution]).validate_python(params.drawn)
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
        fit(entry, {"values": used, **tables}, drawn) if enough_to_fit(used) else None
        for used in (behaviors, earlier)
    )
    found = reached(now, before, behaviors["coalition"].nunique(), Until(**params.until))
    write_json(asdict(found), snakemake.output.reached)
