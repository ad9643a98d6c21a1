"""The samples of a shard in one file: the images of each model, read when they are asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from diffcredit.files import read_facts, read_tensors, write_tensors

if TYPE_CHECKING:
    import torch

#: Name of the fact that tells the seconds of each model.
SECONDS = "seconds"
#: And of those that tell the prompt of each image and the training image whose caption that is;
#: None where images are drawn without.
PROMPTS, ROWS = "prompts", "rows"


@dataclass(frozen=True)
class ModelSamples:
    """What one model drew.

    Attributes:
        path: file of its shard.
        name: of the model: the number of its coalition, with zeros before it.
        seconds: seconds_training and seconds_sampling.
    """

    path: Path
    name: str
    seconds: Mapping[str, float]

    @property
    def coalition(self) -> int:
        """Number of its coalition."""
        return int(self.name)

    @property
    def described(self) -> str:
        """Which model it is, for messages."""
        return f"coalition {self.coalition} of {self.path}"

    def images(self) -> "torch.Tensor":
        """(n, c, h, w) uint8, read from the file."""
        return read_tensors(self.path, [self.name])[0][self.name]


def read_shard(path: str | Path) -> list[ModelSamples]:
    """What the models of a shard drew, in the order of their coalitions; `UserError` if broken."""
    path = Path(path)
    seconds = read_facts(path)[SECONDS]
    return [ModelSamples(path, name, seconds[name]) for name in sorted(seconds)]


def write_shard(
    images: Mapping[str, "torch.Tensor"],
    seconds: Mapping[str, Mapping[str, float]],
    path: str | Path,
) -> None:
    """Write what the models of a shard drew.

    Args:
        images: name -> (n, c, h, w) uint8.
        seconds: name -> seconds_training and seconds_sampling.
        path: file to write.
    """
    write_tensors(images, path, {SECONDS: seconds, PROMPTS: None, ROWS: None})
