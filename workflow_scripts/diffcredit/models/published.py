"""Models that were trained elsewhere: folders of diffusers, or of diffcredit itself."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from diffcredit.config import pretrained
from diffcredit.errors import UserError
from diffcredit.files import unreadable
from diffcredit.models import checkpoints
from diffcredit.models.checkpoints import Trained
from diffcredit.models.families import Family

#: Old names of attention layers, as in the published DDPMs of Ho et al. 2020.
OLD_NAMES = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}


def read(folder: str | Path, family: Family) -> Trained:
    """Read a model folder; nothing is unpickled or downloaded.

    Args:
        folder: of diffusers or of diffcredit.
        family: required family of the model; it defines the noise schedule.

    Raises:
        UserError: names the file that is missing, broken or of another network.
    """
    try:
        files = pretrained.find(folder)
    except UserError as error:
        raise UserError(f"full.pretrained = {str(folder)!r}: {error}") from error
    if files.ours:
        return replace(checkpoints.load(files.config.parent), family=family)
    stored: dict[str, Any] = {
        "structure": {"architecture": pretrained.architecture(files)},
        "averaged": pretrained.averaged(files),
    }
    trained = checkpoints.described(stored, files.config, family)
    weights = {_present(name): tensor for name, tensor in _tensors(files.weights).items()}
    checkpoints.load_weights(trained.network, weights, files.weights)
    trained.network.eval()
    return trained


def _tensors(path: Path) -> dict[str, torch.Tensor]:
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except (OSError, SafetensorError) as error:
            raise unreadable(path, "a safetensors file", error) from error
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # The zip reader and the unpickler raise errors of their own.
        raise unreadable(path, "tensors alone", error) from error
    tensors = isinstance(found, dict) and all(torch.is_tensor(v) for v in found.values())
    if not tensors:
        raise unreadable(path, "tensors alone", TypeError("it holds something else"))
    return dict(found)


def _present(name: str) -> str:
    """Current name of a tensor."""
    old = "|".join(OLD_NAMES)
    pattern = rf"(attentions\.\d+)\.({old})\."
    return re.sub(pattern, lambda match: f"{match[1]}.{OLD_NAMES[match[2]]}.", name)
