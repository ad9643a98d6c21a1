"""Models of transformers, read from a folder in the hub's format; nothing is downloaded."""

from pathlib import Path
from typing import Any

import torch

from diffcredit.config.weights import absent_files
from diffcredit.errors import UserError

# Mean and standard deviation of the pixels, channel by channel, with which both CLIP and BLIP
# were trained (Radford et al. 2021, arXiv 2103.00020).
MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)


def normalize(images: torch.Tensor) -> torch.Tensor:
    """(n, 3, h, w) values of 0..255 to those of mean 0 and standard deviation 1."""
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
    except Exception as error:  # Broken files end in errors of half a dozen libraries.
        raise UserError(f"{folder} cannot be read as {architecture.__name__}: {error}") from error
    if report["missing_keys"]:
        raise UserError(
            f"{folder} is no {architecture.__name__}: its weights lack "
            f"{len(report['missing_keys'])} tensors, such as {min(report['missing_keys'])}"
        )
    return model.float().to(device).eval()


def check_files(folder: Path, texts: bool) -> None:
    """Raise `UserError` where files are missing; transformers would do without a tokenizer's."""
    if absent := absent_files(folder, texts):
        raise UserError(f"{folder} lacks {', '.join(absent)}")
