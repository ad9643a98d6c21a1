"""The samples of a shard in one file: the images of each model, read when they are needed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from diffcredit.files import read_facts, read_tensors, write_tensors

if TYPE_CHECKING:
    import torch

#: Name of the fact that tells of each model its coalition, training_seed and step, and its
#: seconds_training and seconds_sampling.
MODELS = "models"
#: And of those that tell the prompt of each image and the training image whose caption that is;
#: None where images are drawn without.
PROMPTS, ROWS = "prompts", "rows"


@dataclass(frozen=True)
class ModelSamples:
    """What one model drew.

    Attributes:
        path: file of its shard.
        name: of its images in the file.
        model: coalition (None for a model of no coalition), training_seed and step of the model.
        seconds: seconds_training and seconds_sampling.
    """

    path: Path
    name: str
    model: Mapping[str, int | None]
    seconds: Mapping[str, float]

    @property
    def coalition(self) -> int | None:
        """Number of its coalition."""
        return self.model["coalition"]

    @property
    def described(self) -> str:
        """Which model it is, for messages."""
        told = ", ".join(
            f"{key.replace('_', ' ')} {value}"
            for key, value in self.model.items()
            if value is not None
        )
        return f"the model of {told} in {self.path}"

    def images(self) -> "torch.Tensor":
        """(n, c, h, w) uint8, read from the file."""
        return read_tensors(self.path, [self.name])[0][self.name]


def read_shard(path: str | Path) -> list[ModelSamples]:
    """What the models of a shard drew, sorted by name; `UserError` if the file is broken."""
    path = Path(path)
    return [
        ModelSamples(
            path,
            name,
            {key: facts[key] for key in ("coalition", "training_seed", "step")},
            {key: facts[key] for key in ("seconds_training", "seconds_sampling")},
        )
        for name, facts in sorted(read_facts(path)[MODELS].items())
    ]


def write_shard(
    images: Mapping[str, "torch.Tensor"],
    models: Mapping[str, Mapping[str, float | None]],
    path: str | Path,
) -> None:
    """Write what the models of a shard drew.

    Args:
        images: name -> (n, c, h, w) uint8.
        models: name -> what `MODELS` tells of the model.
        path: file to write.
    """
    write_tensors(images, path, {MODELS: models, PROMPTS: None, ROWS: None})
