"""The section `sampling`."""

from typing import Annotated

from pydantic import Field

from diffcredit.config.sections import Count, Section, Several


class Sampling(Section):
    """Images drawn from each model, from the same initial noises."""

    images: Annotated[int, Field(ge=2, le=10**7)] = Field(
        512, description="images of a model, 2 to 10000000"
    )
    steps: Several = Field(10, description="DDIM steps, 2 or more")
    batch_size: Count = Field(128, description="images at a time, 1 or more")
