"""The section `unlearning`: removed images, and the evaluation of approaches."""

from typing import Annotated

from pydantic import Field

from diffcredit.config.sections import (
    Class,
    Count,
    Fraction,
    Name,
    Natural,
    Real,
    Section,
    Several,
)

#: Reserved name in place of coalitions for models of unlearning.
UNLEARNING = "unlearning"
#: Reserved name in place of an approach for the full model.
PRETRAINED = "pretrained"
#: The key that says what is removed.
REMOVE = "unlearning.remove"
#: Columns of the table of outcomes besides a behavior's own three, which no behavior may be named.
ABOUT_APPROACHES = ("approach", "kind", "seeds", "steps", "seconds")
JUDGED = ("front", "forgotten", "outcome", "explanation", "quality_change")


class Cluster(Section):
    """Generated images that an extractor finds alike."""

    clusters: Several = Field(
        10, description="k-means clusters of the images that the full model draws, 2 or more"
    )
    number: Natural = Field(0, description="the cluster to remove, from 0, the tightest")
    extractor: Name = Field(
        "classifier", description="an entry of extractors, whose features are clustered"
    )


class Removal(Section):
    """Which images are removed: one of these keys."""

    images: Annotated[list[Class | str], Field(min_length=1)] | None = Field(
        None, description="a list of training images, by number from 0 or by file"
    )
    contributor: Class | str | None = Field(
        None, description="a contributor, by name or by number from 0"
    )
    label: Class | str | None = Field(
        None, description="a class, by name or by number from 0 among those kept"
    )
    cluster: Cluster | None = Field(
        None, description="a section, such as {clusters: 10, number: 0}: generated images"
    )

    @property
    def named(self) -> dict[str, object]:
        """The keys that are given."""
        return {
            key: value
            for key in type(self).model_fields
            if (value := getattr(self, key)) is not None
        }


class Unlearning(Section):
    """Images are deleted from the full model by several approaches, and models are compared."""

    remove: Removal = Field(
        description="one of {images: [...]}, {contributor: ...}, {label: ...}, {cluster: {...}}"
    )
    approaches: Annotated[list[Name], Field(min_length=1)] = Field(
        description="a list of approaches that start from the full model, one or more"
    )
    retrain: Name | None = Field(
        None, description="approach from scratch without the removed images; null for none"
    )
    every: Count = Field(10, description="steps between models that are measured, 1 or more")
    seeds: Count = Field(3, description="training seeds of each approach, 1 or more")
    quality: Name = Field("fid", description="behavior that tells how good a model has stayed")
    forgetting: Name = Field(
        description="behavior of the removed images that tells how well a model still knows them"
    )
    until: Real | None = Field(
        None,
        description="value of the behavior of forgetting at which a training ends early; null "
        "for none",
    )
    confidence: Fraction = Field(0.95, description="level of the intervals, above 0 and below 1")
