"""The image embeddings of BLIP for visual question answering (Li et al. 2022, arXiv 2201.12086)."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from diffcredit.behaviors.extractor import Extractor
from diffcredit.behaviors.extractors import hub
from diffcredit.behaviors.extractors.resizing import in_color, resize
from diffcredit.config.sections import HubName
from diffcredit.lazy import torch


class Blip(Extractor):
    """The pooled output of the vision model, of images resized without rounding afterwards."""

    class Options(hub.HubOptions):
        """The image embeddings of a BLIP model that answers questions."""

        model: HubName = Field("Salesforce/blip-vqa-base", description=hub.MODEL)

    def prepare(self, place: Path | None = None, device: str = "cpu") -> None:
        """Read a BLIP model from its folder, or raise `UserError`.

        The vision model alone would find no weights of its own in the folder of the whole model.
        """
        from transformers import BlipForQuestionAnswering

        assert place is not None
        self.model = hub.read_model(BlipForQuestionAnswering, place, device).vision_model
        self.device = device

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """(n, d)."""
        resized = resize(in_color(images), self.model.config.image_size)
        return self.model(pixel_values=hub.normalize(resized)).pooler_output
