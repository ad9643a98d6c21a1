"""What sections of the configuration are made of."""

import typing
from collections.abc import Collection
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, create_model

from diffcredit.config.messages import choices


def _number(value: Any) -> Any:
    """YAML 1.1 reads 1e-4 as text; take it for the number that was meant."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def one_of(entries: Collection[str]) -> Any:
    """A name out of a registry table."""

    def check(value: Any) -> Any:
        if value not in entries:
            raise ValueError(choices(value, list(entries)))
        return value

    return Annotated[str, BeforeValidator(check)]


def named(entries: Collection[str], *with_options: "type[Section]") -> Any:
    """An entry of a registry table: its name, or {name: ..., and the options that it has}."""
    own = [typing.get_args(s.model_fields["name"].annotation)[0] for s in with_options]
    others = Literal[tuple(name for name in entries if name not in own)]  # type: ignore[valid-type]
    named: Any = (others, Field(description="its name"))
    plain = create_model("Plain", __base__=Section, name=named)

    def spelled_out(value: Any) -> Any:
        if isinstance(value, str) and value not in entries:
            raise ValueError(choices(value, list(entries)))
        return {"name": value} if isinstance(value, str) else value

    union = typing.Union[(plain, *with_options)]  # type: ignore[valid-type]
    return Annotated[union, Field(discriminator="name"), BeforeValidator(spelled_out)]


Real = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
Rate = Annotated[Real, Field(gt=0)]
Fraction = Annotated[Real, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
Class = Annotated[int, Field(ge=0)]
#: A list in YAML; a tuple, since measures are keys of dictionaries.
NoiseLevels = Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1, strict=False)]
HubName = Annotated[str, StringConstraints(pattern=r"^[\w-][\w.-]*(/[\w-][\w.-]*)?$")]
Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]\w*/[A-Za-z]\w*$")]


class Section(BaseModel):
    """A part of the configuration: no unknown keys, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
