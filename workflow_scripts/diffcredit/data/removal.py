"""Which images a model is to unlearn, and which it keeps."""

from dataclasses import dataclass
from difflib import get_close_matches

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


def of_training(
    settings: Removal, train: Images, image_names: list[str], contributor_names: list[str]
) -> Removed:
    """Training images, by their numbers or names, contributor or class.

    Args:
        settings: which ones; no cluster.
        train: all images.
        image_names: of each image.
        contributor_names: of each contributor.

    Raises:
        UserError: where there are none, or no others.
    """
    if settings.images is not None:
        chosen = _listed(settings.images, image_names)
    elif settings.contributor is not None:
        chosen = train.contributors == contributor_number(settings.contributor, contributor_names)
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


def _listed(images: list[int | str], names: list[str]) -> np.ndarray:
    """(n,) True for images that are listed by name or by number."""
    known = {key: row for row, name in enumerate(names) for key in (row, name)}
    if unknown := [image for image in images if image not in known]:
        like = get_close_matches(str(unknown[0]), names) or names[:3]
        raise UserError(
            f"{REMOVE}.images = {images}: {unknown[0]!r} is not in the training set of "
            f"{len(names)} images\n    Hint: numbers go from 0 to {len(names) - 1}; among the "
            f"names are: {', '.join(like)}"
        )
    return np.isin(np.arange(len(names)), [known[image] for image in images])
