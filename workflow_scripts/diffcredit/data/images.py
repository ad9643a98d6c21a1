"""The table of images: one row per image with its encoded pixels, label, contributor and split."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from diffcredit.config.names import shortened
from diffcredit.errors import UserError
from diffcredit.files import read_table
from diffcredit.image_formats import UNREADABLE

#: Label of an image without a class.
NO_LABEL = -1


@dataclass(frozen=True)
class Images:
    """Images in memory.

    Attributes:
        pixels: (n, height, width, channels) uint8.
        labels: (n,) int64, classes from 0; `NO_LABEL` of an injected file.
        contributors: (n,) int64, contributors from 0; -1 where nobody contributed the image.
    """

    pixels: np.ndarray
    labels: np.ndarray
    contributors: np.ndarray


@dataclass(frozen=True)
class ReadImages:
    """What a dataset reads.

    Attributes:
        images: to train on.
        contributor_names: empty if contributors are not assigned yet.
        label_names: names of the labels, from 0.
        test: the source's own test split; None where it has none, or nobody asked for it.
        files: of the images, relative to their folder; None where they have none of their own.
    """

    images: Images
    contributor_names: list[str]
    label_names: list[str]
    test: Images | None = None
    files: list[str] | None = None


def nobodys(pixels: np.ndarray, labels: np.ndarray) -> Images:
    """Images without a contributor."""
    return Images(pixels, labels, np.full(len(labels), -1))


def of_classes(
    pixels: np.ndarray,
    labels: np.ndarray,
    names: list[str],
    owned: bool,
    test: Images | None = None,
    files: list[str] | None = None,
) -> ReadImages:
    """Images whose contributors are the classes, or not yet assigned.

    Args:
        pixels: (n, height, width, channels) uint8.
        labels: (n,) classes from 0.
        names: of the classes.
        owned: whether each class contributes its images.
        test: as in `ReadImages`.
        files: as in `ReadImages`.
    """
    if owned:
        return ReadImages(Images(pixels, labels, labels), names, names, test, files)
    return ReadImages(nobodys(pixels, labels), [], names, test, files)


def to_table(images: Images, split: str) -> pd.DataFrame:
    """Encode images as PNG, one row each: image, label, contributor, split."""
    return pd.DataFrame(
        {
            "image": [_encode(pixels) for pixels in images.pixels],
            "label": images.labels,
            "contributor": images.contributors,
            "split": split,
        }
    )


def with_origin(
    table: pd.DataFrame,
    rows: Sequence[int | None] | None = None,
    captions: Sequence[str | None] | None = None,
) -> pd.DataFrame:
    """Add the training rows and captions of images to their table.

    Args:
        table: of n images.
        rows: (n,) row of each image in the table of training images; None for other images.
        captions: (n,) caption of each image; None for images without a caption.

    Returns:
        The table with the columns row and caption, which may be empty.
    """
    nothing = [None] * len(table)
    return table.assign(
        row=pd.array(nothing if rows is None else list(rows), dtype="Int64"),
        caption=pd.array(nothing if captions is None else list(captions), dtype="string"),
    )


def captions_of(table: pd.DataFrame) -> list[str | None]:
    """The captions of a table of images; None for images without a caption."""
    return [None if pd.isna(caption) else str(caption) for caption in table["caption"]]


def counts(numbers: np.ndarray, names: list[str]) -> str:
    """How often each of some named things occurs: 12 of ann, 3 of bob."""
    present, often = np.unique(numbers, return_counts=True)
    pairs = zip(present, often, strict=True)
    return shortened(f"{n} of {names[i] if 0 <= i < len(names) else 'none'}" for i, n in pairs)


def named(labels: np.ndarray, names: list[str]) -> list[str]:
    """The name of the class of each image, empty for an image without a class."""
    return ["" if label == NO_LABEL else names[label] for label in labels]


def label_names(table: pd.DataFrame) -> list[str]:
    """Names of the classes from 0, from the columns label and label_name of a table of images."""
    classed = table[table["label"] != NO_LABEL].drop_duplicates("label").set_index("label")
    names = dict(zip(classed.index.tolist(), classed["label_name"], strict=True))
    return [names.get(label, "") for label in range(max(names, default=-1) + 1)]


def from_file(path: str | Path) -> Images:
    """Read the table of images, or raise `UserError` where it is broken."""
    return of_table(read_table(path, ["image", "label", "contributor"]), path)


def of_table(table: pd.DataFrame, path: str | Path) -> Images:
    """The images of a table that was read from a file, or `UserError` where it is broken."""
    if table.empty:
        raise UserError(f"{path} holds no images\n    Hint: delete it and run again.")
    try:
        pixels = np.stack([decode(image) for image in table["image"]])
    except UNREADABLE as error:
        raise UserError(
            f"{path} holds an image that cannot be decoded: {error}\n"
            "    Hint: delete the file and run again."
        ) from error
    return Images(pixels, table["label"].to_numpy(), table["contributor"].to_numpy())


def _encode(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    _as_image(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _as_image(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels)


def decode(encoded: bytes) -> np.ndarray:
    """The (height, width, channels) pixels of an encoded image, or one of `UNREADABLE`."""
    pixels = np.asarray(Image.open(io.BytesIO(encoded)))
    return pixels[..., None] if pixels.ndim == 2 else pixels


def resized(pixels: np.ndarray, size: int) -> np.ndarray:
    """(n, size, size, channels) of (n, side, side, channels) uint8 images."""
    if size == pixels.shape[1]:
        return pixels
    images = [_as_image(image).resize((size, size), Image.Resampling.LANCZOS) for image in pixels]
    return np.stack([np.asarray(image) for image in images]).reshape(len(pixels), size, size, -1)


def names_to_numbers(names: Iterable[str]) -> tuple[list[str], np.ndarray]:
    """Sorted distinct names, and the number of each given name among them."""
    distinct, numbers = np.unique(np.asarray(list(names)), return_inverse=True)
    return [str(name) for name in distinct], numbers.astype(np.int64)
