"""CLIP embeddings of images and texts (Radford et al. 2021, arXiv 2103.00020)."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from diffcredit.behaviors.extractor import Extractor
from diffcredit.behaviors.extractors import hub
from diffcredit.behaviors.extractors.resizing import in_color, resize
from diffcredit.config.sections import HubName
from diffcredit.lazy import torch


class Clip(Extractor):
    """The projected embeddings of a CLIP model, not normalized.

    Images are square, so CLIP's own preprocessing resizes them without a crop. It then rounds to
    whole pixel values, which is not done here.
    """

    gives = ("features", "clip", "texts")

    class Options(hub.HubOptions):
        """The image and text embeddings of a CLIP model."""

        model: HubName = Field("openai/clip-vit-large-patch14", description=hub.MODEL)

    def prepare(self, place: Path | None = None, device: str = "cpu") -> None:
        """Read a CLIP model from its folder, or raise `UserError`."""
        from transformers import CLIPModel

        assert place is not None
        self.model, self.folder = hub.read_model(CLIPModel, place, device), place
        self.device = device

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """(n, d) of the space that images and texts share."""
        resized = resize(in_color(images), self.model.config.vision_config.image_size)
        pooled = self.model.vision_model(pixel_values=hub.normalize(resized)).pooler_output
        return self.model.visual_projection(pooled)

    def embed_text(self, text: str) -> torch.Tensor:
        """(1, d) of the space that images and texts share; a long text is cut."""
        from transformers import CLIPTokenizer

        hub.check_files(self.folder, texts=True)
        tokenizer = CLIPTokenizer.from_pretrained(self.folder, local_files_only=True)
        tokens = tokenizer(
            [text],
            truncation=True,
            max_length=self.model.config.text_config.max_position_embeddings,
            return_tensors="pt",
        ).to(self.device)
        with torch.inference_mode():
            return self.model.text_projection(self.model.text_model(**tokens).pooler_output)
