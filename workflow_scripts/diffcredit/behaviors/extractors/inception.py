"""The Inception network of published FIDs, as clean-fid uses it."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from diffcredit.behaviors.extractor import Extractor, FileOptions
from diffcredit.behaviors.extractors import torchscript
from diffcredit.behaviors.extractors.resizing import in_color, resize
from diffcredit.config import weights
from diffcredit.config.messages import problem
from diffcredit.config.sections import Place
from diffcredit.errors import UserError
from diffcredit.lazy import torch

SIDE = 299
USUAL = Path("/tmp/inception-2015-12-05.pt")  # noqa: S108 - where clean-fid keeps it
SOURCE = (
    "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/"
    "inception-2015-12-05.pt"
)


class Inception(Extractor):
    """2,048 pooled features of cleanly resized images, and 1,008 classes.

    The published network is a TorchScript program with ``layers`` and ``output``. As in the first
    Inception score, the classes leave out the bias of the last layer.
    """

    gives = ("features", "probabilities")

    class Options(FileOptions):
        """The Inception network of the FID, a published TorchScript file."""

        path: Place | None = Field(
            None,
            description="the file inception-2015-12-05.pt; null: in /tmp, where clean-fid has it",
        )

        def place(self, base: Path = Path()) -> Path:
            """The given file, or clean-fid's file."""
            return super().place(base) or USUAL

        def missing(self, key: str, texts: bool, base: Path) -> list[str]:
            """A message about a file that is missing or untrusted."""
            found = self.place(base)
            if not found.is_file():
                accepted = f"the file {found} does not exist"
            elif self.path is None and not weights.is_ours(found):
                accepted = f"{found} belongs to another user: name it as this path if you trust it"
            elif told := weights.pointer(found):
                accepted = told
            else:
                return []
            return [problem(f"{key}.path", self.path, accepted, f"it comes from {SOURCE}")]

    def prepare(self, place: Path | None = None, device: str = "cpu") -> None:
        """Read the TorchScript file.

        Raises:
            UserError: if the file cannot be read, or is another network.
        """
        assert place is not None
        network = torchscript.read(place)
        if not (hasattr(network, "layers") and hasattr(network, "output")):
            raise UserError(f"{place} is not the published Inception network")
        self.network, self.device = network.to(device).eval(), device

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """(n, 2048)."""
        scaled = (resize(in_color(images), SIDE) - 128) / 128
        return self.network.layers(scaled).flatten(1)

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        """(n, 1008)."""
        return features @ self.network.output.weight.T
