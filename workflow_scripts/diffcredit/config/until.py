"""The option `until` of distributions: a stopping rule for adding coalitions."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from diffcredit.config.messages import choices, problem
from diffcredit.config.sections import Name, Rate, Real, Section

if TYPE_CHECKING:
    from diffcredit.config.schema import Config


class Until(Section):
    """When there are coalitions enough; count is the budget."""

    attribution: Name = Field(description="attribution that is fitted on the coalitions")
    behavior: Name = Field(description="behavior that it explains")
    standard_error: Rate | None = Field(
        None, description="largest standard error of a value, above 0; null for no such demand"
    )
    stability: Annotated[Real, Field(gt=0, le=1)] | None = Field(
        None,
        description="least rank correlation with the values before the last shard, above 0, "
        "at most 1; null for no such demand",
    )


UNTIL = Field(None, description="a section with attribution and behavior; null for all of count")


def until_problems(config: "Config", name: str, until: Until | None) -> list[str]:
    """One line about the section `until` of an entry of coalitions, if it cannot be met.

    Args:
        config: the whole configuration.
        name: of the entry.
        until: its section; None where it has none.
    """
    if until is None:
        return []
    key = f"coalitions.{name}.until"
    if until.standard_error is None and until.stability is None:
        return [f"  {key}: needs standard_error or stability"]
    if until.behavior not in config.behaviors:
        known = choices(until.behavior, config.behaviors, "behaviors")
        return [problem(f"{key}.behavior", until.behavior, known)]
    fitted = [k for k, a in config.removal_attributions.items() if a.values.split("/")[1] == name]
    if until.attribution not in fitted:
        known = choices(until.attribution, fitted, "attributions")
        accepted = f"must be fitted on these coalitions; {known}"
        return [problem(f"{key}.attribution", until.attribution, accepted)]
    return []
