"""Query images: the images on which a model is evaluated."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from diffcredit import image_files
from diffcredit.behaviors.measure import PairMeasure, QueryMeasure
from diffcredit.config.behaviors import QueryFolder
from diffcredit.config.query_folders import draw, drawn
from diffcredit.data import images, removal
from diffcredit.errors import UserError
from diffcredit.files import read_table, read_tensors
from diffcredit.image_formats import RGB
from diffcredit.logs import logger


@dataclass(frozen=True)
class Queries:
    """Images on which a model is evaluated.

    Attributes:
        pixels: (queries, h, w, c) uint8.
        rows: row of each image among the training images; None for other images.
        captions: of each image; None for images without a caption.
    """

    pixels: np.ndarray
    rows: list[int | None]
    captions: list[str | None]


def read(
    measure: QueryMeasure.Options | PairMeasure.Options,
    places: Mapping[str, Path],
    seed: int,
    background: RGB = (255, 255, 255),
) -> Queries:
    """The query images of a measure.

    Generated and held-out query images are the first ones, as in the behaviors that compare images.
    Removed query images are the distinct removed images, at most the requested number. All others
    are sampled; the first k do not depend on the requested number.

    Args:
        measure: the kind of query images, and their number.
        places: "train" -> table of the training images; if needed, "generated" -> samples of the
            full model, "held_out" -> table of the held-out images, "removed" and "retained" ->
            tables of `data.removal`.
        seed: for sampling the images.
        background: color behind transparent images of a folder.

    Raises:
        UserError: if there are too few images, or one cannot be read.
    """
    train, source = places["train"], measure.images
    if isinstance(source, QueryFolder):
        folder = Path(source.folder).expanduser()
        return _unknown(_of_folder(folder, measure.queries, train, seed, background))
    if source == "generated":
        generated = read_tensors(places["generated"])[0]["images"][: measure.queries]
        return _unknown(generated.permute(0, 2, 3, 1).numpy())
    if source == "held_out":
        held_out = images.from_file(places["held_out"]).pixels
        _check_enough(len(held_out), measure.queries, places["held_out"])
        return _unknown(held_out[: measure.queries])
    if source == "removed":
        table = read_table(places["removed"])
        pixels = images.of_table(table, places["removed"]).pixels
        first = removal.distinct(pixels)[: measure.queries]
        return _of_rows(pixels, table, first, [_number(row) for row in table["row"].iloc[first]])
    table = read_table(train)
    trained_on = images.of_table(table, train).pixels
    known = np.arange(len(trained_on))
    if source == "retained":
        known = read_table(places["retained"])["row"].to_numpy()
    rows = known[_drawn(len(known), measure.queries, seed, places.get(source, train))]
    logger.info("queries are rows %s of %s", rows.tolist(), train)
    return _of_rows(trained_on, table, rows, rows.tolist())


def _unknown(pixels: np.ndarray) -> Queries:
    """Images that are not in the training set."""
    nothing = [None] * len(pixels)
    return Queries(pixels, list(nothing), list(nothing))


def _of_rows(
    pixels: np.ndarray, table: pd.DataFrame, chosen: np.ndarray, rows: list[int | None]
) -> Queries:
    return Queries(pixels[chosen], rows, images.captions_of(table.iloc[chosen]))


def _number(row: Any) -> int | None:
    return None if pd.isna(row) else int(row)


def _drawn(count: int, queries: int, seed: int, place: Path) -> np.ndarray:
    """(queries,) numbers of images among ``count``."""
    _check_enough(count, queries, place)
    return draw(count, queries, seed)


def _check_enough(count: int, queries: int, place: Path) -> None:
    if count < queries:
        raise UserError(f"{queries} queries are asked for, but {place} holds {count} images")


def _of_folder(folder: Path, queries: int, train: Path, seed: int, background: RGB) -> np.ndarray:
    """Images of a folder in the size of the training images."""
    found, files = drawn(folder, queries, seed)
    image_files.tell(found, f"{len(found.images)} images in {folder}", folder)
    logger.info("queries are %s", ", ".join(map(str, files)))
    _, side, _, channels = images.from_file(train).pixels.shape
    return image_files.read(files, side, channels, background)
