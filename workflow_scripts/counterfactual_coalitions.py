"""Counterfactual coalitions of an attribution, or random ones of the same sizes."""

from diffcredit.jobs import job

shard = int(snakemake.wildcards.shard)

with job(snakemake, f"coalitions counterfactual {shard}") as params:
    from diffcredit import seeds
    from diffcredit.coalitions.requested import counterfactual
    from diffcredit.coalitions.table import tell
    from diffcredit.config import Counterfactual
    from diffcredit.files import read_table, write_table

    settings = Counterfactual(**params.settings)
    seed = seeds.derive(params.seed, "coalitions", "counterfactual")
    first = shard * counterfactual.coalitions_of_one(settings)
    names = list(read_table(snakemake.input.contributors)["name"])
    if path := snakemake.input.attribution:
        table = counterfactual.ranked_coalitions(
            params.attribution, read_table(path), settings, first, seed
        )
    else:
        table = counterfactual.random_coalitions(len(names), settings, first, seed)
    tell(table, names)
    write_table(table, snakemake.output.coalitions)
