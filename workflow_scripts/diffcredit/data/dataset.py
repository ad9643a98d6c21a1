"""What a dataset is: where its images are from, and what is fixed about them.

A new dataset is a class in a file of its own and one line in the registry. It has `read`, and says
about itself what the configuration is to know before anything is read.
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
        folder: whether it reads ``data.path``, a folder of the user's.
        channels: of its images; None where they may be gray or color.
        classes: names of its labels, from 0; empty where the user's files tell.
        sizes: number of images of each label; empty where the user's files tell.
        side: of its square images in pixels; None where the user's files tell.
        contributors: number of contributors that its images are dealt to where the user does not
            say whose they are; None where the user must say.
        planted: number of them that are spoiled on purpose unless asked otherwise.
        demonstration: whether the default steps and sizes of models were chosen for it.
        named_by_files: whether an image is called by its file; else by its number.
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
        """How many images it has; None where the user's files tell."""
        return sum(self.sizes) or None

    def read(self, settings: Data, base: Path) -> ReadImages:
        """Read the images.

        Args:
            settings: the section ``data``: their size and channels, and whose they are.
            base: folder that ``settings.path`` is relative to.

        Raises:
            UserError: where a file is missing, or cannot be used.
        """
        raise NotImplementedError

    def check(self, folder: Path, splits: Iterable[str]) -> None:
        """Look for the files of some splits, "train" and "test", in a folder that is there.

        Raises:
            UserError: where they are not all there.
        """

    def files(self, settings: Data, base: Path, head: Head) -> Sequence[AnyPath]:
        """The files that `read` reads: images are read again when one of them has changed.

        All of the folder that are not hidden, where a dataset says nothing else.

        Args:
            settings: as for `read`.
            base: as for `read`.
            head: reads the first bytes of a file.
        """
        folder = place(settings, base)
        return [folder / name for name in folders.files(folders.walk(folder))]

    def known_classes(self, settings: Data, base: Path) -> list[str]:
        """Names of all classes, before any image is read; empty where they are unknown then."""
        return list(self.classes)


def place(settings: Data, base: Path) -> Path:
    """The folder of the images."""
    assert settings.path is not None
    return base / Path(settings.path).expanduser()
