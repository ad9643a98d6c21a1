"""Scores of images against their formulas."""

import numpy as np
import pytest
import torch

from diffcredit.attribution.gradients import scores
from diffcredit.attribution.gradients.projection import Projection
from diffcredit.errors import UserError
from diffcredit.registry import SCORES

DAMPING = 0.3


@pytest.fixture(params=[(7, 12), (12, 7)], ids=["fewer images", "fewer dimensions"])
def features(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray]:
    images, dimensions = request.param
    rng = np.random.default_rng(0)
    draw = rng.standard_normal((images + 4, dimensions)).astype(np.float32)
    return draw[:4], draw[4:]


def inverse(train: np.ndarray, damping: float) -> np.ndarray:
    gram = train.T.astype(np.float64) @ train
    return np.linalg.inv(gram + damping * np.eye(len(gram)))


def expected(name: str, queries: np.ndarray, train: np.ndarray, damping: float) -> np.ndarray:
    """The formula, with an inverse of its own for each damping."""
    plain = queries @ inverse(train, damping) @ train.T
    divisors = {
        "trak": np.ones(len(train)),
        "relative_influence": np.linalg.norm(train @ inverse(train, damping), axis=1),
        "renormalized_influence": np.linalg.norm(train, axis=1),
    }
    return plain / divisors[name]


@pytest.mark.parametrize("damping", [1e-2, DAMPING, 1e3])
@pytest.mark.parametrize("name", ["trak", "relative_influence", "renormalized_influence"])
def test_score_is_its_formula(
    features: tuple[np.ndarray, np.ndarray], name: str, damping: float
) -> None:
    found = getattr(scores, name)(scores.decompose(*features), damping)
    wanted = expected(name, *features, damping)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())


def test_self_influence_is_the_score_of_an_image_for_itself(
    features: tuple[np.ndarray, np.ndarray],
) -> None:
    _, train = features
    spectrum = scores.decompose(train, train)
    own = scores.self_influence(spectrum, DAMPING)
    np.testing.assert_allclose(own, np.diag(scores.trak(spectrum, DAMPING)), rtol=1e-4)
    assert (own > 0).all()


@pytest.mark.parametrize("name", ["trak", "relative_influence", "renormalized_influence"])
def test_scores_follow_the_order_of_images(
    features: tuple[np.ndarray, np.ndarray], name: str
) -> None:
    queries, train = features
    score, order = getattr(scores, name), np.random.default_rng(1).permutation(len(train))
    found = score(scores.decompose(queries, train), DAMPING)
    turned = score(scores.decompose(queries, train[order]), DAMPING)
    np.testing.assert_allclose(turned, found[:, order], rtol=1e-3, atol=1e-5)


def test_image_without_a_gradient_scores_nothing() -> None:
    queries, train = np.ones((1, 3), np.float32), np.eye(4, 3, dtype=np.float32)
    spectrum = scores.decompose(queries, train)
    for score in (scores.trak, scores.relative_influence, scores.renormalized_influence):
        assert score(spectrum, DAMPING)[0, 3] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("damping", [0.0, -1.0, np.nan])
def test_damping_is_above_0(damping: float) -> None:
    spectrum = scores.decompose(np.ones((1, 3), np.float32), np.eye(4, 3, dtype=np.float32))
    for score in (scores.trak, scores.relative_influence, scores.self_influence):
        with pytest.raises(UserError, match="damping"):
            score(spectrum, damping)


def test_features_that_do_not_fit_are_told() -> None:
    with pytest.raises(UserError, match="one projection"):
        scores.decompose(np.ones((2, 3), np.float32), np.ones((2, 4), np.float32))


def test_left_out_images_move_a_ridge_regression_as_told(
    features: tuple[np.ndarray, np.ndarray],
) -> None:
    queries, train = features
    targets = np.random.default_rng(2).standard_normal(len(train))

    def outputs(kept: np.ndarray) -> np.ndarray:
        fitted = inverse(train[kept], DAMPING) @ train[kept].T @ targets[kept]
        return np.concatenate([queries, train]) @ fitted

    every = np.arange(len(train))
    full = outputs(every)
    wanted = np.stack([(full - outputs(np.delete(every, i)))[: len(queries)] for i in every], 1)
    spectrum, residuals = scores.decompose(queries, train), targets - full[len(queries) :]
    tolerance = {"rtol": 1e-3, "atol": 1e-4 * np.abs(wanted).max()}
    np.testing.assert_allclose(scores.moved(spectrum, DAMPING, residuals), wanted, **tolerance)
    np.testing.assert_allclose(
        scores.das(spectrum, DAMPING, residuals), wanted**2, rtol=1e-2, atol=1e-5
    )


def test_das_is_finite_where_every_image_is_fitted_exactly() -> None:
    """More dimensions than images and hardly a damping: leverages are 1 but for rounding."""
    train = np.random.default_rng(3).standard_normal((6, 40)).astype(np.float32)
    found = scores.das(scores.decompose(train, train), 1e-9, np.ones(6))
    assert np.isfinite(found).all()
    assert (found >= 0).all()


