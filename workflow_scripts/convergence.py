"""How each attribution and its LDS settle as coalitions are added."""

from diffcredit.logs import job

with job(snakemake.log[0], "convergence"):
    import pandas as pd
    from pydantic import TypeAdapter

    from diffcredit import seeds
    from diffcredit.attribution.table import fit
    from diffcredit.config import Attribution, Convergence, Distribution, Lds
    from diffcredit.evaluation.convergence import (
        convergence_table,
        counts_to_fit,
        equal_compute,
        spent,
    )
    from diffcredit.files import read_table, write_csv, write_table

    params = snakemake.params
    measured = dict(zip(params.made, map(read_table, snakemake.input.behaviors), strict=True))
    entries = {name: Attribution(**settings) for name, settings in params.attributions.items()}
    tables = {
        name: {role: measured[reference] for role, reference in entry.references.items()}
        for name, entry in entries.items()
    }
    values = {name: roles.pop("values") for name, roles in tables.items()}
    fixed = {name: sum(map(spent, roles.values())) for name, roles in tables.items()}
    budget = min(fixed[name] + spent(values[name]) for name in entries)
    parts = []
    for name, entry in entries.items():
        drawn = TypeAdapter(dict[str, Distribution]).validate_python(params.drawn[name])
        part = convergence_table(
            lambda used, e=entry, t=tables[name], d=drawn: fit(e, {"values": used, **t}, d),
            values[name],
            fixed[name],
            read_table(snakemake.input.truth),
            counts_to_fit(
                entry.estimator,
                values[name],
                Convergence(**params.convergence).points,
                budget - fixed[name],
            ),
            Lds(**params.lds),
            seeds.derive(params.seed, "lds"),
        )
        parts.append(part.assign(attribution=name))
    table = pd.concat(parts, ignore_index=True)
    write_table(table, snakemake.output.parquet)
    write_csv(table, snakemake.output.csv)
    write_csv(equal_compute(table), snakemake.output.equal)
