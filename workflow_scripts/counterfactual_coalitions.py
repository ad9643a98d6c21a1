"""Draw the coalitions that an attribution asks for, or random ones of the same sizes."""

from diffcredit.logs import job

shard = int(snakemake.wildcards.shard)

with job(snakemake.log[0], f"coalitions counterfactual {shard}"):
    from pathlib import Path

    from diffcredit import seeds
    from diffcredit.config import Counterfactual
    from diffcredit.evaluation import counterfactual
    from diffcredit.files import read_table, write_table

    settings = Counterfactual(**snakemake.params.settings)
    seed = seeds.derive(snakemake.params.seed, "coalitions", "counterfactual")
    first = shard * counterfactual.coalitions_of_one(settings)
    if path := snakemake.input.attribution:
        table = counterfactual.ranked_coalitions(
            Path(path).stem, read_table(path), settings, first, seed
        )
    else:
        contributors = len(read_table(snakemake.input.contributors))
        table = counterfactual.random_coalitions(contributors, settings, first, seed)
    write_table(table, snakemake.output.coalitions)
