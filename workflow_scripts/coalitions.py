"""Draw a shard of the coalitions of a removal distribution."""

from diffcredit.jobs import job

name = snakemake.wildcards.distribution

with job(snakemake, f"coalitions {name} {snakemake.wildcards.shard}") as params:
    from diffcredit import seeds
    from diffcredit.coalitions.distribution import of_settings
    from diffcredit.coalitions.table import table, tell
    from diffcredit.files import read_table, write_table

    contributors = list(read_table(snakemake.input.contributors)["name"])
    drawn = table(
        of_settings(snakemake.config["coalitions"][name]),
        len(contributors),
        seeds.derive(params.seed, "coalitions", name),
        range(*params.numbers),
        contributors,
    )
    tell(drawn, contributors)
    write_table(drawn, snakemake.output.coalitions)
