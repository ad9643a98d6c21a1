"""The section `evaluation`."""

from typing import Annotated, Literal

from pydantic import Field

from diffcredit.config.sections import (
    Count,
    Fraction,
    Name,
    Natural,
    Rate,
    Reference,
    Section,
    Several,
)


class Lds(Section):
    """Linear datamodeling score on coalitions that no attribution was fitted on."""

    truth: Reference = Field(description="approach/coalitions, the retrained test models")
    resamples: Annotated[int, Field(ge=100, le=10**6)] = Field(
        2000, description="bootstrap resamples of the coalitions, 100 to 1000000"
    )
    confidence: Fraction = Field(0.95, description="level of the intervals, above 0 and below 1")
    average: Literal["correlations", "values"] = Field(
        "correlations",
        description="what is averaged over training seeds: correlations, or values, which are "
        "rank-correlated then",
    )


class Convergence(Section):
    """How LDS and attributions settle as coalitions are added."""

    points: Several = Field(6, description="numbers of coalitions to fit, 2 or more")
    seconds: Rate | None = Field(
        None,
        description="seconds on models that all attributions are compared at, above 0; null: "
        "what the cheapest spends",
    )


#: Reserved name of the counterfactual coalitions.
COUNTERFACTUAL = "counterfactual"


class Counterfactual(Section):
    """Models without the contributors that attributions name."""

    approach: Name = Field(description="approach that makes the models")
    full: Reference = Field(description="approach/coalitions, what v(all) is from")
    attributions: Annotated[list[Name], Field(min_length=1)] = Field(
        description="a list of attributions, one or more"
    )
    behaviors: Annotated[list[Name], Field(min_length=1)] = Field(
        description="a list of behaviors, one or more"
    )
    fractions: Annotated[list[Fraction], Field(min_length=1)] = Field(
        [0.25], description="fractions of the contributors, each above 0 and below 1"
    )
    random: Natural = Field(3, description="random removals, 0 or more")
    seeds: Count = Field(2, description="training seeds of each model, 1 or more")


#: Reserved name of the coalitions without the proponents of single images.
REGENERATED = "regenerated"


class Regenerated(Section):
    """Single images, drawn again by models without the contributors that helped them most."""

    approach: Name = Field(description="approach that makes the models")
    attributions: Annotated[list[Name], Field(min_length=1)] = Field(
        description="a list of attributions, one or more"
    )
    behavior: Name = Field(
        description="behavior with a value for each generated image, by which contributors help it"
    )
    queries: Count = Field(8, description="generated images, the first ones; 1 or more")
    remove: Count = Field(description="contributors that are removed for an image, 1 or more")
    compared: Annotated[list[Name], Field(min_length=1)] = Field(
        description="a list of behaviors that compare a model's images with the full model's"
    )
    random: Count = Field(2, description="random removals, each for all images; 1 or more")
    seeds: Count = Field(1, description="training seeds of each model, 1 or more")


class Evaluation(Section):
    """How good the attributions are."""

    lds: Lds | None = Field(
        None, description="a section with truth; null where nothing is attributed"
    )
    convergence: Convergence | None = Field(
        Convergence(), description="a section with points, or null for none"
    )
    counterfactual: Counterfactual | None = Field(
        None, description="a section with approach, full, attributions, behaviors; null for none"
    )
    regenerated: Regenerated | None = Field(
        None,
        description="a section with approach, attributions, behavior, remove, compared; null for "
        "none",
    )

    @property
    def truth(self) -> str | None:
        """approach/coalitions of the test models, if any."""
        return self.lds.truth if self.lds else None

    @property
    def average(self) -> str:
        """Kind of average over training seeds; also for choosing dampings without an LDS."""
        return self.lds.average if self.lds else "correlations"
