"""The section `full`."""

from pydantic import Field

from diffcredit.config.recipe import RecipeKeys
from diffcredit.config.sections import Count, Place, Rate


class Full(RecipeKeys):
    """The model trained on everything."""

    pretrained: Place | None = Field(
        None,
        description="folder of a model that was trained elsewhere, in diffusers' format or of "
        "diffcredit; null trains one",
    )
    steps: Count = Field(400, description="training steps, 1 or more")
    learning_rate: Rate = Field(5e-3, description="a number above 0")
    models: Count = Field(
        1, description="trainings, the first of which is the full model; 1 or more"
    )
    snapshots: Count = Field(
        1, description="models kept along a training, evenly apart; the last is its end; 1 to steps"
    )
