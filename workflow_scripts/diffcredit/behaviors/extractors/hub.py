"""Models of transformers, read from a folder in the hub's format; nothing is downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from diffcredit.behaviors.extractor import FileOptions
from diffcredit.config import weights
from diffcredit.config.messages import problem
from diffcredit.config.sections import HubName, Place
from diffcredit.errors import UserError
from diffcredit.lazy import torch

# Mean and standard deviation of the pixels, channel by channel, with which both CLIP and BLIP
# were trained (Radford et al. 2021, arXiv 2103.00020).
MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
#: What the option ``model`` accepts.
MODEL = "a name on the hub, owner/model"


class HubOptions(FileOptions):
    """A model in the hub's format: config.json, model.safetensors, a tokenizer for texts."""

    located_by = frozenset({"path", "model"})

    path: Place | None = Field(
        None, description="folder of the model; null: `model` in the local hub cache"
    )
    model: HubName = Field(description=MODEL)

    def place(self, base: Path = Path()) -> Path:
        """The given folder, or the model's folder in the hub's cache."""
        return super().place(base) or weights.cached(self.model)

    def files(self) -> list[Path]:
        """The files of the model that exist."""
        return weights.hub_files(self.place())

    def missing(self, key: str, texts: bool, base: Path) -> list[str]:
        """A message about missing files, or for each file that was not fetched."""
        found = self.place(base)
        at = f"{key}.{'model' if self.path is None else 'path'}"
        value = self.model if self.path is None else self.path
        if absent := weights.absent_files(found, texts):
            where = f"the local hub cache, {found}" if self.path is None else "that folder"
            accepted = f"{', '.join(absent)} must be in {where}"
            return [problem(at, value, accepted, self._source(key))]
        pointers = [weights.pointer(found / file) for file in weights.MODEL_FILES]
        return [problem(at, value, told) for told in pointers if told]

    def _source(self, key: str) -> str:
        return (
            f"the files come from https://huggingface.co/{self.model}: name their folder in "
            f"{key}.path, or `hf download {self.model}` puts them into the cache"
        )


def normalize(images: torch.Tensor) -> torch.Tensor:
    """Normalize (n, 3, h, w) values in 0..255 to mean 0 and standard deviation 1."""
    mean = torch.tensor(MEAN, device=images.device).reshape(3, 1, 1)
    deviation = torch.tensor(DEVIATION, device=images.device).reshape(3, 1, 1)
    return (images / 255 - mean) / deviation


def read_model(architecture: Any, folder: Path, device: str) -> Any:
    """Read a model with all its weights.

    Args:
        architecture: class of transformers.
        folder: with config.json and model.safetensors.
        device: "cpu" or "cuda".

    Raises:
        UserError: where a file is missing or broken, or of another architecture, which transformers
            would fill with random weights.
    """
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    check_files(folder, texts=False)
    try:
        model, report = architecture.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
    except Exception as error:  # Broken files raise errors of half a dozen libraries.
        raise UserError(f"{folder} cannot be read as {architecture.__name__}: {error}") from error
    if report["missing_keys"]:
        raise UserError(
            f"{folder} is no {architecture.__name__}: its weights lack "
            f"{len(report['missing_keys'])} tensors, such as {min(report['missing_keys'])}"
        )
    return model.float().to(device).eval()


def check_files(folder: Path, texts: bool) -> None:
    """Raise `UserError` if files are missing; transformers tolerates a missing tokenizer."""
    if absent := weights.absent_files(folder, texts):
        raise UserError(f"{folder} lacks {', '.join(absent)}")
