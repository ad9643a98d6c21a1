"""The kinds of measures, and what they are prepared and called with."""

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
    from diffcredit.behaviors.setting import Setting
    from diffcredit.models.checkpoints import Trained
    from diffcredit.registry import Better

#: What a measure has to say, since no default would be right for most of them.
DECLARED = ("needs", "better")


class Measure(Implementation):
    """A number that is measured on a model, or one number for each of several query images.

    A measure derives from `SampleMeasure`, `PairMeasure`, `QueryMeasure` or `ModelMeasure`.

    Attributes:
        needs: what its extractor must give, see `extractor.Extractor.gives`; None where it sees no
            more than the pixels, or the model.
        better: which way is good for the model. Of a measure that compares with the full model's
            images: which way is nearer to them, so that contributors are credited with the image
            as it is. Of query images: which way a model knows them better. None where neither way
            is good.
        compares: what a model is compared with. The "reference" images: the measure has one value.
            Images of the "full" model from the same initial noises, or given "queries": it has a
            value for each.
        subject: what is measured, "samples" of the model or the "model" itself.
        traits: what the model family must have, see `diffcredit.models.families`.
        reconstructs: whether it compares images with what the model makes of them, which a figure
            shows.
    """

    needs: ClassVar[str | None]
    better: ClassVar[Better]
    compares: ClassVar[Literal["reference", "full", "queries"]] = "reference"
    subject: ClassVar[Literal["samples", "model"]] = "samples"
    traits: ClassVar[frozenset[str]] = frozenset()
    reconstructs: ClassVar[bool] = False

    class Options(Implementation.Options):
        """What all measures have."""

        def files(self) -> list[Path]:
            """The user's files that the values depend on, besides the extractor's weights."""
            return []

        def __hash__(self) -> int:
            """Measures are keys of dictionaries, also those with an option that is a list."""
            return hash(repr(self))

    def __init_subclass__(cls, base: bool = False) -> None:
        """Raise `TypeError` where a measure does not say what it has to.

        Args:
            base: whether this is no measure, but a base of several.
        """
        super().__init_subclass__()
        missing = [name for name in DECLARED if not hasattr(cls, name)]
        if missing and not base:
            raise TypeError(f"measure {cls.__name__} must say {' and '.join(missing)}")

    def __call__(self, measured: Any) -> Any:
        """Measure one model: a number, or (queries,) numbers.

        Args:
            measured: `image_features.ImageFeatures` of its samples, or the model, see ``subject``.
        """
        raise NotImplementedError


class SampleMeasure(Measure, base=True):
    """Compares all samples of a model with the reference images; see `entropy` for a plain one."""

    def prepare(self, reference: ImageFeatures) -> None:
        """Take from the reference images what all models are compared with."""

    def __call__(self, samples: ImageFeatures) -> float:
        """The value of a model with these samples."""
        raise NotImplementedError


class PairMeasure(Measure, base=True):
    """Compares each of the first samples with the full model's from the same initial noise.

    See `similarity` for a plain one.
    """

    compares = "full"

    class Options(Measure.Options):
        """How many samples are compared."""

        queries: Count = Field(16, description="images, one value each; 1 to sampling.images")

        @property
        def images(self) -> Literal["generated"]:
            """What the query images are."""
            return "generated"

    def prepare(self, full: ImageFeatures) -> None:
        """Take what is compared from the full model's images."""

    def __call__(self, samples: ImageFeatures) -> np.ndarray:
        """(queries,) values of a model with these samples."""
        raise NotImplementedError


class QueryMeasure(Measure, base=True):
    """Looks for given images among the samples of a model; `occurrence` is one.

    It is prepared with the features of the query images and of the reference images.
    """

    compares = "queries"

    class Options(Measure.Options):
        """What the query images are, and how many."""

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
    """Asks the model itself what it makes of given images; see `denoising_loss`.

    One that sees images through an extractor is prepared with it, see `reconstruction`.
    """

    subject = "model"

    def prepare(
        self, images: torch.Tensor, setting: Setting, extractor: Extractor | None = None
    ) -> None:
        """Take the (n, c, h, w) uint8 query images, and how models are queried."""

    def __call__(self, trained: Trained) -> np.ndarray:
        """(n,) values of a model."""
        raise NotImplementedError
