"""Draw the coalitions without the contributors that help single images, or random ones."""

from diffcredit.logs import job

shard = int(snakemake.wildcards.shard)

with job(snakemake.log[0], f"coalitions regenerated {shard}"):
    from pathlib import Path

    from diffcredit import seeds
    from diffcredit.evaluation.proponents_removed import random_coalitions, ranked_coalitions
    from diffcredit.files import read_table, write_table

    params = snakemake.params
    queries, remove = params.settings["queries"], params.settings["remove"]
    seed = seeds.derive(params.seed, "coalitions", "regenerated")
    if path := snakemake.input.attribution:
        values = read_table(path)
        table = ranked_coalitions(
            Path(path).stem,
            values[values["behavior"] == params.settings["behavior"]],
            params.sign,
            queries,
            remove,
            shard * queries,
            seed,
        )
    else:
        contributors = len(read_table(snakemake.input.contributors))
        table = random_coalitions(contributors, range(params.draws), remove, shard * queries, seed)
    write_table(table, snakemake.output.coalitions)
