"""Coalitions without the proponents of single images, or without random contributors."""

from diffcredit.jobs import job

shard = int(snakemake.wildcards.shard)

with job(snakemake, f"coalitions regenerated {shard}") as params:
    from diffcredit import seeds
    from diffcredit.coalitions.requested.proponents_removed import (
        random_coalitions,
        ranked_coalitions,
    )
    from diffcredit.coalitions.table import tell
    from diffcredit.files import read_table, write_table

    queries, remove = params.settings["queries"], params.settings["remove"]
    seed = seeds.derive(params.seed, "coalitions", "regenerated")
    names = list(read_table(snakemake.input.contributors)["name"])
    if path := snakemake.input.attribution:
        values = read_table(path)
        table = ranked_coalitions(
            params.attribution,
            values[values["behavior"] == params.settings["behavior"]],
            params.sign,
            queries,
            remove,
            shard * queries,
            seed,
        )
    else:
        table = random_coalitions(len(names), range(params.draws), remove, shard * queries, seed)
    tell(table, names)
    write_table(table, snakemake.output.coalitions)
