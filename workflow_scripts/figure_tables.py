"""The result tables as a page for the report, and the LDS table as text for the terminal."""

from diffcredit.jobs import job

with job(snakemake, "tables") as params:
    from diffcredit.files import read_json, read_table, write_text
    from diffcredit.report.tables import (
        averaged,
        equal_compute_cells,
        lds_cells,
        lds_text,
        model_sizes,
        page,
        query_cells,
        seed_cells,
    )

    lds = read_table(snakemake.input.lds)
    how = f", {averaged(lds)}" if averaged(lds) else ""
    tables = {
        f"LDS{how}, with intervals over coalitions": lds_cells(lds),
        f"LDS{how}, with intervals over queries": query_cells(lds),
        f"LDS{how}, with intervals over training seeds": seed_cells(lds),
    }
    headings = {
        "regenerated": "Images drawn again without their proponents, against the full model's",
        "dampings": f"LDS{how}, by damping",
        "planted": "Planted contributors: AUC, and their ranks from the worst",
        "counterfactual": "Relative change without the contributors that attributions name",
        "cost": "Cost in seconds",
    }
    if path := snakemake.input.equal_compute:
        tables[f"LDS{how}, at equal compute"] = equal_compute_cells(read_table(path))
    for name, heading in headings.items():
        if path := snakemake.input[name]:
            tables[heading] = read_table(path)
    if folder := snakemake.input.pruned:
        tables["Pruning"] = model_sizes(read_json(f"{folder}/config.json")["facts"])
    shown = {heading: table for heading, table in tables.items() if not table.empty}
    write_text(page("diffcredit", shown), snakemake.output.page)
    write_text(lds_text(lds, params.confidence), snakemake.output.text)
