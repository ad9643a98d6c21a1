"""One building block of each kind, each with an option, as a user adds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from diffcredit.attribution.estimator import Estimator
from diffcredit.attribution.game import Estimate
from diffcredit.attribution.gradients.functions import GradientFunction
from diffcredit.attribution.gradients.scores import GradientMethod
from diffcredit.behaviors.extractor import Extractor, ExtractorOptions
from diffcredit.behaviors.measure import SampleMeasure
from diffcredit.coalitions.distribution import Distribution, DistributionOptions
from diffcredit.config.sections import Count, Fraction, Rate
from diffcredit.data.dataset import Dataset
from diffcredit.models.families.pixel import Pixel
from diffcredit.models.pruning.pruner import Pruner
from diffcredit.registry import (
    DATASETS,
    DISTRIBUTIONS,
    ESTIMATORS,
    EXTRACTORS,
    FAMILIES,
    FUNCTIONS,
    MEASURES,
    OBJECTIVES,
    OPTIMIZERS,
    PARAMETERS,
    PRUNERS,
    SCHEDULES,
    SCORES,
)
from diffcredit.training.objectives.objective import OneGradient, Predict
from diffcredit.training.optimizers.optimizer import Optimizer
from diffcredit.training.parameters.parameters import Group, Parameters
from diffcredit.training.schedules.schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Any

    import torch

    from diffcredit.attribution.game import Game
    from diffcredit.attribution.gradients.functions import Prediction
    from diffcredit.attribution.gradients.scores import Spectrum
    from diffcredit.behaviors.image_features import ImageFeatures
    from diffcredit.config import Data
    from diffcredit.data.images import ReadImages
    from diffcredit.models.checkpoints import Trained
    from diffcredit.models.examples import Examples
    from diffcredit.models.pruning.structure import Material, Size
    from diffcredit.training.batches import Batch


class Dots(Dataset):
    """Images of one bright dot each, whose place is its class."""

    channels, side, contributors = 1, 8, 6
    classes = ("upper left", "upper right", "lower left", "lower right")
    sizes = (40, 40, 40, 40)

    class Options(Dataset.Options):
        """How bright the dots are."""

        brightness: Count = Field(200, description="of the dots, 1 to 255")

    def read(self, settings: Data, base: Path) -> ReadImages:
        """The images, dot by dot."""
        from diffcredit.data.images import of_classes

        labels = np.repeat(np.arange(4), 40)
        pixels = np.zeros((160, 8, 8, 1), np.uint8)
        for row, label in enumerate(labels):
            pixels[row, 1 + 4 * (label // 2), 1 + 4 * (label % 2)] = self.options.brightness
            pixels[row, row % 8, 7] = row % 50
        return of_classes(
            pixels, labels, list(self.classes), owned=settings.contributors == "label"
        )


class Halves(Distribution):
    """The first or the second half of the contributors, shifted."""

    class Options(DistributionOptions):
        """How far the halves are shifted from coalition to coalition."""

        shift: Count = Field(1, description="contributors by which the next one is shifted")

    def draw(self, contributors: int, seed: int, number: int) -> np.ndarray:
        """(N,) mask of one coalition."""
        half = np.arange(contributors) < contributors // 2
        return np.roll(half, number * self.options.shift)

    def log_size_probabilities(self, contributors: int) -> np.ndarray:
        """(N + 1,) logarithms of P(|S| = s): all are of one size."""
        with np.errstate(divide="ignore"):
            return np.log(np.arange(contributors + 1) == contributors // 2)


class Gentle(OneGradient):
    """The denoising loss, raised to a power."""

    class Options(OneGradient.Options):
        """The power."""

        weight: Rate = Field(0.5, description="power of the loss, above 0")

    def backward(
        self,
        predict: Predict,
        retained: Batch,
        removed: Batch | None,
        accumulate: Callable[[torch.Tensor], None],
    ) -> torch.Tensor:
        """Add the gradient of one part of a step; return the loss."""
        loss = (predict(retained) - retained.noise).square().mean() ** self.options.weight
        accumulate(loss)
        return loss.detach()


class Biases(Parameters):
    """Only biases are trained."""

    class Options(Parameters.Options):
        """How fast."""

        speed: Rate = Field(2.0, description="factor of the learning rate, above 0")

    def attach(self, network: torch.nn.Module, seed: int) -> list[Group]:
        """The biases of a network."""
        network.requires_grad_(False)
        found = [p for name, p in network.named_parameters() if name.endswith("bias")]
        for parameter in found:
            parameter.requires_grad_(True)
        return [Group(found, self.options.speed)]

    def merge(self, network: torch.nn.Module) -> None:
        """They are part of it already."""


class Momentum(Optimizer):
    """Gradient descent with momentum."""

    class Options(Optimizer.Options):
        """How much momentum."""

        momentum: Fraction = Field(0.9, description="above 0 and below 1")

    def over(self, groups: Sequence[dict[str, Any]], learning_rate: float) -> torch.optim.Optimizer:
        """The optimizer of groups of parameters."""
        import torch

        return torch.optim.SGD(groups, lr=learning_rate, momentum=self.options.momentum)


class Staircase(Schedule):
    """The learning rate falls to half of it in steps of equal length."""

    class Options(Schedule.Options):
        """How many."""

        stairs: Count = Field(2, description="steps in which it falls, 1 or more")

    def factor(self, done: float) -> float:
        """What the peak is multiplied by."""
        return 0.5 ** int(done * self.options.stairs)


class Faint(Pixel):
    """Models of pixels that see images with less contrast."""

    class Options(Pixel.Options):
        """How much less."""

        contrast: Fraction = Field(0.5, description="factor of the pixels, above 0 and below 1")

    def clean(self, examples: Examples) -> torch.Tensor:
        """(n, c, h, w) float32 x_0."""
        return super().clean(examples) * self.options.contrast

    def decode(self, clean: torch.Tensor) -> torch.Tensor:
        """(n, c, h, w) uint8 images."""
        return super().decode(clean / self.options.contrast)


class FirstChannels(Pruner):
    """Removes the first channels of each layer, or the last ones."""

    class Options(Pruner.Options):
        """Which end."""

        last: bool = Field(False, description="true: the last ones; false: the first ones")

    def prune(self, trained: Trained, ratio: float, material: Material) -> tuple[Trained, Size]:
        """A smaller copy of a network, and its size."""
        import torch

        from diffcredit.models.pruning.structure import prune

        def importance(group: list) -> torch.Tensor:
            order = torch.arange(len(group[0].idxs), dtype=torch.float32)
            return order.flip(0) if self.options.last else order

        return prune(trained, ratio, lambda network: importance)


class Brightness(SampleMeasure):
    """How bright samples are, compared with the reference images."""

    needs, better = "features", None

    class Options(SampleMeasure.Options):
        """How the features are averaged."""

        quantile: Fraction = Field(0.5, description="of the features, above 0 and below 1")

    def prepare(self, reference: ImageFeatures) -> None:
        """Remember how bright the reference images are."""
        self.reference = float(np.quantile(reference.features, self.options.quantile))

    def __call__(self, samples: ImageFeatures) -> float:
        """The difference of the two."""
        return float(np.quantile(samples.features, self.options.quantile)) - self.reference


class Rows(Extractor):
    """Means of the rows of an image."""

    class Options(ExtractorOptions):
        """What they are multiplied by."""

        scale: Rate = Field(1.0, description="factor of the means, above 0")

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """(n, c h) features of (n, c, h, w) uint8 images."""
        return images.double().mean(3).flatten(1) * self.options.scale


class MeanDifference(Estimator):
    """The mean behavior with a contributor, minus that without."""

    class Options(Estimator.Options):
        """What differences are multiplied by."""

        shrinkage: Fraction = Field(0.9, description="factor of the values, above 0 and below 1")

    def __call__(self, game: Game) -> Estimate:
        """The values, without standard errors."""
        kept = game.masks.astype(float)
        with_them = kept.T @ game.values / np.maximum(kept.sum(0), 1)[:, None]
        without = (1 - kept).T @ game.values / np.maximum((1 - kept).sum(0), 1)[:, None]
        values = self.options.shrinkage * (with_them - without)
        return Estimate(values, np.full(values.shape, np.nan), np.zeros(values.shape[1]))


class Cubes(GradientFunction):
    """The sum of a power of the prediction."""

    class Options(GradientFunction.Options):
        """The power."""

        power: Count = Field(3, description="of the predicted noise, 1 or more")

    def __call__(self, of: Prediction) -> torch.Tensor:
        """(n,) sums."""
        return of.predicted.pow(self.options.power).flatten(1).sum(1)


class Energies(GradientMethod):
    """TRAK's scores, with a floor under the eigenvalues."""

    dampings = (1.0,)

    class Options(GradientMethod.Options):
        """The floor."""

        floor: Rate = Field(0.1, description="least eigenvalue, above 0")

    def __call__(
        self, spectrum: Spectrum, damping: float, residuals: np.ndarray | None = None
    ) -> np.ndarray:
        """(q, n) scores."""
        weights = 1 / (np.maximum(spectrum.values, self.options.floor) + damping)
        return (spectrum.queries * weights.astype(np.float32)) @ spectrum.train.T


DATASETS.add("dots", Dots)
DISTRIBUTIONS.add("halves", Halves)
FAMILIES.add("faint", Faint)
OPTIMIZERS.add("momentum", Momentum)
SCHEDULES.add("staircase", Staircase)
PARAMETERS.add("biases", Biases)
OBJECTIVES.add("gentle", Gentle)
PRUNERS.add("first_channels", FirstChannels)
MEASURES.add("brightness", Brightness)
EXTRACTORS.add("rows", Rows)
ESTIMATORS.add("mean_difference", MeanDifference)
FUNCTIONS.add("cubes", Cubes)
SCORES.add("energies", Energies)
