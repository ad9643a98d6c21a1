"""Behaviors: what is measured on each model, and by which measure."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from diffcredit.config.options import Options, Registered
from diffcredit.config.sections import Name, Place, Section
from diffcredit.registry import MEASURES, Better

if TYPE_CHECKING:
    from diffcredit.behaviors.measure import Measure

    MeasureOptions = Measure.Options
else:
    MeasureOptions = Options

#: Options that say what the query images are, and how many; of those of `Behavior.options` none.
QUERY_OPTIONS = ("images", "queries")


class QueryFolder(Section):
    """A folder of query images, of which none need be a training image."""

    folder: Place = Field(description="folder of images, read with its subfolders")


class Behavior(Section):
    """A property measured on each model."""

    measure: Annotated[MeasureOptions, Registered(MEASURES)] = Field(
        description=f"one of: {', '.join(MEASURES)}; or {{name: ..., options}}"
    )
    extractor: Name | None = Field(
        None, description="an entry of extractors; null: classifier, where the measure uses one"
    )
    transform: Literal["none", "log"] = Field("none", description="none or log")

    @property
    def compares(self) -> str:
        """What a model is compared with: "reference", "full" or "queries"."""
        return MEASURES[self.measure.name].compares

    @property
    def of(self) -> str:
        """What is measured: "samples" of the model, or the "model" itself."""
        return MEASURES[self.measure.name].subject

    @property
    def better(self) -> Better:
        """Which values are good for the model, as its measure says; a logarithm keeps the order."""
        return MEASURES[self.measure.name].better

    @property
    def sign(self) -> int:
        """What turns a value into one of which more is better: -1 or 1 (where neither is, 1)."""
        return -1 if self.better == "lower" else 1

    @property
    def queried(self) -> bool:
        """Whether it has a value for each of several images, not one for the model."""
        return self.compares != "reference"

    @property
    def query_images(self) -> str | QueryFolder | None:
        """What the images are that it has a value for; None where it has one for the model."""
        images: str | QueryFolder | None = getattr(self.measure, "images", None)
        return images if self.queried else None

    @property
    def queries(self) -> int:
        """For how many images it has a value; 0 where it has one for the model."""
        queries: int = getattr(self.measure, "queries", 0)
        return queries if self.queried else 0

    @property
    def options(self) -> dict[str, Any]:
        """Options of its measure, without what the query images are."""
        given = self.measure.model_dump(exclude={"name"})
        queried = QUERY_OPTIONS if self.compares == "queries" else ()
        return {key: value for key, value in given.items() if key not in queried}

    @property
    def sees(self) -> str | None:
        """The extractor through which the measure sees images, if any."""
        needs = MEASURES[self.measure.name].needs
        return None if needs is None else self.extractor or "classifier"
