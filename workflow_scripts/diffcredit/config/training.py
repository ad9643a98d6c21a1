"""The section `training`."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from diffcredit.config.options import Options, Registered
from diffcredit.config.sections import Changes, Count, Natural, Rate, Real, Section, optional
from diffcredit.registry import OPTIMIZERS, SCHEDULES


class Ema(Section):
    """Moving average of the weights: decay(k) = min(max_decay, 1 - (1 + k/gamma)^-power)."""

    inverse_gamma: Rate = Field(1.0, description="a number above 0")
    power: Rate = Field(0.75, description="a number above 0")
    max_decay: Annotated[Real, Field(ge=0, lt=1)] = Field(
        0.9999, description="at least 0, below 1; 0: the weights themselves, no average"
    )
    continued: bool = Field(
        False,
        description="true: k goes on from the steps of the model that a training starts from; "
        "false: from 0",
    )


class Training(Section):
    """The one training loop, as every model uses it."""

    batch_size: Annotated[int, Field(ge=2, multiple_of=2)] = Field(
        64, description="images in a step, an even number"
    )
    random_flip: bool = Field(
        False, description="true: each image is mirrored left to right with probability 1/2"
    )
    antithetic: bool = Field(
        True, description="true: half of a step's timesteps mirror the other half; false: all drawn"
    )
    schedule: Annotated[Options, Registered(SCHEDULES)] = Field(
        "cosine",
        validate_default=True,
        description=f"learning rate after the warm-up, one of: {', '.join(SCHEDULES)}; or "
        "{name: ..., its options}",
    )
    warmup_steps: Natural = Field(10, description="steps of linear warm-up, 0 or more")
    optimizer: Annotated[Options, Registered(OPTIMIZERS)] = Field(
        "adam",
        validate_default=True,
        description=f"one of: {', '.join(OPTIMIZERS)}; or {{name: ..., its options}}",
    )
    gradient_clip: Rate = Field(
        1.0, description="largest gradient norm of losses that are means over values, above 0"
    )
    gradient_accumulation: Count = Field(
        1, description="parts in which a step's batch is computed; divides batch_size / 2"
    )
    mixed_precision: Literal["no", "fp16", "bf16"] = Field("no", description="no, fp16 or bf16")
    ema: Ema = Ema()


#: Keys of training that differ for the models of one approach; None where one does not.
if TYPE_CHECKING:
    TrainingChanges = Changes
else:
    TrainingChanges = optional(Training)
