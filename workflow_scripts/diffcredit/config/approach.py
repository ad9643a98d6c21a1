"""An entry of the section `approaches`."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from diffcredit.config.options import Options, Registered, unknown_name
from diffcredit.config.sections import Count, Name, Rate, Section
from diffcredit.config.training import TrainingChanges
from diffcredit.registry import OBJECTIVES, PARAMETERS


def _named(value: Any) -> Any:
    """A section of one key, such as lora, is the options of the entry that the key names."""
    if isinstance(value, dict) and len(value) == 1 and [*value] != ["name"]:
        ((name, options),) = value.items()
        if name not in PARAMETERS:
            raise unknown_name(str(name), options, list(PARAMETERS))
        if isinstance(options, dict):
            return {"name": name, **options}
    return value


def _nested(schema: dict[str, Any]) -> None:
    """Add what `_named` reads to the JSON schema."""
    sections = {name: {"type": "object"} for name in PARAMETERS}
    nested = {"type": "object", "properties": sections, "additionalProperties": False}
    schema["anyOf"] = [*schema["anyOf"], nested]


class Approach(Section):
    """How the model of a coalition is made: start x objective x parameters."""

    start: Literal["scratch", "full", "pruned"] = Field(description="scratch, full or pruned")
    objective: Annotated[Options, Registered(OBJECTIVES)] = Field(
        description=f"one of: {', '.join(OBJECTIVES)}; or {{name: ..., its options}}"
    )
    parameters: Annotated[Options, Registered(PARAMETERS), BeforeValidator(_named)] = Field(
        "all",
        validate_default=True,
        description="all or {lora: {rank: ..., alpha: ...}}",
        json_schema_extra=_nested,
    )
    steps: Count | None = Field(
        None, description="training steps, 1 or more; none where the objective gives them"
    )
    learning_rate: Rate | None = Field(None, description="a number above 0; none for a closed form")
    training: TrainingChanges | None = Field(  # type: ignore[valid-type]
        None,
        description="a section with the keys of training that differ for this approach, as "
        "{schedule: constant}; null: none differ",
    )
    coalitions: dict[Name, Count] = Field(
        default_factory=dict,
        description="for each entry of coalitions to be made: the number of training seeds",
    )
