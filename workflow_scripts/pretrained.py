"""The full model, as the model before any step of unlearning."""

from diffcredit.jobs import job

with job(snakemake, "pretrained"):
    from diffcredit.files import resumable
    from diffcredit.models import checkpoints
    from diffcredit.training.unlearning import write_pretrained

    full = checkpoints.load(snakemake.input.model)
    with resumable(snakemake.output.models) as folder:
        write_pretrained(full, folder)
