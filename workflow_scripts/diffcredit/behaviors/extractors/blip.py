"""The image embeddings of BLIP for visual question answering (Li et al. 2022, arXiv 2201.12086)."""

from pathlib import Path
from typing import Any

import torch

from diffcredit.behaviors.evidence import Extractor
from diffcredit.behaviors.extractors import hub
from diffcredit.behaviors.extractors.resizing import in_color, resize


class Blip(Extractor):
    """The pooled output of the vision model, of images resized without rounding afterwards."""

    def __init__(self, model: Any, device: str):
        super().__init__(device, batch_size=64)
        self.model = model

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """(n, d)."""
        resized = resize(in_color(images), self.model.config.image_size)
        return self.model(pixel_values=hub.normalize(resized)).pooler_output


def load(place: Path, device: str) -> Blip:
    """Read a BLIP model from its folder, or raise `UserError`.

    The vision model alone would find no weights of its own in the folder of the whole model.
    """
    from transformers import BlipForQuestionAnswering

    model = hub.read_model(BlipForQuestionAnswering, place, device)
    return Blip(model.vision_model, device)
