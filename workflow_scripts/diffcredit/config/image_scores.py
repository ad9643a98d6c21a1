"""Attributions by scores of single images: by gradients of the model, or by similarity."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from diffcredit.config.sections import Count, Name, Natural, Rate, Reference, Section, one_of
from diffcredit.registry import FUNCTIONS, SCORES


class Gradients(Section):
    """Features of images: gradients of what the full model makes of them, projected."""

    function: one_of(FUNCTIONS) = Field(  # type: ignore[valid-type]
        "squared_norm", description=f"one of: {', '.join(FUNCTIONS)}"
    )
    timesteps: Count = Field(
        10, description="noise levels K that are averaged; 1 to model.timesteps"
    )
    at: Literal["uniform", "cumulative"] = Field(
        "uniform", description="uniform (0, T/K, 2 T/K, ...) or cumulative (0 to K-1)"
    )
    dimensions: Count | Literal["all"] = Field(
        4096, description="numbers Z that a gradient is projected to, 1 or more; all: none is lost"
    )
    models: Count = Field(1, description="trainings of the full model, 1 to full.models")
    snapshots: Count = Field(
        1, description="snapshots of each training, the last ones; 1 to full.snapshots"
    )
    shards: Count = Field(1, description="jobs that share the training images, 1 or more")
    batch_size: Count = Field(160, description="images x noise levels at a time, 1 or more")


class PatchScale(Section):
    """Patches of one size."""

    size: Count = Field(description="side of a patch in pixels, 1 to data.image_size")
    pool: Count = Field(
        1, description="side of the squares of pixels that are seen as one; divides size"
    )


class Patches(Section):
    """How images are compared by their patches."""

    scales: Annotated[list[PatchScale], Field(min_length=1)] = Field(
        [PatchScale(size=3)], description="a list of {size: ..., pool: 1}, over which is averaged"
    )
    timesteps: Annotated[list[Natural], Field(min_length=1)] = Field(
        [100, 300, 500], description="noise levels, each 0 or more and below model.timesteps"
    )


class Score(Section):
    """How much single images help a behavior, added up over those of a contributor."""

    method: one_of(SCORES) = Field(description=f"one of: {', '.join(SCORES)}")  # type: ignore[valid-type]
    gradients: Name | None = Field(None, description="an entry of gradients")
    extractor: Name | None = Field(None, description="an entry of extractors")
    patches: Patches | None = Field(None, description="a section with scales and timesteps")
    behaviors: Annotated[list[Name], Field(min_length=1)] = Field(
        description="a list of behaviors that it explains, one or more"
    )
    queries: Name | None = Field(
        None,
        description="a behavior with a value for each query, over whose queries the scores are "
        "averaged for behaviors that have one value",
    )
    damping: Rate | Annotated[list[Rate], Field(min_length=1)] | None = Field(
        None,
        description="a number above 0, or a list of them, in the unit of squared lengths of "
        "gradients (lambda / dimensions of published ones); null: the grid of the method",
    )
    chosen_on: Reference | None = Field(
        None, description="approach/coalitions on which one of several dampings is chosen"
    )
    groups: Literal["sum", "mean", "max"] = Field(
        "sum",
        description="sum, mean or max of the scores of a contributor's images; null: mean for "
        "dot, cosine and distance, of which a sum counts images, else sum",
    )

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_the_method(cls, given: Any) -> Any:
        """Written out, so that what depends on them sees them."""
        if not isinstance(given, dict) or given.get("method") not in [*SCORES]:
            return given  # Of a method that there is not, or of a list of them.
        method = SCORES[given["method"]]
        defaults = {"groups": method.groups} | (
            {"damping": [*method.dampings]} if method.damped else {}
        )
        return given | {key: value for key, value in defaults.items() if given.get(key) is None}

    @property
    def dampings(self) -> list[float]:
        """Those that are tried; one that says nothing where the method has none."""
        if self.damping is None:
            return [0.0]
        return self.damping if isinstance(self.damping, list) else [self.damping]
