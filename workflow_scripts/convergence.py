"""Convergence of attributions and their LDS as coalitions are added, and LDS at equal compute."""

from diffcredit.jobs import job
from diffcredit.logs import logger

with job(snakemake, "convergence") as params:
    from functools import partial

    import pandas as pd

    from diffcredit import seeds
    from diffcredit.attribution.table import fit
    from diffcredit.behaviors.table import read, read_each
    from diffcredit.coalitions.distribution import of_settings
    from diffcredit.config import Convergence, Lds, RemovalAttribution
    from diffcredit.evaluation.convergence import (
        convergence_table,
        growing,
        paid_for,
    )
    from diffcredit.evaluation.doubts import convergence_doubts
    from diffcredit.files import write_csv, write_table

    convergence = Convergence(**params.convergence)
    measured = dict(zip(params.made, read_each(snakemake.input.behaviors), strict=True))
    evaluate = partial(
        convergence_table,
        truth=read(snakemake.input.truth),
        settings=Lds(**params.lds),
        seed=seeds.derive(params.seed, "lds"),
    )
    entries = {
        name: RemovalAttribution(**settings) for name, settings in params.attributions.items()
    }
    others = {
        name: {role: measured[reference] for role, reference in entry.references.items()}
        for name, entry in entries.items()
    }
    values = {name: roles.pop("values") for name, roles in others.items()}
    fixed = {name: sum(made.seconds for made in roles.values()) for name, roles in others.items()}
    budget = convergence.seconds or min(fixed[name] + values[name].seconds for name in entries)
    for doubt in convergence_doubts(next(iter(values.values())).contributors):
        logger.warning("%s", doubt)
    settling, equal = [], []
    for name, entry in entries.items():
        distributions = {
            role: of_settings(given) for role, given in params.distributions[name].items()
        }
        of_entry = partial(
            evaluate,
            lambda used, e=entry, o=others[name], d=distributions: fit(e, {"values": used, **o}, d),
            values[name],
            fixed_seconds=fixed[name],
        )
        parts = growing(entry.method.name, values[name], convergence.points)
        paid = paid_for(entry.method.name, values[name], budget - fixed[name])
        told = {
            "attribution": name,
            "approach": entry.values.split("/")[0],
            "estimator": entry.method.name,
        }
        # One call, so that all models are fitted on once.
        table = of_entry([*parts, *([] if paid is None else [paid])]).assign(**told)
        grown = len(parts) * table["behavior"].nunique()
        settling.append(table[:grown])
        equal.append(table[grown:])
    for tables, stem in ((settling, "convergence"), (equal, "equal_compute")):
        table = pd.concat(tables, ignore_index=True)
        write_table(table, snakemake.output[stem])
        write_csv(table, snakemake.output[f"{stem}_csv"])
