"""How often given images are among the samples."""

from collections.abc import Callable

import numpy as np
import pytest

from diffcredit.behaviors.image_features import ImageFeatures
from diffcredit.behaviors.occurrence import Occurrence


def test_samples_near_an_image_are_it(image_features: Callable[..., ImageFeatures]) -> None:
    """Within half of the way to the nearest other reference image: 2 for the first, 1 for the
    second, though the reference holds the images themselves.
    """
    queries = image_features(np.array([[0.0, 0], [10, 0]]))
    reference = image_features(np.array([[0.0, 0], [4, 0], [10, 0], [12, 0]]))
    samples = image_features(
        np.array([[0.0, 1.9], [0, 2.1], [-1, 0], [9.1, 0], [8.9, 0], [50, 50], [0, 0], [3.9, 0]])
    )
    found = Occurrence(queries, reference, within=0.5)(samples)
    np.testing.assert_allclose(found, [3 / 8, 1 / 8])
    wider = Occurrence(queries, reference, within=0.6)(samples)
    assert (wider >= found).all()
    assert wider.sum() > found.sum()


@pytest.mark.parametrize("distance", [0.05, 0.7, 1.0, 2.0, 10.0])
def test_a_fixed_distance_is_taken_as_it_is(
    image_features: Callable[..., ImageFeatures], distance: float
) -> None:
    """Whatever the reference is, and not counting what is exactly as far."""
    rng = np.random.default_rng(2)
    queries, samples = rng.normal(size=(3, 2)), rng.normal(size=(40, 2))
    samples[0] = queries[0] + [distance, 0]
    reference = image_features(rng.normal(size=(5, 2)))
    found = Occurrence(image_features(queries), reference, distance=distance)(
        image_features(samples)
    )
    for query, share in zip(queries, found, strict=True):
        near = [np.linalg.norm(sample - query) < distance - 1e-12 for sample in samples[1:]]
        assert abs(sum(near) / 40 - share) <= (1 + 1e-9) / 40
    far = [np.linalg.norm(sample - queries[1]) < distance for sample in samples]
    assert found[1] == sum(far) / 40


def test_image_itself_is_no_other_reference_image(
    image_features: Callable[..., ImageFeatures],
) -> None:
    """Though rounding sets features of the same image apart."""
    rng = np.random.default_rng(1)
    reference = rng.normal(size=(40, 64)).astype(np.float32).astype(float)
    queries = reference[:5] + 1e-7 * rng.normal(size=(5, 64))
    found = Occurrence(image_features(queries), image_features(reference), within=0.5)(
        image_features(reference)
    )
    np.testing.assert_allclose(found, np.full(5, 1 / 40))


def test_occurrence_does_not_depend_on_the_order_of_samples(
    image_features: Callable[..., ImageFeatures],
) -> None:
    rng = np.random.default_rng(0)
    queries, reference, samples = (rng.normal(size=(n, 3)) for n in (4, 30, 200))
    measure = Occurrence(image_features(queries), image_features(reference), within=1.0)
    found = measure(image_features(samples))
    np.testing.assert_array_equal(found, measure(image_features(rng.permutation(samples))))
    assert ((found >= 0) & (found <= 1)).all()
    assert found.max() > 0
