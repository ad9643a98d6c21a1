"""Influence functions of the denoising loss, with EK-FAC in place of its Hessian.

Mlodozeniec et al. 2025 (arXiv 2410.13850) for diffusion models, Grosse et al. 2023 (2308.03296) for
EK-FAC, introduced by George et al. 2018 (1806.03884). EK-FAC takes the Gauss-Newton matrix of each
layer's weights to be diagonal in the eigenvectors of the covariances of the layer's inputs and
output gradients. It covers linear layers and convolutions; other layers are left out. Losses are
averaged over K fixed timesteps with one noise each, the same as for the other scores. The paper
samples many timesteps and noises at random for each image, and tries K-FAC, too.

The optional package kronfluence does the computation. It is imported only when needed, and writes
only safetensors and JSON.
"""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from diffcredit import garbage
from diffcredit.attribution.image_scores.method import ScoreMethod
from diffcredit.config.messages import problem
from diffcredit.errors import UserError
from diffcredit.lazy import torch

if TYPE_CHECKING:
    from diffcredit.config import Config
    from diffcredit.models.families import Family

_NAME = "ekfac"


@dataclass(frozen=True)
class EkfacSettings:
    """The timesteps and noises of the loss, and the sizes of batches.

    Attributes:
        family: of the network.
        timesteps: (K,) the loss is averaged over these.
        noise: (K, c, h, w) of each timestep, the same for every image.
        batch_size: pairs of an image and a timestep in a batch.
        queries_at_once: gradients of queries held in memory, each as large as the network.
        seed: of the sampled targets of the Gauss-Newton matrix.
    """

    family: Family
    timesteps: torch.Tensor
    noise: torch.Tensor
    batch_size: int
    queries_at_once: int
    seed: int


class EkfacFactors:
    """The EK-FAC factors of a network, on disk; they give scores with any damping."""

    def __init__(self, analyzer: Any, images: torch.Tensor, setting: EkfacSettings):
        self._analyzer = analyzer
        self._images = images
        self._setting = setting

    def scores(self, queries: torch.Tensor, damping: float | None) -> np.ndarray:
        """The first-order increase of each query's loss when an image is left out.

        The gradient of the query's loss, times the inverse damped Gauss-Newton matrix of the mean
        loss, times the gradient of the image's loss, divided by the number of images.

        Args:
            queries: (q, c, h, w) in [-1, 1].
            damping: added to the eigenvalues; None adds a tenth of each layer's mean eigenvalue.

        Returns:
            (q, n) float32, above 0 where an image helps a query.

        Raises:
            UserError: if there are no queries, or the damping is not above 0.
        """
        from kronfluence.arguments import ScoreArguments

        if not len(queries):
            raise UserError("0 queries: there is nothing to score")
        if damping is not None and not damping > 0:
            raise UserError(f"damping = {damping}: must be above 0")
        together = _together(len(self._setting.timesteps), self._setting.batch_size)
        query_data, train_data = (
            _noised(some, self._setting, together) for some in (queries, self._images)
        )
        with _at_ease():
            self._analyzer.compute_pairwise_scores(
                scores_name=_NAME,
                factors_name=_NAME,
                query_dataset=query_data,
                train_dataset=train_data,
                per_device_query_batch_size=self._setting.queries_at_once,
                per_device_train_batch_size=max(1, self._setting.batch_size // together),
                score_args=ScoreArguments(damping_factor=damping),
                overwrite_output_dir=True,
            )
        pairs = self._analyzer.load_pairwise_scores(_NAME)["all_modules"]
        parts = query_data.parts
        found = pairs.reshape(len(queries), parts, len(self._images), parts).mean((1, 3))
        return (found / len(self._images)).numpy()


def fit(
    network: torch.nn.Module, images: torch.Tensor, setting: EkfacSettings, folder: Path
) -> EkfacFactors:
    """Fit the factors to the loss of all images at all timesteps.

    Args:
        network: the denoising network; a copy of it is used.
        images: (n, c, h, w) in [-1, 1], the training set.
        setting: timesteps, noises and batch sizes.
        folder: for the files of kronfluence; earlier ones are overwritten.

    Raises:
        UserError: if kronfluence is not installed, or there are no images.
    """
    task = _task(setting)
    from kronfluence.analyzer import Analyzer, prepare_model
    from kronfluence.arguments import FactorArguments

    if not len(images):
        raise UserError("0 images: there is nothing to fit to")
    logging.getLogger("kronfluence").setLevel(logging.WARNING)
    analyzer = Analyzer(
        analysis_name=_NAME,
        model=prepare_model(copy.deepcopy(network), task),
        task=task,
        cpu=images.device.type == "cpu",
        disable_tqdm=True,
        output_dir=str(folder),
    )
    factors = FactorArguments(
        strategy="ekfac",
        # For networks that run several times for an item.
        has_shared_parameters=True,
        # Otherwise kronfluence takes the first images only.
        covariance_max_examples=None,
        lambda_max_examples=None,
    )
    with _at_ease():
        analyzer.fit_all_factors(
            factors_name=_NAME,
            dataset=_noised(images, setting, together=1),
            per_device_batch_size=setting.batch_size,
            factor_args=factors,
            overwrite_output_dir=True,
        )
    return EkfacFactors(analyzer, images, setting)


def _task(setting: EkfacSettings) -> Any:
    try:
        from diffcredit.attribution.gradients.ekfac_task import DenoisingTask
    except ModuleNotFoundError as error:
        raise UserError(
            f"EK-FAC needs the package kronfluence: {error}\n"
            '    Hint: pip install "kronfluence>=1.0.1,<2", or diffcredit[ekfac]'
        ) from error
    return DenoisingTask(setting.family)


def _noised(images: torch.Tensor, setting: EkfacSettings, together: int) -> Any:
    from diffcredit.attribution.gradients.ekfac_task import NoisedImages

    return NoisedImages(images, setting.timesteps, setting.noise, together, setting.seed)


@contextmanager
def _at_ease() -> Iterator[None]:
    """Run kronfluence without torch's warnings about it, and without its garbage collection.

    Kronfluence collects garbage every few queries. For small networks, scanning the modules of
    torch and diffusers each time would take most of the time.
    """
    with garbage.only_of_what_follows(), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


def _together(timesteps: int, at_most: int) -> int:
    """The largest divisor of the number of timesteps that is at most ``at_most``, or 1.

    All items need the same number of timesteps.
    """
    return max((k for k in range(1, min(timesteps, at_most) + 1) if timesteps % k == 0), default=1)


class Ekfac(ScoreMethod):
    """Influence functions of the denoising loss, with EK-FAC."""

    made_of = "model"
    function = "loss"
    dampings = (1e-7, 1e-6, 1e-5, 1e-4, 1e-3)

    class Options(ScoreMethod.Options):
        """No options, but a check that the package is installed."""

        def problems(self, key: str, config: Config, base: Path) -> list[str]:
            """A message if kronfluence is not installed."""
            if find_spec("kronfluence") is not None:
                return []
            accepted = "needs the package kronfluence, which is not installed"
            return [problem(key, self.name, accepted, 'pip install "kronfluence<2"')]

    def fit(
        self, network: torch.nn.Module, images: torch.Tensor, setting: EkfacSettings, folder: Path
    ) -> EkfacFactors:
        """See `fit`."""
        return fit(network, images, setting, folder)
