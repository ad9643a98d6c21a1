"""Which images a model is to unlearn, and which it keeps."""

from dataclasses import dataclass

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import pairwise_distances_argmin

from diffcredit.config import Removal
from diffcredit.config.unlearning import REMOVE, contributor_number
from diffcredit.data.images import Images
from diffcredit.errors import UserError
from diffcredit.logs import logger


@dataclass(frozen=True)
class Removed:
    """What is taken out.

    Attributes:
        pixels: (m, h, w, c) uint8 images to unlearn.
        retained: (k,) rows of the training images to keep.
    """

    pixels: np.ndarray
    retained: np.ndarray


def of_training(settings: Removal, train: Images, names: list[str]) -> Removed:
    """Training images, by their numbers, contributor or class.

    Args:
        settings: which ones; no cluster.
        train: all images.
        names: of the contributors.

    Raises:
        UserError: where there are none, or no others.
    """
    if settings.images is not None:
        chosen = _numbered(settings.images, len(train.labels))
    elif settings.contributor is not None:
        chosen = train.contributors == contributor_number(settings.contributor, names)
    else:
        chosen = train.labels == settings.label
    return _removed(train.pixels[chosen], chosen, settings)


def of_cluster(
    settings: Removal,
    generated: np.ndarray,
    features: np.ndarray,
    train_features: np.ndarray,
    seed: int,
) -> Removed:
    """Generated images of a cluster; training images nearest to its center are not retained.

    Clusters are numbered from the tightest, of which the images are nearest to their center in the
    mean: a model draws what it has memorized again and again.

    Args:
        settings: with a cluster.
        generated: (n, h, w, c) uint8 images of the full model.
        features: (n, d) of them.
        train_features: (k, d) of the training images.
        seed: of the k-means.

    Raises:
        UserError: where there are fewer images than clusters, or no training images are left.
    """
    cluster = settings.cluster
    assert cluster is not None
    if cluster.clusters > len(generated):
        raise UserError(
            f"{REMOVE}.cluster.clusters = {cluster.clusters}: the full model drew "
            f"{len(generated)} images (sampling.images)"
        )
    fitted = KMeans(cluster.clusters, n_init=10, random_state=seed).fit(features)
    own = np.linalg.norm(features - fitted.cluster_centers_[fitted.labels_], axis=1)
    # An image by itself is as near to its center as can be, and says nothing.
    spread = [
        own[fitted.labels_ == label].mean() if (fitted.labels_ == label).sum() > 1 else np.inf
        for label in range(cluster.clusters)
    ]
    number = int(np.argsort(spread, kind="stable")[cluster.number])
    nearest = pairwise_distances_argmin(train_features, fitted.cluster_centers_)
    if number not in nearest:
        raise UserError(
            f"{REMOVE}.cluster.number = {cluster.number}: no training image is nearest to this "
            "cluster, so a model without it would be the same\n    Hint: another number, or fewer "
            "clusters"
        )
    return _removed(generated[fitted.labels_ == number], nearest == number, settings)


def warn_of_copies(found: Removed, train: np.ndarray) -> None:
    """Say it where retained training images (n, ...) are the same as removed ones."""
    gone = {image.tobytes() for image in found.pixels}
    kept = sum(train[row].tobytes() in gone for row in found.retained)
    if kept:
        logger.warning("%d of the retained images are the same as removed ones", kept)


def distinct(pixels: np.ndarray) -> np.ndarray:
    """Images (n, ...) without those that were there before."""
    _, first = np.unique(pixels.reshape(len(pixels), -1), axis=0, return_index=True)
    return pixels[np.sort(first)]


def _removed(pixels: np.ndarray, taken_out: np.ndarray, settings: Removal) -> Removed:
    """Of the (n,) training images those that are not taken out are retained."""
    named = ", ".join(f"{key} = {value!r}" for key, value in settings.named.items())
    if len(pixels) == 0:
        raise UserError(f"{REMOVE}: {named} are no images of the training set")
    if taken_out.all():
        raise UserError(f"{REMOVE}: {named} are all images; none is left to retain")
    return Removed(pixels, np.flatnonzero(~taken_out))


def _numbered(numbers: list[int], count: int) -> np.ndarray:
    """(count,) True for the images of some numbers."""
    if unknown := [number for number in numbers if number >= count]:
        raise UserError(
            f"{REMOVE}.images = {numbers}: {unknown[0]} is not in the training set of {count} "
            f"images, which are numbered 0 to {count - 1}"
        )
    return np.isin(np.arange(count), numbers)
