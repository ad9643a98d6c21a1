"""SSCD: descriptors for copy detection (Pizzi et al. 2022, arXiv 2202.10261)."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from diffcredit.behaviors.extractor import Extractor, FileOptions
from diffcredit.behaviors.extractors import torchscript
from diffcredit.behaviors.extractors.resizing import in_color
from diffcredit.config import weights
from diffcredit.config.messages import problem
from diffcredit.config.sections import Place
from diffcredit.errors import UserError
from diffcredit.lazy import torch

SIDE = 288
# Mean and standard deviation of the pixels of ImageNet, channel by channel.
MEAN = [0.485, 0.456, 0.406]
DEVIATION = [0.229, 0.224, 0.225]
FILE = "sscd_disc_mixup.torchscript.pt"
SOURCE = f"https://dl.fbaipublicfiles.com/sscd-copy-detection/{FILE}"


class Sscd(Extractor):
    """The descriptors: 512 numbers of length 1 from the published network.

    Nine in ten pairs of images with a cosine above 0.75 are copies. Images are preprocessed as by
    the authors: resized bilinearly with antialiasing, and rounded to whole pixel values.
    """

    class Options(FileOptions):
        """The network of SSCD, which finds copies; a published TorchScript file."""

        path: Place | None = Field(None, description=f"the file {FILE}; null: nowhere yet")

        def missing(self, key: str, texts: bool, base: Path) -> list[str]:
            """A message about a missing file; it has no default location."""
            found, key = self.place(base), f"{key}.path"
            if found is not None and found.is_file():
                told = weights.pointer(found)
                return [problem(key, self.path, told)] if told else []
            accepted = f"must name {FILE}" if found is None else f"the file {found} does not exist"
            return [problem(key, self.path, accepted, f"it comes from {SOURCE}")]

    def prepare(self, place: Path | None = None, device: str = "cpu") -> None:
        """Read the TorchScript file.

        Raises:
            UserError: if the file cannot be read, or its network returns no descriptors.
        """
        assert place is not None
        self.network, self.device = torchscript.read(place).to(device).eval(), device
        try:
            with torch.inference_mode():
                found = self.embed(torch.zeros(1, 3, SIDE, SIDE, dtype=torch.uint8).to(device))
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise UserError(f"{place} is not the published SSCD network: {reason}") from error
        if not (isinstance(found, torch.Tensor) and found.ndim == 2):
            raise UserError(f"{place} is not the published SSCD network: it makes no descriptors")

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """(n, d)."""
        from torchvision.transforms.v2 import functional

        resized = functional.resize(in_color(images), [SIDE, SIDE], antialias=True)
        return self.network(functional.normalize(resized / 255, MEAN, DEVIATION))
