"""The section `pruned`."""

from typing import Annotated, Literal

from pydantic import Field

from diffcredit.config.options import Options, Registered
from diffcredit.config.recipe import RecipeKeys
from diffcredit.config.sections import Fraction, Natural, Rate
from diffcredit.registry import PRUNERS


class Pruned(RecipeKeys):
    """The full model with channels removed, fine-tuned on everything."""

    pruner: Annotated[Options, Registered(PRUNERS)] = Field(
        "magnitude",
        validate_default=True,
        description=f"one of: {', '.join(PRUNERS)}; or {{name: ..., its options}}",
    )
    target: Literal["channels", "parameters", "multiply_adds"] = Field(
        "channels",
        description="what ratio is a fraction of: channels (of each layer, rounded up to whole "
        "norm groups), parameters or multiply_adds (of the network)",
    )
    ratio: Fraction = Field(
        0.2, description="fraction of the target to remove, above 0 and below 1"
    )
    steps: Natural = Field(200, description="fine-tuning steps, 0 or more")
    learning_rate: Rate = Field(3e-3, description="a number above 0")
