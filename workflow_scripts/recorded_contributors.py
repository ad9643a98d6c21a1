"""Number the contributors of records, of whose images nothing is known."""

from diffcredit.jobs import job

with job(snakemake, "contributors") as params:
    import numpy as np

    from diffcredit.data.contributors import table
    from diffcredit.files import write_table

    contributor_ids = np.arange(params.contributors)
    write_table(table(contributor_ids, []), snakemake.output.contributors)
