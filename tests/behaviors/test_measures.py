"""Frechet distance, Inception score and entropy: closed forms and extremes."""

import contextlib
from collections.abc import Callable

import numpy as np
import pytest
from scipy.linalg import sqrtm

from diffcredit.behaviors.entropy import Entropy
from diffcredit.behaviors.fid import Fid, frechet_distance
from diffcredit.behaviors.image_features import ImageFeatures
from diffcredit.behaviors.inception_score import InceptionScore
from diffcredit.registry import MEASURES

Make = Callable[..., ImageFeatures]


def covariance(size: int, seed: int, rank: int | None = None) -> np.ndarray:
    root = np.random.default_rng(seed).normal(size=(size, rank or size))
    return root @ root.T


@pytest.mark.parametrize("rank", [None, 2])
def test_distance_to_itself_is_zero(rank: int | None) -> None:
    mean, spread = np.arange(5.0), covariance(5, 0, rank)
    assert frechet_distance(mean, spread, mean, spread) == pytest.approx(0, abs=1e-6)


def test_distance_of_diagonal_gaussians() -> None:
    """||m1 - m2||^2 + sum (s1 - s2)^2."""
    sd1, sd2 = np.array([1.0, 2, 3]), np.array([4.0, 0, 3.5])
    mean1, mean2 = np.array([0.0, 1, 2]), np.array([3.0, 1, -2])
    found = frechet_distance(mean1, np.diag(sd1**2), mean2, np.diag(sd2**2))
    assert found == pytest.approx(25 + 9 + 4 + 0.25)


def test_distance_of_covariances_that_commute() -> None:
    """In the common basis they are diagonal."""
    rng = np.random.default_rng(1)
    basis = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    sd1, sd2 = rng.uniform(0, 3, (2, 6))
    spread1, spread2 = (basis @ np.diag(sd**2) @ basis.T for sd in (sd1, sd2))
    found = frechet_distance(np.zeros(6), spread1, np.zeros(6), spread2)
    assert found == pytest.approx(((sd1 - sd2) ** 2).sum())


@pytest.mark.parametrize("seed", range(3))
def test_distance_against_the_matrix_square_root(seed: int) -> None:
    mean1, mean2 = np.random.default_rng(seed).normal(size=(2, 7))
    spread1, spread2 = covariance(7, seed), covariance(7, seed + 10)
    root = np.real(sqrtm(spread1 @ spread2))
    expected = ((mean1 - mean2) ** 2).sum() + np.trace(spread1 + spread2 - 2 * root)
    found = frechet_distance(mean1, spread1, mean2, spread2)
    assert found == pytest.approx(expected, rel=1e-6)
    assert frechet_distance(mean2, spread2, mean1, spread1) == pytest.approx(found, rel=1e-6)


def test_distance_of_singular_covariances_is_finite() -> None:
    """Dead features, and fewer samples than features: the usual case of small runs."""
    spread1, spread2 = covariance(8, 0, rank=3), covariance(8, 1, rank=2)
    spread1[:, 0] = spread1[0] = spread2[:, 0] = spread2[0] = 0
    found = frechet_distance(np.zeros(8), spread1, np.zeros(8), spread2)
    limit = [frechet_distance(np.zeros(8), s, np.zeros(8), s) for s in (spread1, spread2)]
    assert np.isfinite(found)
    assert found > 1 > max(limit)


def test_fid_is_the_distance_of_the_moments_of_the_features(image_features: Make) -> None:
    rng = np.random.default_rng(0)
    reference, samples = rng.normal(size=(300, 4)), 2 + 3 * rng.normal(size=(200, 4))
    fid = Fid(image_features(reference))
    assert fid(image_features(reference)) == pytest.approx(0, abs=1e-9)
    expected = frechet_distance(
        reference.mean(0), np.cov(reference.T), samples.mean(0), np.cov(samples.T)
    )
    assert fid(image_features(samples)) == pytest.approx(expected)
    # 4 features: the means differ by 2, the standard deviations by 3 - 1.
    assert fid(image_features(samples)) == pytest.approx(4 * (4 + 4), rel=0.15)


