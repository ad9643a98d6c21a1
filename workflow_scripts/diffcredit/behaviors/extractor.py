"""The interface of feature extractors."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from diffcredit.config.options import Implementation, Options
from diffcredit.config.sections import Place
from diffcredit.lazy import torch


class ExtractorOptions(Options):
    """An entry of the section extractors: the kind of extractor, and where its weights are.

    Attributes:
        located_by: options that locate the weights; they affect results only through `place`.
    """

    located_by: ClassVar[frozenset[str]] = frozenset()
    # The key of the entry is its name, chosen by the user; another option says its kind.
    name: ClassVar[str] = ""  # type: ignore[misc]
    kind: str = Field("", description="its kind")

    def place(self, base: Path = Path()) -> Path | None:
        """File or folder of the weights, whether or not it exists; None for an extractor without.

        Args:
            base: relative paths start from this folder.
        """
        return None

    def files(self) -> list[Path]:
        """The files of the weights that exist."""
        found = self.place()
        return [found] if found is not None and found.is_file() else []

    def missing(self, key: str, texts: bool, base: Path) -> list[str]:
        """One line for each problem with the files of the weights.

        Args:
            key: of the entry, such as "extractors.clip".
            texts: whether texts are embedded, too, which may need further files.
            base: relative paths start from this folder.
        """
        return []


class FileOptions(ExtractorOptions):
    """The file of an extractor's weights."""

    located_by = frozenset({"path"})

    path: Place | None = Field(None, description="the file of its weights")

    def place(self, base: Path = Path()) -> Path | None:
        """The given file, or None."""
        return None if self.path is None else base / Path(self.path).expanduser()


class Extractor(Implementation):
    """Turns images into features.

    Attributes:
        gives: what it provides to measures. "features" of images; "probabilities" of classes;
            "clip", features that the aesthetic heads were trained on; "texts", features of texts in
            the same space as those of images.
        trained_by_run: whether the run trains its weights, as those of the classifier.
        device: of the weights, "cpu" or "cuda".
        batch_size: images at a time.
    """

    gives: ClassVar[tuple[str, ...]] = ("features",)
    trained_by_run: ClassVar[bool] = False
    device: str = "cpu"
    batch_size: int = 64

    class Options(ExtractorOptions):
        """The options that all extractors have."""

    def prepare(self, place: Path | None = None, device: str = "cpu") -> None:
        """Read the weights.

        Args:
            place: file or folder of the weights.
            device: "cpu" or "cuda".

        Raises:
            UserError: if the weights cannot be read.
        """
        self.device = device

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """(n, d) features of (n, c, h, w) uint8 images on the device; c is 1 or 3."""
        raise NotImplementedError

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        """(n, k) logits of classes from the extractor's own features."""
        raise NotImplementedError(f"{type(self).__name__} knows no classes")

    def embed_text(self, text: str) -> torch.Tensor:
        """(1, d) features of a text, comparable with those of images."""
        raise NotImplementedError(f"{type(self).__name__} reads no texts")
