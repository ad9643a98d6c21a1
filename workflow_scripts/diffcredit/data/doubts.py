"""Warnings about data that is not suited for attribution."""

import hashlib
from collections.abc import Sequence

import numpy as np

from diffcredit.data.images import Images
from diffcredit.text import shown

#: So few images have hardly any influence on a model that was trained on many others.
FEW_IMAGES = 3
#: A contributor with few images has this many times fewer than the median contributor.
MUCH_FEWER = 10
#: Number of names listed in a sentence.
MOST_NAMED = 5


def data_doubts(images: Images, names: Sequence[str]) -> list[str]:
    """Warnings about the training images of contributors.

    Args:
        images: the training images.
        names: of the contributors, by their numbers.
    """
    return [*_shared(images, names), *_tiny(images, names)]


def _shared(images: Images, names: Sequence[str]) -> list[str]:
    """A warning about equal images of several contributors: removing one keeps the image."""
    # Sorting many images themselves would take long.
    digests = [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in images.pixels]
    numbers: dict[bytes, int] = {}
    same = [numbers.setdefault(digest, len(numbers)) for digest in digests]
    owned = np.unique(np.column_stack([same, images.contributors]), axis=0)
    pictures, owners = np.unique(owned[:, 0], return_counts=True)
    shared = pictures[owners > 1]
    if not len(shared):
        return []
    first = owned[owned[:, 0] == shared[0], 1]
    who = sorted(set(owned[np.isin(owned[:, 0], shared), 1]))
    return [
        f"{len(shared)} {'image is' if len(shared) == 1 else 'images are'} of more than one "
        f"contributor, pixel by pixel ({len(who)} contributors; the first of "
        f"{_listed(first, names)}): they stay in the data when one of "
        "them is removed, and share the credit"
    ]


def _tiny(images: Images, names: Sequence[str]) -> list[str]:
    """A warning about contributors with far fewer images than the others."""
    sizes = np.bincount(images.contributors, minlength=len(names))
    few = np.flatnonzero((sizes <= FEW_IMAGES) & (sizes * MUCH_FEWER < np.median(sizes)))
    if not len(few):
        return []
    return [
        f"{FEW_IMAGES} images or fewer, where half of the contributors have "
        f"{np.median(sizes):.0f} or more: {_listed(few, names)}; what they add may be lost in the "
        "noise of training"
    ]


def _listed(chosen: Sequence[int] | np.ndarray, names: Sequence[str]) -> str:
    more = len(chosen) - MOST_NAMED
    told = ", ".join(shown(names[number]) for number in chosen[:MOST_NAMED])
    return told + (f" and {more} more" if more > 0 else "")
