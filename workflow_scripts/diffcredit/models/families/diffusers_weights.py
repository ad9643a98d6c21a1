"""Weights of networks in the files and under the names of diffusers."""

import re
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from diffcredit.files import unreadable

#: Old names of attention layers, as in the published DDPMs of Ho et al. 2020.
OLD_NAMES = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}


def read(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a file under their current names, or `UserError`; nothing is unpickled."""
    return {_present(name): tensor for name, tensor in _tensors(path).items()}


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
