"""What sections of the configuration are made of."""

from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    create_model,
)

from diffcredit.config.places import usable


def _number(value: Any) -> Any:
    """YAML 1.1 reads 1e-4 as text; take it for the number that was meant."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


Real = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
Rate = Annotated[Real, Field(gt=0)]
Fraction = Annotated[Real, Field(gt=0, lt=1)]
#: Larger numbers count nothing that a computer could make or hold.
LARGEST = 10**9
Natural = Annotated[int, Field(ge=0, le=LARGEST)]
Count = Annotated[int, Field(ge=1, le=LARGEST)]
Several = Annotated[int, Field(ge=2, le=LARGEST)]
#: Each contributor has a name, and an entry in the mask of each coalition.
MOST_CONTRIBUTORS = 10**6
#: Names become those of files and folders.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,99}$")]
#: A text that shows when it is printed.
VisibleText = Annotated[str, StringConstraints(pattern=r"\S")]
#: Where a user's file or folder is.
Place = Annotated[str, AfterValidator(usable)]
Class = Natural
#: A list in YAML; a tuple, since measures are keys of dictionaries.
NoiseLevels = Annotated[tuple[Natural, ...], Field(min_length=1, strict=False)]
HubName = Annotated[
    str, StringConstraints(max_length=96, pattern=r"^[\w-][\w.-]*(/[\w-][\w.-]*)?$")
]
Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]\w*/[A-Za-z]\w*$")]


class Section(BaseModel):
    """A part of the configuration: no unknown keys, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


Kind = TypeVar("Kind", bound=Section)


class Changes(Section):
    """Keys of a section that differ; the others are missing (None)."""


def optional(section: type[Section]) -> type[Changes]:
    """A section with the same keys, of which each may be missing (None)."""
    keys: dict[str, Any] = {}
    for name, field in section.model_fields.items():
        kind: Any = field.annotation
        if field.metadata:
            kind = Annotated[(kind, *field.metadata)]
        elif isinstance(kind, type) and issubclass(kind, Section):
            kind = optional(kind)
        keys[name] = (kind | None, Field(None, description=field.description))
    return create_model(
        f"{section.__name__}Changes", __base__=Changes, __doc__=section.__doc__, **keys
    )


def changed(section: Kind, changes: Changes) -> Kind:
    """A section with the keys that `changes` (of `optional`) gives."""
    given = {
        name: value
        for name in changes.model_fields_set
        if (value := getattr(changes, name)) is not None
    }
    nested = {
        name: changed(getattr(section, name), value)
        for name, value in given.items()
        if isinstance(value, Changes)
    }
    return section.model_copy(update=given | nested)
