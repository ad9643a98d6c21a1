"""Folders of images: which files are images, what else is there and why it is not read."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from diffcredit import folders, image_formats
from diffcredit.contents import Head, read_head
from diffcredit.errors import UserError
from diffcredit.folders import FolderEntry
from diffcredit.image_formats import RGB, UNREADABLE, Remarks
from diffcredit.logs import Progress, logger

BESIDE = "beside the subfolders"
#: What the table of contributors names nobody for.
UNNAMED = "in no row of the table"
#: What reasons are said of.
NOUNS = ("image", "file", "folder", "link", "way", "path")
#: Why images are not read that may be somebody's.
SERIOUS = frozenset(
    {
        folders.BROKEN_LINK,
        folders.FORBIDDEN_FOLDER,
        folders.FORBIDDEN_FILE,
        folders.SPECIAL,
        folders.SECOND_WAY,
        folders.CYCLE,
        folders.UNREACHABLE,
        BESIDE,
        UNNAMED,
    }
)


@dataclass(frozen=True)
class ImageListing:
    """What a folder holds.

    Attributes:
        images: names of the images relative to the folder, sorted.
        left: what is not read: the reason, as ".gif" or "broken link", and the names.
    """

    images: list[str]
    left: dict[str, list[str]] = field(default_factory=dict)

    def only(self, names: Iterable[str], why_not: str) -> "ImageListing":
        """These images; the others are left for a reason."""
        kept = set(names)
        others = [name for name in self.images if name not in kept]
        left = {**self.left, why_not: others} if others else self.left
        return ImageListing([name for name in self.images if name in kept], left)


def find(folder: Path, head: Head = read_head) -> ImageListing:
    """The images of a folder and of its subfolders, and what is not read.

    Args:
        folder: an existing folder; links in it are followed.
        head: reads the first bytes of a file.

    Raises:
        UserError: where the folder is missing or may not be read.
    """
    seen = _seen(folder)
    images = []
    left: dict[str, list[str]] = {}
    for entry in seen:
        if entry.why_not:
            left.setdefault(entry.why_not, []).append(entry.name)
    for name in folders.files(seen):
        first = head(f"{folder}/{name}")
        if image_formats.is_image(name, first):
            images.append(name)
        else:
            left.setdefault(_why_not(folder / name, first), []).append(name)
    return ImageListing(images, left)


def paths(folder: Path, head: Head) -> list[str]:
    """Paths of the images of a folder and of its subfolders; see `find`."""
    return [f"{folder}/{name}" for name in find(folder, head).images]


def _seen(folder: Path) -> list[FolderEntry]:
    try:
        return list(folders.walk(folder))
    except OSError as error:
        raise UserError(f"{folder} cannot be read as a folder: {error.strerror}") from error


def _why_not(path: Path, head: bytes) -> str:
    if head:
        return image_formats.left_out(path.name, head)
    try:
        with path.open("rb"):
            return image_formats.left_out(path.name, head)
    except OSError:
        return folders.FORBIDDEN_FILE


def not_read(left: dict[str, list[str]]) -> str:
    """What is not read, in words, the most first; "" for nothing."""
    counts = Counter({why: len(names) for why, names in left.items() if names})
    return ", ".join(_counted(count, why) for why, count in counts.most_common())


def _counted(count: int, why: str) -> str:
    """As "12 .gif", "2 folders without permission"."""
    if why.startswith(".") or why == folders.HIDDEN:
        return f"{count} {why}"
    words = why if why.split()[0] in NOUNS or why.split()[-1] in NOUNS else f"image {why}"
    return f"{count} {words if count == 1 else _plural(words)}"


def _plural(words: str) -> str:
    """With an s at the first of the nouns."""
    parts = words.split(" ")
    at = next(place for place, part in enumerate(parts) if part in NOUNS)
    return " ".join([*parts[:at], f"{parts[at]}s", *parts[at + 1 :]])


def is_serious(left: dict[str, list[str]]) -> bool:
    """Whether anything was left that may be an image of somebody."""
    return any(
        names and (why in SERIOUS or image_formats.may_be_image(why)) for why, names in left.items()
    )


def tell(found: ImageListing, summary: str, folder: Path) -> None:
    """Log what was read and what was not: a warning where that may be somebody's image."""
    rest = not_read(found.left)
    if not rest:
        logger.info("%s", summary)
        return
    serious = is_serious(found.left)
    (logger.warning if serious else logger.info)("%s; not read: %s", summary, rest)
    for why, names in found.left.items():
        if why in folders.IGNORED or not names:
            continue
        shown = ", ".join(repr(name) for name in names[: image_formats.NAMED])
        more = (
            f" and {len(names) - image_formats.NAMED} more"
            if len(names) > image_formats.NAMED
            else ""
        )
        logger.info("not read in %s, %s: %s%s", folder, why, shown, more)
    if any(why in (".heic", ".heif", ".hif") for why in found.left):
        logger.warning(
            "HEIC images are not read; convert them to JPEG or PNG, for example with "
            "`magick mogrify -format jpg *.heic`"
        )


def read(
    paths: list[Path], size: int, channels: int, background: RGB = image_formats.WHITE
) -> np.ndarray:
    """The pixels of image files, (n, size, size, channels) uint8; see `image_formats.read`.

    Raises:
        UserError: naming the files that are broken, the first ten of them and their number.
    """
    pixels = np.empty((len(paths), size, size, channels), dtype=np.uint8)
    wrong, remarks = [], Remarks()
    progress = Progress("reading images", len(paths), "images")
    for row, path in enumerate(paths):
        try:
            pixels[row] = image_formats.read(path, size, channels, background, remarks)
        except UNREADABLE as error:
            wrong.append(image_formats.named(path, error))
        progress.advance()
    if wrong:
        raise image_formats.broken(wrong)
    for line in image_formats.lines(remarks.changes):
        logger.info("%s", line)
    for line in image_formats.lines(remarks.doubts):
        logger.warning("%s", line)
    return pixels


def broken(paths: Iterable[Path]) -> list[str]:
    """A line for each image file that cannot be read."""
    wrong = []
    for path in paths:
        try:
            image_formats.read(path, 1, 3, image_formats.WHITE, Remarks())
        except UNREADABLE as error:
            wrong.append(image_formats.named(path, error))
    return wrong


def owner(name: str) -> str:
    """The contributor or class that a file belongs to: its subfolder of the first level."""
    return folders.meant(name.split("/")[0])
