"""Assignment of images to contributors, and planting of contributors with corrupted images."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from diffcredit.config import Data, Planted
from diffcredit.config.counts import dealt_names
from diffcredit.data.images import Images
from diffcredit.data.selection import Selected
from diffcredit.errors import UserError


def deal(labels: np.ndarray, contributors: int, concentration: float, seed: int) -> np.ndarray:
    """Deal images to contributors, each label in proportions of its own Dirichlet draw.

    Args:
        labels: (n,) classes from 0.
        contributors: N.
        concentration: of the symmetric Dirichlet; small values give contributors with few classes.
        seed: of the proportions and the deal.

    Returns:
        (n,) contributor of each image, in 0..N-1.

    Raises:
        UserError: if a contributor gets no images.
    """
    rng = np.random.default_rng(seed)
    contributor_ids = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        proportions = rng.dirichlet(np.full(contributors, concentration))
        members = rng.permutation(np.flatnonzero(labels == label))
        ends = np.round(np.cumsum(proportions) * len(members)).astype(int)
        contributor_ids[members] = np.searchsorted(ends, np.arange(len(members)), side="right")
    sizes = np.bincount(contributor_ids, minlength=contributors)
    if not sizes.all():
        raise UserError(
            f"data.contributors = {contributors}: the deal of {len(labels)} images leaves "
            f"{int((sizes == 0).sum())} of them without images\n"
            "    Hint: fewer contributors, another seed, or a larger data.concentration"
        )
    return contributor_ids


def plant(
    pixels: np.ndarray, contributor_ids: np.ndarray, settings: Planted, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Corrupt the images of some contributors with Gaussian noise.

    Args:
        pixels: (n, h, w, c) uint8.
        contributor_ids: (n,) contributor of each image.
        settings: how many contributors, and the sd of the noise where pixels span [-1, 1].
        seed: of the choice and of the noise.

    Returns:
        The pixels with noise, clipped to uint8, and the sorted numbers of the planted.
    """
    rng = np.random.default_rng(seed)
    count = int(contributor_ids.max()) + 1
    if settings.contributors > count:
        raise UserError(
            f"data.planted.contributors = {settings.contributors}: there are only {count}"
        )
    planted = np.sort(rng.choice(count, settings.contributors, replace=False))
    spoiled = np.flatnonzero(np.isin(contributor_ids, planted))
    noisy = pixels.copy()
    for row in spoiled:  # One at a time: the noise takes eight times the memory of the images.
        noise = rng.normal(0.0, settings.noise * 127.5, pixels.shape[1:])
        noisy[row] = np.clip(np.round(pixels[row] + noise), 0, 255).astype(np.uint8)
    return noisy, planted


def table(contributor_ids: np.ndarray, names: list[str]) -> pd.DataFrame:
    """Index, name and number of images of each contributor."""
    sizes = np.bincount(contributor_ids)
    named = names or dealt_names(len(sizes))
    return pd.DataFrame({"index": np.arange(len(sizes)), "name": named, "size": sizes})


@dataclass(frozen=True)
class Prepared:
    """A dataset ready to train on.

    Attributes:
        train: the images to train on, with the corrupted images of planted contributors.
        train_names: name of each training image.
        reference: the same images, clean and without the injected image, for comparison with
            samples.
        contributors: index, name and number of images of each contributor.
        planted: numbers of the planted contributors, only for evaluation.
    """

    train: Images
    train_names: list[str]
    reference: Images
    contributors: pd.DataFrame
    planted: np.ndarray


def prepare(selected: Selected, settings: Data, deal_seed: int, plant_seed: int) -> Prepared:
    """Deal images to contributors unless they have some, and plant corrupted images.

    Raises:
        UserError: if somebody is left without images, or there are too few to plant.
    """
    images, names = selected.images, selected.contributor_names
    contributor_ids = images.contributors
    if isinstance(settings.contributors, int):
        contributor_ids = deal(
            images.labels, settings.contributors, settings.concentration, deal_seed
        )
    elif settings.contributors == "image":
        contributor_ids = np.arange(len(images.labels))
        names = selected.image_names
    elif without := sorted({*range(len(names))} - {*contributor_ids.tolist()}):
        raise UserError(
            f"data.images = {settings.images}, data.held_out = {settings.held_out}: "
            f"{len(without)} of {len(names)} contributors are left without images, "
            f"first: {names[without[0]]}\n"
            "    Hint: more images, fewer held out, or another seed"
        )
    noisy, planted = plant(images.pixels, contributor_ids, settings.planted, plant_seed)
    return Prepared(
        train=Images(noisy, images.labels, contributor_ids),
        train_names=selected.image_names,
        reference=Images(images.pixels, images.labels, contributor_ids),
        contributors=table(contributor_ids, names),
        planted=planted,
    )
