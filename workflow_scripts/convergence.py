"""How each attribution and its LDS settle as coalitions are added."""

from diffcredit.logs import job

with job(snakemake.log[0], "convergence"):
    import pandas as pd
    from pydantic import TypeAdapter

    from diffcredit import seeds
    from diffcredit.attribution.table import attribute
    from diffcredit.config import Attribution, Convergence, Distribution, Lds
    from diffcredit.evaluation.convergence import convergence_table, equal_compute, spent
    from diffcredit.files import read_table, write_csv, write_table

    params = snakemake.params
    tables = dict(zip(params.made, map(read_table, snakemake.input.behaviors), strict=True))
    settings = Convergence(**params.convergence)
    parts = []
    for name, entry in params.attributions.items():
        chosen = Attribution(**entry)
        named = {"full": chosen.full, "none": chosen.none}
        ends = {end: tables[reference] for end, reference in named.items() if reference}
        drawn = TypeAdapter(Distribution).validate_python(params.drawn[name])
        part = convergence_table(
            lambda behaviors, c=chosen, e=ends, d=drawn: attribute(c.estimator, behaviors, e, d),
            tables[chosen.values],
            sum(spent(table) for table in ends.values()),
            read_table(snakemake.input.truth),
            settings.points,
            Lds(**params.lds),
            seeds.derive(params.seed, "lds"),
        )
        parts.append(part.assign(attribution=name))
    table = pd.concat(parts, ignore_index=True)
    write_table(table, snakemake.output.parquet)
    write_csv(table, snakemake.output.csv)
    write_csv(equal_compute(table), snakemake.output.equal)
