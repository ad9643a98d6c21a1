"""Are the first shards of coalitions enough for what is asked of an attribution?"""

from diffcredit.logs import job

wildcards = snakemake.wildcards

with job(snakemake.log[0], f"enough {wildcards.distribution} {wildcards.shards}"):
    from dataclasses import asdict
    from pathlib import Path

    from pydantic import TypeAdapter

    from diffcredit.attribution.stopping import reached
    from diffcredit.attribution.table import attribute
    from diffcredit.behaviors.table import gather
    from diffcredit.config import Distribution, Until
    from diffcredit.files import read_table, write_json

    params = snakemake.params
    shards = [Path(path).stem.split("-") for path in snakemake.input.shards]
    behaviors = gather(
        [read_table(path) for path in snakemake.input.shards],
        [int(replicate) for replicate, _ in shards],
        [read_table(path) for path in snakemake.input.coalitions],
    )
    drawn = TypeAdapter(Distribution).validate_python(params.drawn)
    endpoints = {name: snakemake.input[name] for name in ("full", "none") if snakemake.input[name]}
    ends = {name: read_table(path) for name, path in endpoints.items()}
    last = read_table(snakemake.input.coalitions[-1])["index"].min()
    earlier = behaviors[behaviors["coalition"] < last]
    found = reached(
        attribute(params.estimator, behaviors, ends, drawn),
        None if earlier.empty else attribute(params.estimator, earlier, ends, drawn),
        behaviors["coalition"].nunique(),
        Until(**params.until),
    )
    write_json(asdict(found), snakemake.output.reached)
