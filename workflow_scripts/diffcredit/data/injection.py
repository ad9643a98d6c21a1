"""Injection of many copies of an image into the training images, as a separate contributor."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from diffcredit import image_files
from diffcredit.config import Data
from diffcredit.config.counts import injected_file
from diffcredit.config.data import INJECTED
from diffcredit.config.names import find, of_key
from diffcredit.data.contributors import Prepared
from diffcredit.data.images import NO_LABEL, Images
from diffcredit.errors import UserError
from diffcredit.logs import logger


def inject(prepared: Prepared, settings: Data, base: Path) -> Prepared:
    """Add copies of an image to the training images, as an additional, last contributor.

    The image is clean, and it is removed from its old contributor and from the reference images.
    Nothing else changes, except if each image is a contributor: later contributors move up by one.

    Args:
        prepared: the images, dealt and planted.
        settings: ``injected`` names the image, a file, or one of ``prepared`` by name or row, and
            the number of copies; None for nothing.
        base: folder that the file is relative to.

    Returns:
        The images with the copies at the end of those to train on. An image of a file has no label.

    Raises:
        UserError: if the image does not exist or is the only image of a contributor, if the file is
            unreadable or already a training image, or if a contributor has the same name.
    """
    injected = settings.injected
    if injected is None:
        return prepared
    _check_name(prepared.contributors)
    path = injected_file(injected, base)
    if path is not None:
        _check_meant(str(injected.image), prepared.train_names)
        size, channels = settings.image_size, settings.channels
        image = image_files.read([path], size, channels, settings.background_color)[0]
        label = NO_LABEL
        _check_new(image, prepared.reference, str(injected.image))
        logger.info("injected: %d copies of %s", injected.copies, path)
    else:
        item = of_key("data.injected.image", injected.image)
        (row,) = find([item], prepared.train_names, "training image").told()
        owner = prepared.contributors.loc[prepared.train.contributors[row], "name"]
        name = prepared.train_names[row]
        logger.info("injected: %d copies of %s, which %s has no more", injected.copies, name, owner)
        image, label = prepared.reference.pixels[row], int(prepared.reference.labels[row])
        prepared = _without(row, prepared, settings.contributors == "image")
    return _with_copies(prepared, image, label, injected.copies)


def _check_name(contributors: pd.DataFrame) -> None:
    if (contributors["name"] == INJECTED).any():
        raise UserError(
            f"data.injected: a contributor is named {INJECTED!r} already\n"
            "    Hint: rename it; the contributor of the injected image has this name"
        )


def _check_new(image: np.ndarray, images: Images, path: str) -> None:
    """Check that the image is new: otherwise another contributor would keep it."""
    same = np.flatnonzero((images.pixels == image).all(axis=(1, 2, 3)))
    if len(same):
        raise UserError(
            f"data.injected.image = {path!r}: it is training image {same[0]} already\n"
            "    Hint: name this number instead, and it is taken out there"
        )


def _check_meant(image: str, names: list[str]) -> None:
    """Check that a text does not name both a file and a training image."""
    if image in names:
        raise UserError(
            f"data.injected.image = {image!r}: a file and a training image are named so\n"
            f"    Hint: './{image}' for the file, {names.index(image)} for the training image"
        )


def _without(row: int, prepared: Prepared, own: bool) -> Prepared:
    """Remove an image, and its contributor if each image is a contributor."""
    owner = prepared.train.contributors[row]
    table = prepared.contributors.copy()
    table.loc[owner, "size"] -= 1
    taken = replace(
        prepared,
        train=_left(prepared.train, row),
        train_names=prepared.train_names[:row] + prepared.train_names[row + 1 :],
        reference=_left(prepared.reference, row),
        contributors=table,
    )
    if table.loc[owner, "size"]:
        return taken
    if not own or len(table) == 1:
        raise UserError(
            f"data.injected.image = {row}: contributor {table.loc[owner, 'name']} has no other "
            "image\n    Hint: another image"
        )
    return _closed_up(taken, int(owner))


def _left(images: Images, row: int) -> Images:
    columns = (images.pixels, images.labels, images.contributors)
    return Images(*(np.delete(column, row, axis=0) for column in columns))


def _closed_up(prepared: Prepared, gone: int) -> Prepared:
    """Renumber the contributors after a removed one."""
    if gone in prepared.planted:
        raise UserError(
            f"data.injected.image = {gone}: it is the image of a planted contributor\n"
            "    Hint: another image, or data.planted.contributors: 0"
        )
    table = prepared.contributors.drop(index=gone).reset_index(drop=True)
    return replace(
        prepared,
        train=_moved_up(prepared.train, gone),
        reference=_moved_up(prepared.reference, gone),
        contributors=table.assign(index=np.arange(len(table))),
        planted=prepared.planted - (prepared.planted > gone),
    )


def _moved_up(images: Images, gone: int) -> Images:
    return replace(images, contributors=images.contributors - (images.contributors > gone))


def _with_copies(prepared: Prepared, image: np.ndarray, label: int, copies: int) -> Prepared:
    train, number = prepared.train, len(prepared.contributors)
    row = pd.DataFrame({"index": [number], "name": [INJECTED], "size": [copies]})
    return replace(
        prepared,
        train=Images(
            np.concatenate([train.pixels, np.repeat(image[None], copies, axis=0)]),
            np.append(train.labels, np.full(copies, label)),
            np.append(train.contributors, np.full(copies, number)),
        ),
        train_names=[*prepared.train_names, *(f"{INJECTED} {copy}" for copy in range(copies))],
        contributors=pd.concat([prepared.contributors, row], ignore_index=True),
    )
