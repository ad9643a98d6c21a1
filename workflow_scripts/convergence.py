"""How each attribution and its LDS settle as coalitions are added."""

from diffcredit.logs import job

with job(snakemake.log[0], "convergence"):
    import pandas as pd
    from pydantic import TypeAdapter

    from diffcredit import seeds
    from diffcredit.attribution.table import fit
    from diffcredit.config import Attribution, Convergence, Distribution, Lds
    from diffcredit.evaluation.convergence import convergence_table, equal_compute, spent
    from diffcredit.files import read_table, write_csv, write_table

    params = snakemake.params
    measured = dict(zip(params.made, map(read_table, snakemake.input.behaviors), strict=True))
    parts = []
    for name, settings in params.attributions.items():
        entry = Attribution(**settings)
        tables = {role: measured[reference] for role, reference in entry.references.items()}
        values = tables.pop("values")
        drawn = TypeAdapter(dict[str, Distribution]).validate_python(params.drawn[name])
        part = convergence_table(
            lambda used, e=entry, t=tables, d=drawn: fit(e, {"values": used, **t}, d),
            values,
            sum(spent(table) for table in tables.values()),
            read_table(snakemake.input.truth),
            Convergence(**params.convergence).points,
            Lds(**params.lds),
            seeds.derive(params.seed, "lds"),
        )
        parts.append(part.assign(attribution=name))
    table = pd.concat(parts, ignore_index=True)
    write_table(table, snakemake.output.parquet)
    write_csv(table, snakemake.output.csv)
    write_csv(equal_compute(table), snakemake.output.equal)
