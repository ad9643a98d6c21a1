"""A model on disk: weights as safetensors, and as JSON what its network is made of."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from diffcredit.errors import UserError
from diffcredit.files import read_json, read_tensors, whole, write_json, write_tensors

WEIGHTS, CONFIG = "weights.safetensors", "config.json"


@dataclass(frozen=True)
class Description:
    """What rebuilds a network.

    Attributes:
        architecture: keyword arguments of the U-Net.
        pruning: what was removed, as torch-pruning records it; empty for an unpruned network.
    """

    architecture: dict[str, Any]
    pruning: list[Any] = field(default_factory=list)

    def build(self, seed: int) -> torch.nn.Module:
        """The network with fresh weights, its pruned channels removed."""
        from diffcredit.models import ddpm

        network = ddpm.build(self.architecture, seed)
        if self.pruning:
            from diffcredit.models.pruning.structure import replay

            replay(network, self.pruning, self.architecture)
        return network


@dataclass(frozen=True)
class Trained:
    """A network with its description.

    Attributes:
        network: its weights are the moving average of a training.
        description: what it is made of.
        averaged: training steps that the average knows, 0 without any; None where nobody says.
    """

    network: torch.nn.Module
    description: Description
    averaged: int | None = 0

    def copy(self) -> "Trained":
        """An independent copy to train further."""
        return replace(self, network=copy.deepcopy(self.network))


def save(trained: Trained, folder: str | Path, facts: dict[str, Any] | None = None) -> None:
    """Write a model folder; ``facts`` are kept in its config.json under "facts"."""
    with whole(folder) as part:
        part.mkdir()
        write_tensors(dict(trained.network.state_dict()), part / WEIGHTS)
        write_json(
            {
                "architecture": trained.description.architecture,
                "pruning": trained.description.pruning,
                "averaged": trained.averaged,
                "facts": facts or {},
            },
            part / CONFIG,
        )


def folders(models: Path) -> list[Path]:
    """The folders of several models, in the order of their names."""
    found = (path for path in models.iterdir() if path.is_dir())
    return sorted(path for path in found if not path.name.startswith("."))


def load(folder: str | Path) -> Trained:
    """Read a model folder.

    Raises:
        UserError: naming the file that is missing, broken or of another network.
    """
    folder = Path(folder)
    stored = read_json(folder / CONFIG)
    weights, _ = read_tensors(folder / WEIGHTS)
    trained = described(stored, folder / CONFIG)
    load_weights(trained.network, weights, folder / WEIGHTS)
    return trained


def described(stored: Mapping[str, Any], path: Path) -> Trained:
    """A network with fresh weights, or `UserError` naming the file that describes none."""
    try:
        description = Description(stored["architecture"], stored["pruning"])
        return Trained(description.build(seed=0), description, stored.get("averaged"))
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise UserError(f"{path} does not describe a model: {error}") from error


def load_weights(
    network: torch.nn.Module, weights: dict[str, torch.Tensor], path: str | Path
) -> None:
    """Put weights into a network, or raise `UserError` naming their file."""
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise UserError(f"{path} holds the weights of another network: {reason}") from error
