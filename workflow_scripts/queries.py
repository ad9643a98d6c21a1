"""The query images of a behavior."""

from diffcredit.jobs import job

with job(snakemake, f"queries {snakemake.wildcards.behavior}") as params:
    from pathlib import Path

    import numpy as np

    from diffcredit import seeds
    from diffcredit.behaviors import queries
    from diffcredit.config import Behavior
    from diffcredit.data import images
    from diffcredit.files import write_table

    tables = ("train", "generated", "held_out", "removed", "retained")
    places = {name: Path(path) for name in tables if (path := snakemake.input.get(name))}
    found = queries.read(
        Behavior(measure=params.measure).measure,
        places,
        seeds.derive(params.seed, "queries"),
        tuple(params.background or (255, 255, 255)),
    )
    requested = images.nobodys(found.pixels, np.full(len(found.pixels), -1))
    table = images.to_table(requested, "query")
    write_table(images.with_origin(table, found.rows, found.captions), snakemake.output.queries)
