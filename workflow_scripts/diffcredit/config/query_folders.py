"""Folders of query images: which images are drawn, and what is wrong with them before a run."""

from pathlib import Path
from typing import TYPE_CHECKING

from diffcredit import contents, seeds
from diffcredit.config.behaviors import QueryFolder
from diffcredit.config.messages import problem
from diffcredit.contents import Head, read_head
from diffcredit.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from diffcredit.config.schema import Config
    from diffcredit.image_files import ImageListing


def draw(count: int, queries: int, seed: int) -> "np.ndarray":
    """(queries,) numbers of images among ``count``; the first k do not depend on how many."""
    import numpy as np

    return np.random.default_rng(seed).permutation(count)[:queries]


def drawn(
    folder: Path, queries: int, seed: int, head: Head = read_head
) -> tuple["ImageListing", list[Path]]:
    """What a folder holds, and the images of it that are queries.

    Raises:
        UserError: where it holds too few images, or may not be read.
    """
    from diffcredit import image_files

    found = image_files.find(folder, head)
    count = len(found.images)
    if count < queries:
        rest = image_files.not_read(found.left)
        raise UserError(
            f"{folder} holds {count} {'image' if count == 1 else 'images'}"
            + (f"; not read: {rest}" if rest else "")
        )
    return found, [folder / found.images[row] for row in draw(count, queries, seed)]


def problems(config: "Config", base: Path, caches: Path) -> list[str]:
    """One line for each behavior whose folder has too few images, or broken ones among the drawn.

    Args:
        config: of the run.
        base: folder that paths are relative to.
        caches: folder of what is known of files, see `contents`.
    """
    found = []
    for name, behavior in config.behaviors.items():
        source = behavior.query_images
        if isinstance(source, QueryFolder):
            folder = base / Path(source.folder).expanduser()
            queries = getattr(behavior.measure, "queries", 0)
            found += _folder_problems(f"behaviors.{name}.measure", folder, queries, config, caches)
    return found


def _folder_problems(
    key: str, folder: Path, queries: int, config: "Config", caches: Path
) -> list[str]:
    from diffcredit import image_files, image_formats

    known = contents.of_folder(folder, caches)
    try:
        found, paths = drawn(folder, queries, seeds.derive(config.seed, "queries"), known.head)
    except UserError as error:
        hint = "fewer queries, or more images in PNG, JPEG or another format that is read"
        return [problem(f"{key}.queries", queries, str(error), hint)]
    known.save()
    if not image_files.broken(paths):
        return []
    # Others would be drawn next, so all are looked at.
    lines = image_files.broken([folder / name for name in found.images])
    accepted = f"{len(lines)} images are broken\n" + str(image_formats.broken(lines))
    return [problem(f"{key}.images.folder", str(folder), accepted)]
