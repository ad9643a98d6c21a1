"""The full model, as the model before any step of unlearning."""

from diffcredit.jobs import job

with job(snakemake, "pretrained"):
    from diffcredit.files import resumable
    from diffcredit.models import checkpoints
    from diffcredit.steps import model_name

    full = checkpoints.load(snakemake.input.model)
    with resumable(snakemake.output.models) as folder:
        checkpoints.save(full, folder / model_name(seed=0, step=0), {"step": 0, "seconds": 0.0})