@pytest.mark.parametrize("residuals", [np.ones(3), np.ones((4, 1)), np.full(4, np.nan)])
def test_das_needs_a_residual_for_each_image(residuals: np.ndarray) -> None:
    spectrum = scores.decompose(np.ones((1, 3), np.float32), np.eye(4, 3, dtype=np.float32))
    with pytest.raises(UserError, match="4 finite numbers"):
        scores.das(spectrum, DAMPING, residuals)


#: Dimensions of projections; none for the whole gradients.
DIMENSIONS = [512, 1024, 4096, 8192, 32768, None]
#: The best dampings of Zheng et al. 2024 on CIFAR-2, in the unit of their projections.
PUBLISHED = [20.0, 50.0, 100.0, 2000.0]
DAMPED = [name for name, e in SCORES.items() if e.of == "gradients" and e.damped]


def gradients() -> tuple[np.ndarray, np.ndarray]:
    """Of 3 queries and 9 images, by 30 parameters."""
    drawn = np.random.default_rng(5).standard_normal((12, 30))
    return drawn[:3], drawn[3:]


def published(name: str, lam: float, psi: np.ndarray, phi: np.ndarray) -> np.ndarray:
    """Formulas of the papers' code, for features of a projection with entries of variance 1.

    The inverse of Z x Z numbers is taken of n x n by (Phi^T Phi + l)^-1 = (1 - Phi^T (Phi Phi^T +
    l)^-1 Phi) / l; of 512 dimensions as it stands.
    """
    images, dimensions = phi.shape
    if dimensions <= 512:
        left = np.linalg.solve(phi.T @ phi + lam * np.eye(dimensions), phi.T)
    else:
        gram = phi @ phi.T
        left = (phi.T - phi.T @ np.linalg.solve(gram + lam * np.eye(images), gram)) / lam
    plain = psi @ left
    if name == "relative_influence":
        return plain / np.linalg.norm(left, axis=0)
    return plain / np.linalg.norm(phi, axis=1) if name == "renormalized_influence" else plain


@pytest.mark.parametrize("lam", PUBLISHED)
@pytest.mark.parametrize("dimensions", DIMENSIONS[:-1])
@pytest.mark.parametrize("name", ["trak", "relative_influence", "renormalized_influence"])
def test_damping_of_the_papers_is_ours_times_the_dimensions(
    name: str, dimensions: int, lam: float
) -> None:
    """TRAK's scores are the same; the others are too, up to the unit of the lengths."""
    projection = np.random.default_rng(6).standard_normal((30, dimensions))
    theirs = [found @ projection for found in gradients()]
    ours = [(found / np.sqrt(dimensions)).astype(np.float32) for found in theirs]
    unit = {
        "trak": 1,
        "relative_influence": dimensions**-0.5,
        "renormalized_influence": dimensions**0.5,
    }
    wanted = unit[name] * published(name, lam, *theirs)
    found = getattr(scores, name)(scores.decompose(*ours), lam / dimensions)
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-3 * np.abs(wanted).max())


@pytest.mark.parametrize("dimensions", [512, 2048])
def test_projected_gradients_keep_their_squared_lengths(dimensions: int) -> None:
    """So that a damping means the same for every projection, and for none."""
    projection = Projection(dimensions, seed=1)
    entries = torch.from_numpy(np.random.default_rng(7).standard_normal((200, 30_000))).float()
    total = torch.zeros(200, dimensions)
    projection.fold(30_000, "layer", 0).add(entries, total)
    ratios = total.square().sum(1) / entries.square().sum(1)
    assert ratios.mean() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("lam", PUBLISHED)
@pytest.mark.parametrize("dimensions", DIMENSIONS)
@pytest.mark.parametrize("method", DAMPED)
def test_grid_holds_the_best_dampings_of_the_papers(
    method: str, dimensions: int | None, lam: float
) -> None:
    """A decade from its ends, and near one of its values."""
    grid, wanted = np.array(SCORES[method].dampings), lam / (dimensions or 32768)
    assert 10 * grid.min() <= wanted <= grid.max() / 10
    assert np.abs(np.log(grid / wanted)).min() <= np.log(2.5) / 2 + 1e-9
    assert len(grid) == 27


@pytest.mark.parametrize("damping", [1e-2, 0.1, DAMPING, 1.0, 30.0, 1e3])
def test_das_is_its_formula(features: tuple[np.ndarray, np.ndarray], damping: float) -> None:
    """Lin et al. 2025: (g_q^T H^-1 g_i r_i / (1 - g_i^T H^-1 g_i))^2, H damped, one by one."""
    queries, train = (part.astype(float) for part in features)
    residuals = np.random.default_rng(4).uniform(0.1, 2, len(train))
    inverted = inverse(features[1], damping)
    wanted = np.empty((len(queries), len(train)))
    for q, i in np.ndindex(*wanted.shape):
        leverage = train[i] @ inverted @ train[i]
        wanted[q, i] = (queries[q] @ inverted @ train[i] * residuals[i] / (1 - leverage)) ** 2
    found = scores.das(scores.decompose(*features), damping, residuals)
    np.testing.assert_allclose(found, wanted, rtol=1e-2, atol=1e-3 * wanted.max())
