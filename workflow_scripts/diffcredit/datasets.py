"""Which files of a user's folder are read, asked of the readers themselves; imports are late.

Snakemake asks whenever it plans, and every job imports this: readers, which import NumPy and
Pillow, are loaded only where a listing is made.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from diffcredit import folders
from diffcredit.contents import AnyPath
from diffcredit.registry import DATASETS, load_target

if TYPE_CHECKING:
    from diffcredit.config import Config, Data

Head = Callable[[AnyPath], bytes]


def files(settings: "Data", base: Path, head: Head) -> Sequence[AnyPath]:
    """The files that the dataset of a configuration reads.

    Args:
        settings: of the data; ``path`` is given.
        base: folder that the path is relative to.
        head: reads the first bytes of a file.

    Returns:
        Those that the dataset's entry in the registry names, else all that are not hidden.
    """
    asked = DATASETS[settings.source].files
    if asked:
        return list(load_target(asked)(settings, base, head))
    assert settings.path is not None
    folder = base / Path(settings.path).expanduser()
    return [folder / name for name in folders.files(folders.walk(folder))]


def folder_files(folder: Path, head: Head) -> list[str]:
    """The images of a folder of images, with its subfolders."""
    from diffcredit.data import image_files

    return [f"{folder}/{name}" for name in image_files.find(folder, head).images]


def query_problems(config: "Config", base: Path, caches: Path) -> list[str]:
    """What is wrong with the folders of query images, see `query_folders.problems`."""
    if not any(hasattr(b.query_images, "folder") for b in config.behaviors.values()):
        return []
    from diffcredit.data import query_folders

    return query_folders.problems(config, base, caches)
