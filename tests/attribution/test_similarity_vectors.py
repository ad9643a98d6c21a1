"""Scores of vectors against their formulas."""

from collections.abc import Callable

import numpy as np
import pytest

from diffcredit.attribution.similarity import vectors
from diffcredit.errors import UserError

Score = Callable[[np.ndarray, np.ndarray], np.ndarray]
SCORES = (vectors.dot, vectors.cosine, vectors.distance)


@pytest.fixture
def features() -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0).standard_normal((11, 5)).astype(np.float32)
    return draw[:4], draw[4:]


def test_scores_are_their_formulas(features: tuple[np.ndarray, np.ndarray]) -> None:
    queries, train = features
    plain = queries @ train.T
    lengths = np.linalg.norm(queries, axis=1)[:, None] * np.linalg.norm(train, axis=1)
    apart = np.linalg.norm(queries[:, None] - train, axis=2)
    np.testing.assert_allclose(vectors.dot(*features), plain, rtol=1e-6)
    np.testing.assert_allclose(vectors.cosine(*features), plain / lengths, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(vectors.distance(*features), -apart, rtol=1e-5)


@pytest.mark.parametrize("score", [vectors.cosine, vectors.distance])
def test_nothing_is_more_alike_than_the_same(
    features: tuple[np.ndarray, np.ndarray], score: Score
) -> None:
    _, train = features
    assert (score(train, train).argmax(1) == np.arange(len(train))).all()


@pytest.mark.parametrize("score", SCORES)
def test_scores_are_as_precise_as_features(
    features: tuple[np.ndarray, np.ndarray], score: Score
) -> None:
    """Those of many images must not become twice as large in memory."""
    assert score(*features).dtype == np.float32


def test_zeros_are_alike_to_nothing() -> None:
    assert (vectors.cosine(np.ones((1, 3)), np.zeros((2, 3))) == 0).all()


@pytest.mark.parametrize(
    ("queries", "train", "reason"),
    [
        (np.zeros((0, 3)), np.ones((2, 3)), "0 queries"),
        (np.ones((2, 3)), np.zeros((0, 3)), "0 images"),
        (np.ones((2, 3)), np.ones((2, 4)), "one projection"),
        (np.ones((2, 3)), np.full((2, 3), np.nan), "not finite"),
    ],
)
def test_vectors_that_do_not_fit_are_told(
    queries: np.ndarray, train: np.ndarray, reason: str
) -> None:
    for score in SCORES:
        with pytest.raises(UserError, match=reason):
            score(queries, train)
