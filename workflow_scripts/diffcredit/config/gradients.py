"""An entry of the section `gradients`."""

from typing import Annotated, Literal

from pydantic import Field

from diffcredit.config.options import Options, Registered
from diffcredit.config.sections import Count, Section
from diffcredit.registry import FUNCTIONS


class Gradients(Section):
    """Features of images: gradients of what the full model makes of them, projected."""

    function: Annotated[Options, Registered(FUNCTIONS)] = Field(
        "squared_norm",
        validate_default=True,
        description=f"one of: {', '.join(FUNCTIONS)}; or {{name: ..., its options}}",
    )
    timesteps: Count = Field(
        10, description="noise levels K that are averaged; 1 to model.timesteps"
    )
    at: Literal["uniform", "cumulative"] = Field(
        "uniform", description="uniform (0, T/K, 2 T/K, ...) or cumulative (0 to K-1)"
    )
    dimensions: Count | Literal["all"] = Field(
        4096, description="numbers Z that a gradient is projected to, 1 or more; all: none is lost"
    )
    models: Count = Field(1, description="trainings of the full model, 1 to full.models")
    snapshots: Count = Field(
        1, description="snapshots of each training, the last ones; 1 to full.snapshots"
    )
    shards: Count = Field(1, description="jobs that share the training images, 1 or more")
    batch_size: Count = Field(160, description="images x noise levels at a time, 1 or more")
