"""Scores of training images for queries, from their features.

With train features Phi (n, Z), those of queries Psi (q, Z) and damping lambda, TRAK's score is
Psi (Phi^T Phi + lambda I)^-1 Phi^T. One eigendecomposition, of the smaller of Phi^T Phi and
Phi Phi^T, serves every lambda.

The unit of lambda is the squared length of a gradient. The projections used here preserve lengths,
so lambda has the same meaning for every Z, and without a projection. The projections of TRAK and
D-TRAK have entries of variance 1 and make squared lengths Z times as large: a lambda of these
papers corresponds to lambda / Z here, with the same TRAK scores.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffcredit.attribution.image_scores.method import ScoreMethod
from diffcredit.attribution.similarity.vectors import check
from diffcredit.errors import UserError
from diffcredit.lazy import torch

#: The grid of Zheng et al. 2024 (arXiv 2311.00500): 1, 2 and 5 times powers of 10. Their best
#: values, 20 to 100 for TRAK and 2,000 for D-TRAK, are 0.0006 to 0.06 in the unit used here for Z =
#: 32,768, and 0.04 to 4 for Z = 512.
DAMPINGS = tuple(digit * 10.0**power for power in range(-5, 4) for digit in (1, 2, 5))


@dataclass(frozen=True)
class Spectrum:
    """The eigendecomposition behind all scores with a damped inverse, for r eigenvectors.

    Attributes:
        values: (r,) eigenvalues of Phi^T Phi, 0 or more, float64.
        queries: (q, r) and
        train: (n, r): scores are queries diag(1 / (values + lambda)) train^T.
        energy: (n, r) squared coordinates of Phi in the eigenvectors of Phi^T Phi.
    """

    values: np.ndarray
    queries: np.ndarray
    train: np.ndarray
    energy: np.ndarray


def decompose(queries: np.ndarray, train: np.ndarray) -> Spectrum:
    """One eigendecomposition for every damping.

    Args:
        queries: (q, Z) float32 features.
        train: (n, Z) float32 features.

    Raises:
        UserError: if there are no features, or they differ in their projection or are not finite.
    """
    check(queries, train)
    images, dimensions = train.shape
    if dimensions < images:
        values, vectors = _eigh(train.T @ train)
        seen = train @ vectors
        return Spectrum(values, queries @ vectors, seen, seen**2)
    values, vectors = _eigh(train @ train.T)
    energy = vectors**2 * values.astype(np.float32)
    return Spectrum(values, (queries @ train.T) @ vectors, vectors, energy)


def _eigh(gram: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues (float64, 0 or more) and eigenvectors (float32) of a positive matrix."""
    values, vectors = torch.linalg.eigh(torch.from_numpy(gram).double())
    return values.clamp(min=0).numpy(), vectors.float().numpy()


def trak(spectrum: Spectrum, damping: float) -> np.ndarray:
    """(q, n) scores Psi (Phi^T Phi + lambda I)^-1 Phi^T.

    TRAK (Park et al. 2023, arXiv 2303.14186) as Zheng et al. 2024 (arXiv 2311.00500) adapt it to
    diffusion models: the output is the loss itself, so that TRAK's weights of training images are
    all 1, and the scores of several models are averaged. With gradients of the squared norm of the
    prediction this is D-TRAK. With `GradientSettings.journey`'s gradients of queries: Journey-TRAK
    (Georgiev et al. 2023, arXiv 2312.06205), with gradients of the loss. As in D-TRAK's comparison,
    all steps are scored together; the authors of Journey-TRAK score each step, with more noises.

    Args:
        spectrum: of the features.
        damping: lambda, above 0; see the module for its unit.
    """
    weights = _damped(spectrum, damping).astype(np.float32)
    return (spectrum.queries * weights) @ spectrum.train.T


def relative_influence(spectrum: Spectrum, damping: float) -> np.ndarray:
    """TRAK's divided by ||(Phi^T Phi + lambda I)^-1 phi_i|| (Barshan et al. 2020, 2003.11630)."""
    lengths = np.sqrt(spectrum.energy @ _damped(spectrum, damping) ** 2)
    return trak(spectrum, damping) / _nonzero(lengths)


def renormalized_influence(spectrum: Spectrum, damping: float) -> np.ndarray:
    """TRAK's divided by ||phi_i|| (Hammoudeh & Lowd 2022, arXiv 2201.10055)."""
    return trak(spectrum, damping) / _nonzero(np.sqrt(spectrum.energy.sum(1)))


