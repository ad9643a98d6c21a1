"""Behaviors: measures with their options, and what is said of them to users."""

import typing
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from diffcredit.config.messages import choices
from diffcredit.config.sections import Count, Fraction, Name, NoiseLevels, Rate, Section
from diffcredit.registry import MEASURES


class NeighborMeasure(Section):
    """Improved precision or recall: samples and reference images in each other's neighborhoods."""

    name: Literal["precision", "recall"] = Field(description=f"one of: {', '.join(MEASURES)}")
    k: Count = Field(3, description="nearest neighbors of an image that span its ball, 1 or more")


class DiversityMeasure(Section):
    """Entropy of the samples over clusters of the reference images."""

    name: Literal["diversity"] = Field(description=f"one of: {', '.join(MEASURES)}")
    clusters: Annotated[int, Field(ge=2)] = Field(20, description="Ward clusters, 2 or more")


class AestheticMeasure(Section):
    """Aesthetic score: a linear head on CLIP embeddings; mean or quantile over the samples."""

    name: Literal["aesthetic"] = Field(description=f"one of: {', '.join(MEASURES)}")
    head: str | None = Field(
        None,
        description="weights of the head, a .pth state dict or .safetensors; "
        "null: ~/.cache/emb_reader/sa_0_4_vit_l_14_linear.pth",
    )
    quantile: Fraction | None = Field(
        None, description="above 0 and below 1, as 0.9; null: the mean over the samples"
    )


class PromptMeasure(Section):
    """CLIP similarity of the samples to a text."""

    name: Literal["clip_prompt"] = Field(description=f"one of: {', '.join(MEASURES)}")
    prompt: Annotated[str, Field(min_length=1)] = Field(description="a text of 1 letter or more")


class PairMeasure(Section):
    """Each image against the full model's from the same initial noise, for the first noises."""

    name: Literal["mse", "nrmse", "ssim", "similarity"] = Field(
        description=f"one of: {', '.join(MEASURES)}"
    )
    queries: Count = Field(16, description="images, one value each; 1 to sampling.images")

    @property
    def images(self) -> Literal["generated"]:
        """What the query images are."""
        return "generated"


class QueryFolder(Section):
    """A folder of query images, of which none need be a training image."""

    folder: str = Field(description="folder of images, read with its subfolders")


class QueryMeasure(Section):
    """What measures of given images, a value for each, have in common."""

    name: str = Field(description=f"one of: {', '.join(MEASURES)}")
    images: Literal["train", "generated", "held_out", "removed", "retained"] | QueryFolder = Field(
        "generated",
        description="train (training images), generated (by the full model), held_out (those "
        "that data.held_out sets apart), removed or retained (by unlearning) or {folder: ...}",
    )
    queries: Count = Field(
        16, description="images, one value each; 1 or more; of removed ones at most so many"
    )


class LossMeasure(QueryMeasure):
    """Denoising loss of query images, averaged over noises and noise levels."""

    name: Literal["denoising_loss"] = Field(description=f"one of: {', '.join(MEASURES)}")
    noises: Count = Field(50, description="noises, the same for every model; 1 or more")
    timesteps: Annotated[int, Field(ge=2)] | NoiseLevels | None = Field(
        None,
        description="how many noise levels, 2 to model.timesteps; or a list of them, each from 0 "
        "and below model.timesteps; null: those of sampling",
    )


class LikelihoodMeasure(QueryMeasure):
    """Negative log-likelihood of query images by the probability-flow ODE."""

    name: Literal["likelihood"] = Field(description=f"one of: {', '.join(MEASURES)}")
    steps: Count = Field(20, description="Runge-Kutta steps of the ODE, 1 or more")
    probes: Count | Literal["exact"] = Field(
        1, description="random probes of the divergence for an image, 1 or more; or exact"
    )
    dequantize: bool = Field(
        True, description="true draws each pixel from its 256th of the range; false leaves it"
    )


class ReconstructionMeasure(QueryMeasure):
    """How similar to a query image is what the model makes of it with noise."""

    name: Literal["reconstruction"] = Field(description=f"one of: {', '.join(MEASURES)}")
    timestep: Count = Field(
        250, description="noise level that it begins from, 1 or more, below model.timesteps"
    )
    steps: Annotated[int, Field(ge=2)] = Field(
        50, description="DDIM steps of all noise levels, 2 or more"
    )
    noises: Count = Field(4, description="noises, the same for every model; 1 or more")


class OccurrenceMeasure(QueryMeasure):
    """Fraction of the samples that are a query image."""

    name: Literal["occurrence"] = Field(description=f"one of: {', '.join(MEASURES)}")
    within: Rate = Field(
        0.5,
        description="largest distance of such samples, as a share of that to the nearest other "
        "reference image; above 0",
    )


_WITH_OPTIONS = (
    NeighborMeasure,
    DiversityMeasure,
    AestheticMeasure,
    PromptMeasure,
    PairMeasure,
    LossMeasure,
    ReconstructionMeasure,
    OccurrenceMeasure,
    LikelihoodMeasure,
)
_NAMES_WITH_OPTIONS = {
    name
    for section in _WITH_OPTIONS
    for name in typing.get_args(section.model_fields["name"].annotation)
}


class PlainMeasure(Section):
    """A measure without options."""

    name: Literal[tuple(n for n in MEASURES if n not in _NAMES_WITH_OPTIONS)] = Field(  # type: ignore[valid-type]
        description=f"one of: {', '.join(MEASURES)}"
    )


def _measure_by_name(value: Any) -> Any:
    """The name alone is the measure with its default options."""
    if not isinstance(value, str):
        return value
    if value not in MEASURES:
        raise ValueError(choices(value, list(MEASURES)))
    return {"name": value}


if typing.TYPE_CHECKING:

    class MeasureOptions(Section):
        """What all measures have."""

        name: str
else:
    MeasureOptions = typing.Union[(PlainMeasure, *_WITH_OPTIONS)]


class Behavior(Section):
    """A property measured on each model."""

    measure: Annotated[
        MeasureOptions, Field(discriminator="name"), BeforeValidator(_measure_by_name)
    ] = Field(description=f"one of: {', '.join(MEASURES)}; or {{name: ..., options}}")
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
        return MEASURES[self.measure.name].of

    @property
    def options(self) -> dict[str, Any]:
        """What its measure takes besides images."""
        common = QueryMeasure.model_fields if isinstance(self.measure, QueryMeasure) else ()
        return self.measure.model_dump(exclude={"name", *common})

    @property
    def better(self) -> str:
        """Which way is good: "lower" or "higher"."""
        return MEASURES[self.measure.name].better

    @property
    def sign(self) -> int:
        """What turns a value into one of which more is better: -1 or 1."""
        return -1 if self.better == "lower" else 1

    @property
    def queried(self) -> bool:
        """Whether it has a value for each of several images, not one for the model."""
        return isinstance(self.measure, PairMeasure | QueryMeasure)

    @property
    def query_images(self) -> "str | QueryFolder | None":
        """What the images are that it has a value for; None where it has one for the model."""
        return self.measure.images if isinstance(self.measure, PairMeasure | QueryMeasure) else None

    @property
    def sees(self) -> str | None:
        """The extractor through which the measure sees images, if any."""
        needs = MEASURES[self.measure.name].needs
        return None if needs is None else self.extractor or "classifier"
