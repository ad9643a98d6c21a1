"""The images to unlearn, and the images to retain."""

from dataclasses import dataclass, field, replace

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import pairwise_distances_argmin

from diffcredit.config import Removal
from diffcredit.config.names import Matches, find, of_key, of_keys, shortened
from diffcredit.config.unlearning import REMOVE
from diffcredit.data.images import Images, counts
from diffcredit.errors import UserError
from diffcredit.logs import logger


@dataclass(frozen=True)
class Removed:
    """The removed and the retained images.

    Attributes:
        pixels: (m, h, w, c) uint8 images to unlearn.
        rows: (m,) rows among the training images; None for generated images.
        retained: (k,) rows of the training images to keep.
        meant: messages about how names were understood.
    """

    pixels: np.ndarray
    rows: np.ndarray | None
    retained: np.ndarray
    meant: Matches = field(default_factory=Matches)


def of_training(
    settings: Removal,
    train: Images,
    image_names: list[str],
    contributor_names: list[str],
    label_names: list[str],
) -> Removed:
    """Training images, by their numbers or names, contributor or class.

    Args:
        settings: the images to remove; not a cluster.
        train: all images.
        image_names: of each image.
        contributor_names: of each contributor.
        label_names: of each class that is kept.

    Raises:
        UserError: if no image, or every image, is removed.
    """
    if settings.images is not None:
        meant = find(of_keys(f"{REMOVE}.images", settings.images), image_names, "image")
        chosen = np.isin(np.arange(len(image_names)), meant.numbers)
    elif settings.contributor is not None:
        item = of_key(f"{REMOVE}.contributor", settings.contributor)
        meant = find([item], contributor_names, "contributor")
        chosen = train.contributors == meant.numbers[0]
    else:
        assert settings.label is not None
        meant = find([of_key(f"{REMOVE}.label", settings.label)], label_names, "class")
        chosen = train.labels == meant.numbers[0]
    found = _removed(train.pixels[chosen], chosen, settings)
    return replace(found, rows=np.flatnonzero(chosen), meant=meant)


def of_cluster(
    settings: Removal,
    generated: np.ndarray,
    features: np.ndarray,
    train_features: np.ndarray,
    seed: int,
) -> Removed:
    """Generated images of a cluster; training images nearest to its center are not retained.

    Clusters are numbered by the mean distance of their images to the center, from the smallest: a
    model generates memorized images many times.

    Args:
        settings: with a cluster.
        generated: (n, h, w, c) uint8 images of the full model.
        features: (n, d) of them.
        train_features: (k, d) of the training images.
        seed: of the k-means.

    Raises:
        UserError: if there are fewer images than clusters, or no training images are left.
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
    # A cluster of one image has distance 0 to its center, which means nothing.
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


def tell(
    found: Removed, train: Images, image_names: list[str], contributor_names: list[str]
) -> None:
    """Log the removed training images, and the contributors of removed and retained images."""
    found.meant.told()
    gone = np.setdiff1d(np.arange(len(image_names)), found.retained)
    for what, rows in (("removed", gone), ("retained", found.retained)):
        contributor_ids = train.contributors[rows]
        logger.info(
            "%s training images (%d): %s; of contributors (%d): %s",
            what,
            len(rows),
            shortened(image_names[row] for row in rows),
            len(np.unique(contributor_ids)),
            counts(contributor_ids, contributor_names),
        )


def warn_of_copies(found: Removed, train: np.ndarray) -> None:
    """Warn if retained training images (n, ...) are equal to removed ones."""
    gone = {image.tobytes() for image in found.pixels}
    kept = sum(train[row].tobytes() in gone for row in found.retained)
    if kept:
        logger.warning("%d of the retained images are the same as removed ones", kept)


def distinct(pixels: np.ndarray) -> np.ndarray:
    """Numbers of the images (n, ...) that are not equal to an earlier one."""
    _, first = np.unique(pixels.reshape(len(pixels), -1), axis=0, return_index=True)
    return np.sort(first)


def _removed(pixels: np.ndarray, taken_out: np.ndarray, settings: Removal) -> Removed:
    """The removed images, with all other training images retained."""
    named = ", ".join(f"{key} = {value!r}" for key, value in settings.named.items())
    if len(pixels) == 0:
        raise UserError(f"{REMOVE}: {named} are no images of the training set")
    if taken_out.all():
        raise UserError(f"{REMOVE}: {named} are all images; none is left to retain")
    return Removed(pixels, None, np.flatnonzero(~taken_out))
