"""The section `records`."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from diffcredit.config.options import Options, Registered
from diffcredit.config.sections import MOST_CONTRIBUTORS, Name, Place, Section, VisibleText
from diffcredit.registry import DISTRIBUTIONS

if TYPE_CHECKING:
    from diffcredit.coalitions.distribution import DistributionOptions
else:
    DistributionOptions = Options

#: Name in place of an approach in references to recorded behaviors.
RECORDS = "records"


class RecordedTable(Section):
    """Behaviors of models that were made elsewhere."""

    path: Place = Field(description="a file of JSON lines, or a .parquet or .csv table")
    where: dict[str, Any] = Field(
        {}, description="key: value, or a list of values, of the records that belong to the table"
    )
    drawn: Annotated[DistributionOptions, Registered(DISTRIBUTIONS, tag="distribution")] = Field(
        description="what its coalitions were drawn from, as an entry of coalitions"
    )


class Records(Section):
    """Behaviors recorded elsewhere, attributed and evaluated without training."""

    contributors: Annotated[int, Field(ge=2, le=MOST_CONTRIBUTORS)] = Field(
        description="their number, 2 to 1000000"
    )
    behaviors: Annotated[list[VisibleText], Field(min_length=1)] = Field(
        description="a list of the keys of behaviors, one or more"
    )
    better: dict[str, Literal["lower", "higher"]] = Field(
        {},
        description="behavior: lower, or higher, for each of which one is better for the model; {} "
        "where that is unknown",
    )
    skip_invalid: bool = Field(
        False, description="true leaves invalid records out; false stops at them"
    )
    tables: Annotated[dict[Name, RecordedTable], Field(min_length=1)] = Field(
        description="one entry or more, each with path and drawn"
    )