def self_influence(spectrum: Spectrum, damping: float) -> np.ndarray:
    """(n,) phi_i^T (Phi^T Phi + lambda I)^-1 phi_i, above 0; 0 for an image without a gradient."""
    return spectrum.energy @ _damped(spectrum, damping)


def das(spectrum: Spectrum, damping: float, residuals: np.ndarray) -> np.ndarray:
    """(q, n) Diffusion Attribution Scores (Lin et al. 2025, arXiv 2410.18639), 0 or more.

    The squared change of a query's output when an image is left out (`moved`), with leverages, as
    the paper derives it. Features are gradients of the mean of the predicted noise, averaged over
    timesteps. The residual of an image is the root mean squared error of the predicted noise,
    averaged over the same timesteps (`features.GradientFeatures`).

    The authors' published code (Jinxu-Lin/DAS, CIFAR2/03_grad.py and CIFAR10/07_score.py) computes
    something else: the gradient of each timestep is scaled to length 1 before the average; the root
    mean squared errors of an image at all 1,000 timesteps are divided by their Euclidean length
    before they are averaged, so that the residual measures how even the errors are, not how large;
    and the leverage is left out. This function does none of it.
    """
    return moved(spectrum, damping, residuals) ** 2


def moved(spectrum: Spectrum, damping: float, residuals: np.ndarray) -> np.ndarray:
    """(q, n) change of the queries' outputs when an image is left out: TRAK's r_i / (1 - h_i).

    Exact for ridge regression on the features, with the residuals r_i of its targets, target minus
    output, and the leverage h_i of `self_influence`.

    Args:
        spectrum: of the features.
        damping: lambda.
        residuals: (n,) of the training images.

    Raises:
        UserError: if the residuals are not one finite number per image.
    """
    images = len(spectrum.train)
    if residuals.shape != (images,) or not np.isfinite(residuals).all():
        raise UserError(
            f"residuals of shape {residuals.shape}: must be {images} finite numbers, one for each "
            "training image"
        )
    left = 1 - self_influence(spectrum, damping)
    # The lower bound; smaller values are rounding errors.
    smallest = damping / (spectrum.values.max() + damping)
    weights = residuals / np.maximum(left, smallest)
    return trak(spectrum, damping) * weights.astype(np.float32)


def _damped(spectrum: Spectrum, damping: float) -> np.ndarray:
    """(r,) eigenvalues of the damped inverse."""
    if not damping > 0:
        raise UserError(f"damping = {damping}: must be above 0")
    return 1 / (spectrum.values + damping)


def _nonzero(lengths: np.ndarray) -> np.ndarray:
    """Lengths to divide by; an image of length 0 gets score 0."""
    return np.where(lengths > 0, lengths, 1)


class GradientMethod(ScoreMethod):
    """A method with a damped inverse of the Gram matrix of gradient features."""

    made_of = "gradients"
    dampings = DAMPINGS

    def __call__(
        self, spectrum: Spectrum, damping: float, residuals: np.ndarray | None = None
    ) -> np.ndarray:
        """(q, n) scores of n training images for q queries, larger where an image helps more.

        Args:
            spectrum: of the features, see `decompose`.
            damping: lambda, above 0; see the module for its unit.
            residuals: (n,) of the training images, for a method with ``residuals``.
        """
        raise NotImplementedError


class Trak(GradientMethod):
    """TRAK; with gradients of the squared norm, D-TRAK."""

    def __call__(
        self, spectrum: Spectrum, damping: float, residuals: np.ndarray | None = None
    ) -> np.ndarray:
        """See `trak`."""
        return trak(spectrum, damping)


class JourneyTrak(Trak):
    """TRAK with the clean images that the model predicts along a query's sampling trajectory."""

    trajectory = True


class RelativeInfluence(GradientMethod):
    """TRAK's scores divided by the length of an image's influence."""

    def __call__(
        self, spectrum: Spectrum, damping: float, residuals: np.ndarray | None = None
    ) -> np.ndarray:
        """See `relative_influence`."""
        return relative_influence(spectrum, damping)


class RenormalizedInfluence(GradientMethod):
    """TRAK's scores divided by the length of an image's gradient."""

    def __call__(
        self, spectrum: Spectrum, damping: float, residuals: np.ndarray | None = None
    ) -> np.ndarray:
        """See `renormalized_influence`."""
        return renormalized_influence(spectrum, damping)


class Das(GradientMethod):
    """Diffusion Attribution Scores."""

    residuals = True

    def __call__(
        self, spectrum: Spectrum, damping: float, residuals: np.ndarray | None = None
    ) -> np.ndarray:
        """See `das`."""
        assert residuals is not None
        return das(spectrum, damping, residuals)
