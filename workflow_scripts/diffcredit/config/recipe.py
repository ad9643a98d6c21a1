"""What the full, the pruned and every other model have in common: how they are trained."""

from typing import Annotated

from pydantic import Field

from diffcredit.config.options import Options, Registered
from diffcredit.config.sections import Section
from diffcredit.config.training import TrainingChanges
from diffcredit.registry import OBJECTIVES, PARAMETERS


class RecipeKeys(Section):
    """Objective, parameters, and what differs of the training."""

    objective: Annotated[Options, Registered(OBJECTIVES)] = Field(
        "denoise",
        validate_default=True,
        description=f"one of: {', '.join(OBJECTIVES)}; or {{name: ..., its options}}",
    )
    parameters: Annotated[Options, Registered(PARAMETERS)] = Field(
        "all",
        validate_default=True,
        description=f"one of: {', '.join(PARAMETERS)}; or {{name: ..., its options}}",
    )
    training: TrainingChanges | None = Field(
        None,
        description="a section with the keys of training that differ here, as "
        "{schedule: constant}; null: none differ",
    )
