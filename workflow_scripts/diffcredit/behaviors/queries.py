"""The images of which a model is asked what it makes of them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from diffcredit import image_files
from diffcredit.behaviors.measure import PairMeasure, QueryMeasure
from diffcredit.config.behaviors import QueryFolder
from diffcredit.config.query_folders import draw, drawn
from diffcredit.data import images, removal
from diffcredit.errors import UserError
from diffcredit.files import read_table, read_tensors
from diffcredit.image_formats import RGB
from diffcredit.logs import logger


def read(
    measure: QueryMeasure.Options | PairMeasure.Options,
    places: Mapping[str, Path],
    seed: int,
    background: RGB = (255, 255, 255),
) -> np.ndarray:
    """(queries, h, w, c) uint8 images.

    Generated ones are the first, as in the behaviors that compare images, and so are those held
    out, which were drawn already. Removed ones are as many as there are different ones, at most
    those that are asked for. Of the others the draw of the first k does not depend on how many
    are asked for.

    Args:
        measure: says which images, and how many.
        places: "train" -> table of the training images; where they are asked for "generated" ->
            samples of the full model, "held_out" -> table of the images held out, "removed" and
            "retained" -> those of `data.removal`.
        seed: of the draw.
        background: of transparent images of a folder.

    Raises:
        UserError: if there are too few, or one cannot be read.
    """
    train, asked = places["train"], measure.images
    if isinstance(asked, QueryFolder):
        folder = Path(asked.folder).expanduser()
        return _of_folder(folder, measure.queries, train, seed, background)
    if asked == "generated":
        generated = read_tensors(places["generated"])[0]["images"][: measure.queries]
        return generated.permute(0, 2, 3, 1).numpy()
    if asked == "held_out":
        held_out = images.from_file(places["held_out"]).pixels
        _check_enough(len(held_out), measure.queries, places["held_out"])
        return held_out[: measure.queries]
    if asked == "removed":
        return removal.distinct(images.from_file(places["removed"]).pixels)[: measure.queries]
    trained_on = images.from_file(train).pixels
    known = np.arange(len(trained_on))
    if asked == "retained":
        known = read_table(places["retained"])["row"].to_numpy()
    rows = known[_drawn(len(known), measure.queries, seed, places.get(asked, train))]
    logger.info("queries are rows %s of %s", rows.tolist(), train)
    return trained_on[rows]


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