def test_fid_moves_with_the_shift_of_the_features(image_features: Make) -> None:
    reference = np.random.default_rng(0).normal(size=(100, 3))
    fid = Fid(image_features(reference))
    assert fid(image_features(reference + np.array([1, 2, 2]))) == pytest.approx(9)


@pytest.fixture
def inception_score(image_features: Make) -> Callable[[np.ndarray], float]:
    return lambda probabilities: InceptionScore(image_features(probabilities=probabilities))(
        image_features(probabilities=probabilities)
    )


def test_inception_score_is_one_where_samples_do_not_differ(
    inception_score: Callable[[np.ndarray], float],
) -> None:
    assert inception_score(np.full((30, 5), 0.2)) == pytest.approx(1)
    assert inception_score(np.tile([0.7, 0.1, 0.2], (30, 1))) == pytest.approx(1)
    assert inception_score(np.tile(np.eye(4)[0], (30, 1))) == pytest.approx(1)


def test_inception_score_is_the_number_of_classes_where_all_are_sure_and_equally_often(
    inception_score: Callable[[np.ndarray], float],
) -> None:
    assert inception_score(np.tile(np.eye(10), (3, 1))) == pytest.approx(10)


def test_inception_score_is_the_exponential_of_the_mutual_information(
    inception_score: Callable[[np.ndarray], float],
) -> None:
    """H(y) - H(y | x): here two sure classes of three samples to one."""
    marginal = np.array([0.75, 0.25])
    information = -(marginal * np.log(marginal)).sum()
    assert inception_score(np.eye(2)[[0, 0, 0, 1]]) == pytest.approx(np.exp(information))


@pytest.fixture
def entropy(image_features: Make) -> Callable[[np.ndarray], float]:
    return lambda probabilities: Entropy(image_features(probabilities=probabilities))(
        image_features(probabilities=probabilities)
    )


def test_entropy_is_zero_for_one_class_and_the_log_of_the_number_for_all(
    entropy: Callable[[np.ndarray], float],
) -> None:
    assert entropy(np.eye(8)[[3] * 20]) == 0
    assert entropy(np.tile(np.eye(8), (3, 1))) == pytest.approx(3)


def test_entropy_counts_the_most_probable_class(
    entropy: Callable[[np.ndarray], float],
) -> None:
    """Three of four samples are of class 0, however unsure: H(3/4) bits."""
    probabilities = np.array([[0.4, 0.3, 0.3], [0.9, 0.1, 0.0], [0.5, 0.1, 0.4], [0.2, 0.1, 0.7]])
    expected = -(0.75 * np.log2(0.75) + 0.25 * np.log2(0.25))
    assert entropy(probabilities) == pytest.approx(expected)


def test_which_way_is_good() -> None:
    lower = {name for name, measure in MEASURES.items() if measure.better == "lower"}
    assert lower == {"fid", "mse", "nrmse", "denoising_loss", "likelihood"}


@pytest.mark.parametrize(
    ("reference", "samples", "told"),
    [
        (50, 50, []),
        (9, 50, []),
        (50, 8, ["8 drawn images"]),
        (8, 50, ["8 reference images"]),
        (4, 3, ["4 reference images"]),
        (50, 1, ["1 drawn images"]),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_fid_from_fewer_images_than_features_is_told_once(
    image_features: Make,
    caplog: pytest.LogCaptureFixture,
    reference: int,
    samples: int,
    told: list[str],
) -> None:
    rng = np.random.default_rng(0)
    fid = Fid(image_features(rng.normal(size=(reference, 8))))
    for _ in range(3):
        with contextlib.suppress(np.linalg.LinAlgError):
            fid(image_features(rng.normal(size=(samples, 8))))
    found = [record.getMessage() for record in caplog.records]
    assert len(found) == len(told)
    for message, part in zip(found, told, strict=True):
        assert part in message
        assert "8 features" in message
