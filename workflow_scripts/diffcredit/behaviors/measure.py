"""The base classes of measures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from diffcredit.config.behaviors import QueryFolder
from diffcredit.config.options import Implementation
from diffcredit.config.sections import Count

if TYPE_CHECKING:
    import numpy as np
    import torch

    from diffcredit.behaviors.extractor import Extractor
    from diffcredit.behaviors.image_features import ImageFeatures
    from diffcredit.behaviors.query_settings import QuerySettings
    from diffcredit.models.checkpoints import Trained
    from diffcredit.registry import Better

#: Attributes that every measure has to set; no default would fit most of them.
DECLARED = ("needs", "better")


class Measure(Implementation):
    """A number that is measured on a model, or one number for each of several query images.

    A measure derives from `SampleMeasure`, `PairMeasure`, `QueryMeasure` or `ModelMeasure`.

    Attributes:
        needs: what the extractor must provide, see `extractor.Extractor.gives`; None for a measure
            without an extractor.
        better: which values are good for the model. For a comparison with the full model's images:
            which values mean nearer to them, so that contributors get credit for the image as it
            is. For query images: which values mean that the model knows them better. None where
            neither direction is good.
        compares: what a model is compared with. With the "reference" images the measure is global:
            one value. With images of the "full" model from the same initial noises, or with given
            "queries", it is local: one value per image.
        subject: "samples" of the model, or the "model" itself.
        reconstructs: whether it compares images with their reconstructions, which a figure shows.
    """

    needs: ClassVar[str | None]
    better: ClassVar[Better]
    compares: ClassVar[Literal["reference", "full", "queries"]] = "reference"
    subject: ClassVar[Literal["samples", "model"]] = "samples"
    reconstructs: ClassVar[bool] = False

    class Options(Implementation.Options):
        """Options of all measures."""

        def files(self) -> list[Path]:
            """Files of the user on which the values depend, besides the extractor's weights."""
            return []

        def __hash__(self) -> int:
            """Make measures with list options usable as dictionary keys."""
            return hash(repr(self))

    def __init_subclass__(cls, base: bool = False) -> None:
        """Raise `TypeError` if a measure lacks a required attribute.

        Args:
            base: whether this class is a base of measures.
        """
        super().__init_subclass__()
        missing = [name for name in DECLARED if not hasattr(cls, name)]
        if missing and not base:
            raise TypeError(f"measure {cls.__name__} must say {' and '.join(missing)}")

    def __call__(self, measured: Any) -> Any:
        """Measure one model: a number, or (queries,) numbers.

        Args:
            measured: `image_features.ImageFeatures` of the samples, or the model; see ``subject``.
        """
        raise NotImplementedError


class SampleMeasure(Measure, base=True):
    """Compares all samples of a model with the reference images; see `entropy` for an example."""

    def prepare(self, reference: ImageFeatures) -> None:
        """Compute what is needed of the reference images, once for all models."""

    def __call__(self, samples: ImageFeatures) -> float:
        """The value of a model with these samples."""
        raise NotImplementedError


class PairMeasure(Measure, base=True):
    """Compares each of the first samples with the full model's sample from the same noise.

    See `similarity` for an example.
    """

    compares = "full"

    class Options(Measure.Options):
        """How many samples are compared."""

        queries: Count = Field(16, description="images, one value each; 1 to sampling.images")

        @property
        def images(self) -> Literal["generated"]:
            """The kind of the query images."""
            return "generated"

    def prepare(self, full: ImageFeatures) -> None:
        """Compute what is needed of the full model's images, once for all models."""

    def __call__(self, samples: ImageFeatures) -> np.ndarray:
        """(queries,) values of a model with these samples."""
        raise NotImplementedError


class QueryMeasure(Measure, base=True):
    """Searches the samples of a model for given images; see `occurrence`.

    It is prepared with the features of the query images and of the reference images.
    """

    compares = "queries"

    class Options(Measure.Options):
        """The kind and number of the query images."""

        images: Literal["train", "generated", "held_out", "removed", "retained"] | QueryFolder = (
            Field(
                "generated",
                description="train (training images), generated (by the full model), held_out "
                "(those that data.held_out sets apart), removed or retained (by unlearning) or "
                "{folder: ...}",
            )
        )
        queries: Count = Field(
            16, description="images, one value each; 1 or more; of removed ones at most so many"
        )


class ModelMeasure(QueryMeasure, base=True):
    """Evaluates the model itself on given images; see `denoising_loss`.

    A measure with an extractor gets it in ``prepare``; see `reconstruction`.
    """

    subject = "model"

    def prepare(
        self, images: torch.Tensor, setting: QuerySettings, extractor: Extractor | None = None
    ) -> None:
        """Take the (n, c, h, w) uint8 query images, and the settings of queries."""

    def __call__(self, trained: Trained) -> np.ndarray:
        """(n,) values of a model."""
        raise NotImplementedError
