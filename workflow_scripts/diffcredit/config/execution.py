"""The section `execution`."""

from typing import Literal

from pydantic import Field

from diffcredit.config.sections import Count, Name, Section


class Keep(Section):
    """What stays on disk after the run."""

    models: bool = Field(False, description="true keeps the model of every coalition")
    samples: bool = Field(True, description="true keeps the images of every coalition")


class Execution(Section):
    """How the work is done; nothing here changes a result."""

    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto, cpu or cuda")
    gpus: Count = Field(1, description="GPUs that train the full and the pruned model, 1 or more")
    jobs_per_gpu: Count = Field(1, description="jobs that share a GPU of this machine, 1 or more")
    shard_size: Count = Field(20, description="coalitions that one job makes, 1 or more")
    shard_sizes: dict[Name, Count] = Field(
        {},
        description="coalitions that one job of an approach makes, a multiple of shard_size, "
        "such as {sft: 60}",
    )
    checkpoint_steps: Count = Field(
        100, description="steps between checkpoints that an interrupted training continues from"
    )
    keep: Keep = Keep()
