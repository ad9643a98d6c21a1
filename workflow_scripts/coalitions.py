"""Draw the coalitions of a removal distribution."""

from diffcredit.logs import job

with job(snakemake.log[0], f"coalitions {snakemake.wildcards.distribution}"):
    from pydantic import TypeAdapter

    from diffcredit import coalitions, seeds
    from diffcredit.config import Distribution
    from diffcredit.files import read_table, write_table

    name = snakemake.wildcards.distribution
    table = coalitions.table(
        TypeAdapter(Distribution).validate_python(snakemake.params.distribution),
        len(read_table(snakemake.input.contributors)),
        seeds.derive(snakemake.params.seed, "coalitions", name),
    )
    write_table(table, snakemake.output.coalitions)
