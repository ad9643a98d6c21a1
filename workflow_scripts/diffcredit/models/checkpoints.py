"""Models on disk: trained weights as safetensors, and the structure of the network as JSON."""

import copy
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from diffcredit.errors import UserError
from diffcredit.files import (
    read_json,
    read_tensor_checksums,
    read_tensors,
    tensor_checksum,
    whole,
    write_json,
    write_tensors,
)
from diffcredit.models import families
from diffcredit.models.families import Family, Structure

WEIGHTS, CONFIG = "weights.safetensors", "config.json"


@dataclass(frozen=True)
class Trained:
    """A network with its model family and structure.

    Attributes:
        network: with the moving average of the weights.
        family: the model family.
        structure: of the network.
        averaged: number of training steps in the average, 0 without training; None if unknown.
        known: digest of the weights, if it is known already.
    """

    network: torch.nn.Module
    family: Family
    structure: Structure
    averaged: int | None = 0
    known: str | None = None

    def copy(self) -> "Trained":
        """An independent copy to train further."""
        return replace(self, network=copy.deepcopy(self.network), known=None)

    @property
    def digest(self) -> str:
        """A digest of the weights."""
        return self.known or _digest_of(self.family.trainable(self.network))


def fresh(family: Family, seed: int) -> Trained:
    """An untrained network, with weights initialized from a seed.

    Structure and seed determine the weights, so their digest can be computed without reading them.
    """
    network = family.build(family.structure, seed).eval()
    return Trained(network, family, family.structure, known=f"drawn from {seed}")


def _digest_of(tensors: Mapping[str, torch.Tensor]) -> str:
    return _digest({name: tensor_checksum(tensor) for name, tensor in tensors.items()})


def _digest(checksums: Mapping[str, str]) -> str:
    """A digest of the names and checksums of all tensors."""
    text = json.dumps(checksums, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def save(trained: Trained, folder: str | Path, facts: dict[str, Any] | None = None) -> None:
    """Write a model folder; ``facts`` are stored in its config.json under "facts"."""
    family = trained.family
    with whole(folder) as part:
        part.mkdir()
        write_tensors(family.trainable(trained.network), part / WEIGHTS)
        write_json(
            {
                "family": dict(family.settings),
                "structure": asdict(trained.structure),
                "base": family.base,
                "digest": _digest(read_tensor_checksums(part / WEIGHTS)),
                "averaged": trained.averaged,
                "facts": facts or {},
            },
            part / CONFIG,
        )


def folders(models: Path) -> list[Path]:
    """The folders of several models, sorted by name."""
    found = (path for path in models.iterdir() if path.is_dir())
    return sorted(path for path in found if not path.name.startswith("."))


def facts(folder: Path) -> dict[str, Any]:
    """The facts of a model, or `UserError`."""
    found = read_json(folder / CONFIG).get("facts")
    return found if isinstance(found, dict) else {}


def model_key(folder: Path) -> dict[str, int | None]:
    """What identifies a model of an approach and a removal distribution, or `UserError`.

    Returns:
        coalition (None for a model of no coalition), training_seed and step.
    """
    found = facts(folder)
    try:
        return {key: found[key] for key in ("coalition", "training_seed", "step")}
    except KeyError as error:
        raise UserError(f"{folder / CONFIG} lacks the fact {error}") from error


def described_by(folder: Path) -> dict[str, Any]:
    """Family and structure of a model as JSON values; or `UserError`."""
    stored = read_json(folder / CONFIG)
    return {key: stored.get(key) for key in ("family", "structure", "base")}


def digest(folder: Path) -> str:
    """The digest of a model's weights, without reading them.

    Raises:
        UserError: if it is missing, or does not match the stored checksums of the weights.
    """
    stored = read_json(folder / CONFIG).get("digest")
    if stored is None or stored != _digest(read_tensor_checksums(folder / WEIGHTS)):
        raise UserError(
            f"{folder / CONFIG} does not belong to {WEIGHTS}: its digest is missing or wrong\n"
            "    Hint: delete the folder and run again."
        )
    return str(stored)


def load(folder: str | Path) -> Trained:
    """Read a model folder.

    Raises:
        UserError: names the file that is missing, broken or of another network.
    """
    folder = Path(folder)
    stored = read_json(folder / CONFIG)
    weights, _ = read_tensors(folder / WEIGHTS)  # also verifies their checksums
    trained = described(stored, folder / CONFIG)
    _load_trainable(trained, weights, folder / WEIGHTS)
    return replace(trained, known=digest(folder))


def is_model(folder: Path) -> bool:
    """Whether a folder holds the files of a model folder."""
    return (folder / CONFIG).is_file() and (folder / WEIGHTS).is_file()


def described(stored: Mapping[str, Any], path: Path) -> Trained:
    """A network with fresh weights, or `UserError` naming a file that describes no network.

    Args:
        stored: content of a model's config.json.
        path: of that file.
    """
    try:
        family = families.of_settings(stored["family"])
        structure = Structure(**stored["structure"])
    except (KeyError, TypeError, ValueError, AttributeError, UserError) as error:
        raise _no_model(path, error) from error
    trained = of_structure(family, structure, stored.get("averaged"), path)
    if stored.get("base") != family.base:
        raise UserError(f"{path} describes a model of another base: {stored.get('base')}")
    return trained


def of_structure(family: Family, structure: Structure, averaged: int | None, path: Path) -> Trained:
    """A network with fresh weights, or `UserError` naming the file with an impossible structure."""
    try:
        network = family.build(structure, seed=0)
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError, UserError) as error:
        raise _no_model(path, error) from error
    return Trained(network, family, structure, averaged)


def _no_model(path: Path, error: Exception) -> UserError:
    return UserError(f"{path} does not describe a model: {error}")


def load_weights(
    network: torch.nn.Module, weights: dict[str, torch.Tensor], path: str | Path
) -> None:
    """Load all weights into a network, or raise `UserError` naming their file."""
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise _of_another_network(path, str(error).splitlines()[-1].strip()) from error


def _load_trainable(trained: Trained, weights: dict[str, torch.Tensor], path: Path) -> None:
    """Load the trainable weights of a model folder into a network that has its frozen weights."""
    own = trained.family.trainable(trained.network)
    if wrong := sorted(own.keys() ^ weights):
        raise _of_another_network(path, f"{wrong[0]} is in one of them alone")
    frozen = {k: v for k, v in trained.network.state_dict().items() if k not in own}
    load_weights(trained.network, {**frozen, **weights}, path)


def _of_another_network(path: str | Path, reason: str) -> UserError:
    return UserError(f"{path} holds the weights of another network: {reason}")
