"""Behaviors: measures with their options, and what is said of them to users."""

import typing
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from diffcredit.config.messages import choices
from diffcredit.config.sections import (
    Count,
    Fraction,
    Name,
    NoiseLevels,
    Place,
    Rate,
    Section,
    Several,
    check_options,
)
from diffcredit.registry import MEASURES, Better


class NeighborMeasure(Section):
    """Improved precision or recall: samples and reference images in each other's neighborhoods."""

    name: Literal["precision", "recall"] = Field(description=f"one of: {', '.join(MEASURES)}")
    k: Count = Field(3, description="nearest neighbors of an image that span its ball, 1 or more")


class InceptionScoreMeasure(Section):
    """Inception score, the mean over splits of the samples."""

    name: Literal["inception_score"] = Field(description=f"one of: {', '.join(MEASURES)}")
    splits: Count = Field(
        1,
        description="parts of the samples whose scores are averaged, 2 samples or more in each; "
        "1 or more",
    )


class DiversityMeasure(Section):
    """Entropy of the samples over clusters of the reference images."""

    name: Literal["diversity"] = Field(description=f"one of: {', '.join(MEASURES)}")
    clusters: Several = Field(20, description="Ward clusters, 2 or more")
    distance: Literal["dot_product", "euclidean"] = Field(
        "dot_product",
        description="dot_product (largest dot product minus that of two images, as published) or "
        "euclidean",
    )


#: Mean or quantile over the samples, whatever gives each of them a score.
QUANTILE = Field(None, description="above 0 and below 1, as 0.9; null: the mean over the samples")


class AestheticMeasure(Section):
    """Aesthetic score: a linear head on CLIP embeddings; mean or quantile over the samples."""

    name: Literal["aesthetic"] = Field(description=f"one of: {', '.join(MEASURES)}")
    head: Place | None = Field(
        None,
        description="weights of the head, a .pth state dict or .safetensors; "
        "null: ~/.cache/emb_reader/sa_0_4_vit_l_14_linear.pth",
    )
    quantile: Fraction | None = QUANTILE


class PromptMeasure(Section):
    """CLIP similarity of the samples to a text; mean or quantile over the samples."""

    name: Literal["clip_prompt"] = Field(description=f"one of: {', '.join(MEASURES)}")
    prompt: Annotated[str, Field(min_length=1)] = Field(description="a text of 1 letter or more")
    quantile: Fraction | None = QUANTILE


class PairMeasure(Section):
    """Each image against the full model's from the same initial noise, for the first noises."""

    name: str = Field(description=f"one of: {', '.join(MEASURES)}")
    queries: Count = Field(16, description="images, one value each; 1 to sampling.images")

    @property
    def images(self) -> Literal["generated"]:
        """What the query images are."""
        return "generated"


class ErrorMeasure(PairMeasure):
    """An error or a similarity without options of its own."""

    name: Literal["mse", "nrmse", "similarity"] = Field(
        description=f"one of: {', '.join(MEASURES)}"
    )


#: Side in pixels of the smallest images that a window of SSIM fits in.
SSIM_WINDOWS = {"gaussian": 6, "uniform": 7}


class SsimMeasure(PairMeasure):
    """Structural similarity of each image and the full model's from the same initial noise."""

    name: Literal["ssim"] = Field(description=f"one of: {', '.join(MEASURES)}")
    window: Literal["gaussian", "uniform"] = Field(
        "gaussian",
        description="gaussian (sd 1.5, 11x11 pixels: the paper's) or uniform (7x7: scikit-image's)",
    )


class QueryFolder(Section):
    """A folder of query images, of which none need be a training image."""

    folder: Place = Field(description="folder of images, read with its subfolders")


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
    timesteps: Several | NoiseLevels | None = Field(
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
    steps: Several = Field(
        50,
        description="steps from pure noise, of which those at or below timestep are made; "
        "2 to model.timesteps",
    )
    sampler: Literal["ddim", "ancestral"] = Field(
        "ddim",
        description="ddim, or ancestral (DDPM steps, with steps = model.timesteps as in SISS)",
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
    distance: Rate | None = Field(
        None,
        description="largest distance itself, in units of the features, as 10 of pixels in SISS; "
        "above 0; null: that of within",
    )


_WITH_OPTIONS = (
    InceptionScoreMeasure,
    NeighborMeasure,
    DiversityMeasure,
    AestheticMeasure,
    PromptMeasure,
    ErrorMeasure,
    SsimMeasure,
    LossMeasure,
    ReconstructionMeasure,
    OccurrenceMeasure,
    LikelihoodMeasure,
)
for _section in _WITH_OPTIONS:
    # What the images are, and how many, is no option of measures that have a value for each.
    shared = ("images", "queries") if issubclass(_section, PairMeasure | QueryMeasure) else ()
    check_options(_section, shared)
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
        return isinstance(self.measure, PairMeasure | QueryMeasure)

    @property
    def query_images(self) -> "str | QueryFolder | None":
        """What the images are that it has a value for; None where it has one for the model."""
        return self.measure.images if isinstance(self.measure, PairMeasure | QueryMeasure) else None

    @property
    def queries(self) -> int:
        """For how many images it has a value; 0 where it has one for the model."""
        return self.measure.queries if isinstance(self.measure, PairMeasure | QueryMeasure) else 0

    @property
    def sees(self) -> str | None:
        """The extractor through which the measure sees images, if any."""
        needs = MEASURES[self.measure.name].needs
        return None if needs is None else self.extractor or "classifier"
