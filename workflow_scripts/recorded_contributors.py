"""The table of contributors for records, which have no images: only numbers."""

from diffcredit.jobs import job

with job(snakemake, "contributors") as params:
    import numpy as np

    from diffcredit.data.contributors import table
    from diffcredit.files import write_table

    contributor_ids = np.arange(params.contributors)
    write_table(table(contributor_ids, []), snakemake.output.contributors)
