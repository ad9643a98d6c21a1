"""The interface of datasets.

A new dataset is a class in a file of its own and one line in the registry. It implements `read`,
and has attributes for checks of the configuration before any image is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from diffcredit import folders
from diffcredit.config.options import Implementation
from diffcredit.contents import AnyPath, Head

if TYPE_CHECKING:
    from diffcredit.config.data import Data
    from diffcredit.data.images import ReadImages


class Dataset(Implementation):
    """A source of images.

    Attributes:
        folder: whether it reads ``data.path``, a folder of the user.
        channels: of its images; None if they may be gray or color.
        classes: names of its labels, from 0; empty if they depend on the user's files.
        sizes: number of images of each label; empty if they depend on the user's files.
        side: of its square images in pixels; None if it depends on the user's files.
        contributors: default number of contributors to which its images are dealt; None if the user
            must define the contributors.
        planted: default number of contributors with corrupted images.
        demonstration: whether the default steps and sizes of models were chosen for it.
        named_by_files: whether images are named by their files, or by their numbers.
    """

    folder: ClassVar[bool] = False
    channels: ClassVar[int | None] = None
    classes: ClassVar[tuple[str, ...]] = ()
    sizes: ClassVar[tuple[int, ...]] = ()
    side: ClassVar[int | None] = None
    contributors: ClassVar[int | None] = None
    planted: ClassVar[int] = 0
    demonstration: ClassVar[bool] = False
    named_by_files: ClassVar[bool] = False

    @property
    def images(self) -> int | None:
        """Number of images; None if it depends on the user's files."""
        return sum(self.sizes) or None

    def read(self, settings: Data, base: Path) -> ReadImages:
        """Read the images.

        Args:
            settings: the section ``data``: size, channels and contributors.
            base: ``settings.path`` is relative to this folder.

        Raises:
            UserError: if a file is missing or cannot be used.
        """
        raise NotImplementedError

    def check(self, folder: Path, splits: Iterable[str]) -> None:
        """Check that an existing folder has the files of some splits, "train" and "test".

        Raises:
            UserError: if files are missing.
        """

    def files(self, settings: Data, base: Path, head: Head) -> Sequence[AnyPath]:
        """The files that `read` reads: images are read again when one of them has changed.

        By default all files of the folder that are not hidden.

        Args:
            settings: as for `read`.
            base: as for `read`.
            head: reads the first bytes of a file.
        """
        folder = place(settings, base)
        return [folder / name for name in folders.files(folders.walk(folder))]

    def known_classes(self, settings: Data, base: Path) -> list[str]:
        """Names of all classes, before any image is read; empty if they are not known then."""
        return list(self.classes)


def place(settings: Data, base: Path) -> Path:
    """The folder of the images."""
    assert settings.path is not None
    return base / Path(settings.path).expanduser()
