"""An entry of the section `approaches`."""

from typing import Annotated, Literal

from pydantic import Field

from diffcredit.config.options import Options, Registered
from diffcredit.config.recipe import RecipeKeys
from diffcredit.config.sections import Count, Name, Rate
from diffcredit.registry import OBJECTIVES


class Approach(RecipeKeys):
    """How the model of a coalition is made: start x objective x parameters."""

    start: Literal["scratch", "full", "pruned"] = Field(description="scratch, full or pruned")
    objective: Annotated[Options, Registered(OBJECTIVES)] = Field(
        description=f"one of: {', '.join(OBJECTIVES)}; or {{name: ..., its options}}"
    )
    steps: Count | None = Field(
        None, description="training steps, 1 or more; none where the objective gives them"
    )
    learning_rate: Rate | None = Field(None, description="a number above 0; none for a closed form")
    coalitions: dict[Name, Count] = Field(
        default_factory=dict,
        description="for each entry of coalitions to be made: the number of training seeds",
    )
