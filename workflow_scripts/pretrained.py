"""The full model as the one before any step of unlearning."""

from diffcredit.logs import job

with job(snakemake.log[0], "pretrained"):
    from pathlib import Path

    from diffcredit.models import checkpoints
    from diffcredit.steps import model_name

    full = checkpoints.load(snakemake.input.model)
    target = Path(snakemake.output.models) / model_name(seed=0, step=0)
    checkpoints.save(full, target, {"step": 0, "seconds": 0.0})
