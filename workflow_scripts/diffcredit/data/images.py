"""The table of images: one row per image with its encoded pixels, label, contributor and split."""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageOps

from diffcredit.errors import UserError
from diffcredit.files import read_table

#: What Pillow raises where bytes are no image, or a broken one.
UNREADABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)
#: Of an image that is in none of the classes.
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
class Dataset:
    """What a reader returns.

    Attributes:
        images: to train on.
        contributor_names: empty where nobody owns the images yet.
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
    """Images that nobody contributed."""
    return Images(pixels, labels, np.full(len(labels), -1))


def of_classes(
    pixels: np.ndarray,
    labels: np.ndarray,
    names: list[str],
    owned: bool,
    test: Images | None = None,
    files: list[str] | None = None,
) -> Dataset:
    """A dataset whose contributors are its classes, or nobody yet.

    Args:
        pixels: (n, height, width, channels) uint8.
        labels: (n,) classes from 0.
        names: of the classes.
        owned: whether each class contributes its images.
        test: as in `Dataset`.
        files: as in `Dataset`.
    """
    if owned:
        return Dataset(Images(pixels, labels, labels), names, names, test, files)
    return Dataset(nobodys(pixels, labels), [], names, test, files)


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


def from_file(path: str | Path) -> Images:
    """Read the table of images, or raise `UserError` where it is broken."""
    table = read_table(path, ["image", "label", "contributor"])
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


def read_image(path: Path, size: int, channels: int) -> np.ndarray:
    """Read an image file as (size, size, channels) uint8: center-cropped to a square, resized.

    Raises:
        UserError: naming the file, where it is unreadable or truncated.
    """
    try:
        with Image.open(path) as opened:
            upright = ImageOps.exif_transpose(opened)
            image = _in_8_bits(upright).convert("L" if channels == 1 else "RGB")
    except UNREADABLE as error:
        raise UserError(
            f"{path} cannot be read as an image: {error}\n"
            "    Hint: replace or remove the file; PNG, JPEG, WebP, BMP and TIFF are accepted."
        ) from error
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    resized = square.resize((size, size), Image.Resampling.LANCZOS) if side != size else square
    return np.asarray(resized).reshape(size, size, channels)


def _in_8_bits(image: Image.Image) -> Image.Image:
    """Pillow clips 16-bit gray to 0..255; its upper half is meant."""
    if not image.mode.startswith("I"):
        return image
    pixels = np.asarray(image)
    if pixels.min() < 0 or pixels.max() >= 2**16:
        raise ValueError(f"its pixels span {pixels.min()} to {pixels.max()}, not 0 to 65535")
    return Image.fromarray((pixels >> 8).astype(np.uint8))


def names_to_numbers(names: Iterable[str]) -> tuple[list[str], np.ndarray]:
    """Sorted distinct names, and the number of each given name among them."""
    distinct, numbers = np.unique(np.asarray(list(names)), return_inverse=True)
    return [str(name) for name in distinct], numbers.astype(np.int64)
