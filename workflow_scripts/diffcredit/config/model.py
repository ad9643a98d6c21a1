"""The section `model`."""

from typing import Annotated, Literal

from pydantic import Field

from diffcredit.config.sections import Count, Natural, Rate, Real, Section, Several


class Model(Section):
    """The denoising network and its noise schedule."""

    channels: Annotated[list[Count], Field(min_length=1)] = Field(
        [16, 32], description="channels of each resolution, finest first"
    )
    attention: list[bool] = Field(
        [False, True], description="true where a resolution has attention, one for each"
    )
    layers_per_block: Count = Field(1, description="residual layers in a block, 1 or more")
    norm_groups: Count = Field(8, description="groups of the group norms; divides all channels")
    head_dim: Count | Literal["channels"] = Field(
        8, description="channels of one attention head, 1 or more; channels: one head has them all"
    )
    scale_shift: bool = Field(
        False, description="true: the timestep scales and shifts features; false: it is added"
    )
    freq_shift: Natural = Field(
        0, description="shift of the frequencies of the timestep's embedding, 0 or more"
    )
    flip_sin_to_cos: bool = Field(
        True, description="true: the cosines of the timestep's embedding come first; false: last"
    )
    downsample_padding: Literal[0, 1] = Field(
        1, description="1: halving pads all four sides; 0: below and to the right alone"
    )
    norm_eps: Rate = Field(1e-5, description="added to the variance in norms, above 0")
    dropout: Annotated[Real, Field(ge=0, lt=1)] = Field(
        0.0, description="fraction of features dropped while training, at least 0, below 1"
    )
    timesteps: Several = Field(1000, description="noise levels, 2 or more")
