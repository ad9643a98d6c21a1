"""The section `training`."""

from typing import Annotated, Literal

from pydantic import Field

from diffcredit.config.sections import Count, Natural, Rate, Real, Section, optional


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


Beta = Annotated[Real, Field(ge=0, lt=1)]


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
    learning_rate_schedule: Literal["cosine", "constant"] = Field(
        "cosine", description="learning rate after the warm-up: cosine (down to 0) or constant"
    )
    warmup_steps: Natural = Field(10, description="steps of linear warm-up, 0 or more")
    adam_betas: Annotated[list[Beta], Field(min_length=2, max_length=2)] = Field(
        [0.9, 0.999], description="Adam's two decays, each at least 0 and below 1"
    )
    adam_epsilon: Rate = Field(
        1e-8, description="added to the root of Adam's second moment, above 0"
    )
    weight_decay: Annotated[Real, Field(ge=0)] = Field(
        0.0, description="decoupled weight decay, 0 or more: above 0 Adam is AdamW"
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
TrainingChanges = optional(Training)
