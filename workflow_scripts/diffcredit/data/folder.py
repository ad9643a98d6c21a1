"""A folder of the user's images: a subfolder, or a value of a CSV column, per contributor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from diffcredit import folders
from diffcredit.config.data import CsvContributors, Data
from diffcredit.config.messages import problem, shown
from diffcredit.config.places import missing_file, missing_folder
from diffcredit.contents import AnyPath, Head
from diffcredit.data.dataset import Dataset, place

if TYPE_CHECKING:
    from diffcredit.config.schema import Config
    from diffcredit.data.images import ReadImages


class Folder(Dataset):
    """A folder of image files."""

    folder = True
    named_by_files = True

    class Options(Dataset.Options):
        """No options; everything depends on the content of the folder."""

        def problems(self, key: str, config: Config, base: Path) -> list[str]:
            """Messages about the content of the folder."""
            data = config.data
            if data.path is None or missing_folder(folder := place(data, base)):
                return []
            return [*_folder_problems(data, folder), *_one_class(config, folder)]

    def read(self, settings: Data, base: Path) -> ReadImages:
        """See `Dataset.read`; files that are not read are logged."""
        from diffcredit.data import folder_images

        return folder_images.read(settings, base)

    def files(self, settings: Data, base: Path, head: Head) -> Sequence[AnyPath]:
        """The images of contributors, and the table of contributors."""
        from diffcredit.data import folder_images

        return folder_images.files(settings, base, head)

    def known_classes(self, settings: Data, base: Path) -> list[str]:
        """The subfolders; unknown where a table names the classes."""
        if settings.path is None or isinstance(settings.contributors, CsvContributors):
            return []
        folder = place(settings, base)
        if missing_folder(folder):
            return []
        return sorted({folders.meant(name) for name in folders.subfolders(folder)})


def _folder_problems(data: Data, folder: Path) -> list[str]:
    """Messages about a folder that does not fit the contributors."""
    if isinstance(data.contributors, CsvContributors):
        missing = missing_file(folder / data.contributors.csv)
        accepted = f"{missing}, in data.path = {shown(data.path)}"
        return [problem("data.contributors.csv", data.contributors.csv, accepted)] * bool(missing)
    if data.contributors == "subfolder" and not folders.subfolders(folder):
        accepted = "must hold a subfolder with images for each contributor; it has none"
        return [problem("data.path", data.path, accepted)]
    if folders.fewer_files(folder, 1) is None and not folders.subfolders(folder):
        accepted = "its images must lie in subfolders, which are their classes; it has none"
        return [problem("data.path", data.path, accepted)]
    return _few_files(data, folder)


def _few_files(data: Data, folder: Path) -> list[str]:
    """A message about too few files; the job itself counts the images among them."""
    requested = {
        "data.contributors": data.contributors if isinstance(data.contributors, int) else 1,
        "data.images": data.images or 1,
    }
    most = max(requested.values())
    there = folders.fewer_files(folder, data.held_out + most)
    if not there:
        return []  # The job itself reports an empty folder.
    files = f"there are {there} files in {shown(data.path)}"
    for key, value in requested.items():
        if value > there:
            return [problem(key, value, f"must not exceed {there}: {files}")]
    accepted = f"must not exceed {there - most}: {files}, of which {most} or more are trained on"
    return [problem("data.held_out", data.held_out, accepted)]


def _one_class(config: Config, folder: Path) -> list[str]:
    """A message about a single subfolder: a classifier needs several classes."""
    from diffcredit.config.data_checks import ANOTHER_EXTRACTOR, needs_classes

    data, accepted = config.data, needs_classes(config)
    by_table = isinstance(data.contributors, CsvContributors)
    there = folders.subfolders(folder)
    if not accepted or data.labels is not None or by_table or len(there) != 1:
        return []
    only, hint = there[0], ANOTHER_EXTRACTOR
    accepted += f", which are the subfolders; there is one, {shown(only)}"
    if len(folders.subfolders(folder / only)) > 1:
        assert data.path is not None
        accepted += ", with subfolders of its own"
        hint = f"data.path: {Path(data.path) / only}"
    return [problem("data.path", data.path, accepted, hint)]
