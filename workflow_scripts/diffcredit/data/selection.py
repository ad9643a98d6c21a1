"""Selection of the training images and of the held-out images of a dataset."""

from dataclasses import dataclass

import numpy as np

from diffcredit.config import Data, classes
from diffcredit.config.names import shortened, warn_of_alike
from diffcredit.data.images import Images, ReadImages, counts, nobodys
from diffcredit.errors import UserError
from diffcredit.logs import logger


@dataclass(frozen=True)
class Selected:
    """The images of a run; kept labels are renumbered from 0.

    Attributes:
        images: to train on.
        image_names: file of each image, or its number in the dataset.
        contributor_names: empty if contributors are not assigned yet.
        held_out: images without a contributor.
        label_names: of the classes that are kept.
    """

    images: Images
    image_names: list[str]
    contributor_names: list[str]
    held_out: Images
    label_names: list[str]


def select(dataset: ReadImages, settings: Data, held_out_seed: int, images_seed: int) -> Selected:
    """Keep the requested labels, hold images out, and sample training images from the others.

    In both samples the first k images do not depend on the sample size. Sampled images are in the
    order of the sample; if all images are used, in the order of the dataset.

    Args:
        dataset: as it was read.
        settings: labels, and numbers of held-out and training images.
        held_out_seed: for sampling the held-out images.
        images_seed: for sampling the training images.

    The kept classes and the held-out and sampled images are logged by name.

    Raises:
        UserError: if a label is unknown, or there are too few images.
    """
    kept = np.array(classes.kept(settings.labels, dataset.label_names).told())
    candidates = rows = _rows(dataset.images, kept)
    pool = dataset.images if dataset.test is None else dataset.test
    apart = _draw(_rows(pool, kept), settings.held_out, held_out_seed, "held_out")
    if dataset.test is None:
        rows = rows[~np.isin(rows, apart)]
    if not len(rows):
        raise UserError(
            f"data.held_out = {settings.held_out}: of {len(candidates)} images none is left "
            "to train on"
        )
    if settings.images is not None:
        rows = _draw(rows, settings.images, images_seed, "images")
    contributors, names = dataset.images.contributors[rows], dataset.contributor_names
    if names:
        numbers = np.unique(dataset.images.contributors[candidates])
        contributors = np.searchsorted(numbers, contributors)
        names = [names[number] for number in numbers]
    warn_of_alike(names or dataset.label_names, "contributor" if names else "class")
    _tell(dataset, settings, rows, apart, pool, kept)
    labels = np.searchsorted(kept, dataset.images.labels[rows])
    return Selected(
        Images(dataset.images.pixels[rows], labels, contributors),
        _image_names(rows, dataset),
        names,
        nobodys(pool.pixels[apart], np.searchsorted(kept, pool.labels[apart])),
        [dataset.label_names[number] for number in kept],
    )


def _tell(
    dataset: ReadImages,
    settings: Data,
    rows: np.ndarray,
    apart: np.ndarray,
    pool: Images,
    kept: np.ndarray,
) -> None:
    """Log the kept classes, and the held-out and sampled images by name and class."""
    if settings.labels is not None:
        names, all_classes = [dataset.label_names[n] for n in kept], len(dataset.label_names)
        logger.info("data.labels: %d of %d classes: %s", len(kept), all_classes, shortened(names))
    if len(apart):
        # The images of a test split of its own have no names.
        which = "" if dataset.test is not None else f": {shortened(_image_names(apart, dataset))}"
        by_class = counts(pool.labels[apart], dataset.label_names)
        logger.info("held out: %d images%s; by class: %s", len(apart), which, by_class)
    if settings.images is not None:
        by_class = counts(dataset.images.labels[rows], dataset.label_names)
        which = shortened(_image_names(rows, dataset))
        logger.info("drawn to train on: %d images: %s; by class: %s", len(rows), which, by_class)


def _rows(images: Images, kept: np.ndarray) -> np.ndarray:
    """Rows of the images with kept labels."""
    return np.flatnonzero(np.isin(images.labels, kept))


def _draw(rows: np.ndarray, count: int, seed: int, key: str) -> np.ndarray:
    """(count,) rows, shuffled."""
    if count > len(rows):
        raise UserError(
            f"data.{key} = {count}: there are only {len(rows)} images to draw from\n"
            "    Hint: fewer images, or more data.labels"
        )
    return np.random.default_rng(seed).permutation(rows)[:count]


def _image_names(rows: np.ndarray, dataset: ReadImages) -> list[str]:
    """Names of the images of some rows."""
    if dataset.files is not None:
        return [dataset.files[row] for row in rows]
    width = len(str(len(dataset.images.labels) - 1))
    return [f"image {row:0{width}d}" for row in rows]
