"""Draw a shard of the coalitions of a removal distribution."""

from diffcredit.jobs import job

name = snakemake.wildcards.distribution

with job(snakemake, f"coalitions {name} {snakemake.wildcards.shard}") as params:
    from pydantic import TypeAdapter

    from diffcredit import coalitions, seeds
    from diffcredit.config import Distribution
    from diffcredit.files import read_table, write_table

    contributors = list(read_table(snakemake.input.contributors)["name"])
    table = coalitions.table(
        TypeAdapter(Distribution).validate_python(snakemake.config["coalitions"][name]),
        len(contributors),
        seeds.derive(params.seed, "coalitions", name),
        range(*params.numbers),
        contributors,
    )
    coalitions.tell(table, contributors)
    write_table(table, snakemake.output.coalitions)
