"""The section `behaviors`: model behaviors and their measures."""

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

#: Options for the kind and number of query images, which are not in `Behavior.options`.
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
        """The images that a model is compared with: "reference", "full" or "queries"."""
        return MEASURES[self.measure.name].compares

    @property
    def of(self) -> str:
        """The subject of the measure: "samples" of the model, or the "model" itself."""
        return MEASURES[self.measure.name].subject

    @property
    def better(self) -> Better:
        """Which values are good for the model, according to the measure."""
        return MEASURES[self.measure.name].better

    @property
    def sign(self) -> int:
        """The sign, -1 or 1, that makes higher values better; 1 if there is no direction."""
        return -1 if self.better == "lower" else 1

    @property
    def queried(self) -> bool:
        """Whether the behavior is local (one value per query image) instead of global."""
        return self.compares != "reference"

    @property
    def query_images(self) -> str | QueryFolder | None:
        """The kind of query images; None for a global behavior."""
        images: str | QueryFolder | None = getattr(self.measure, "images", None)
        return images if self.queried else None

    @property
    def queries(self) -> int:
        """Number of query images; 0 for a global behavior."""
        queries: int = getattr(self.measure, "queries", 0)
        return queries if self.queried else 0

    @property
    def options(self) -> dict[str, Any]:
        """Options of the measure, without the kind and number of query images."""
        given = self.measure.model_dump(exclude={"name"})
        queried = QUERY_OPTIONS if self.compares == "queries" else ()
        return {key: value for key, value in given.items() if key not in queried}

    @property
    def sees(self) -> str | None:
        """The extractor of the measure, if any."""
        needs = MEASURES[self.measure.name].needs
        return None if needs is None else self.extractor or "classifier"
