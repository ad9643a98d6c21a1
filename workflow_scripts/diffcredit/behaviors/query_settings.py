"""How the model itself is asked for what it makes of given images."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from diffcredit.models.families import Family
from diffcredit.seeds import derive


@dataclass(frozen=True)
class QuerySettings:
    """How models are queried; the same for all, so that their values compare.

    Attributes:
        family: of the models.
        steps: DDIM steps of sampling.
        batch_size: images at a time.
        seed: of the noises.
        device: "cpu" or "cuda".
    """

    family: Family
    steps: int
    batch_size: int
    seed: int
    device: str

    @classmethod
    def of_run(
        cls, family: Family, sampling: Mapping[str, int], seed: int, device: str
    ) -> "QuerySettings":
        """That of a run.

        Args:
            family: of the models.
            sampling: has the DDIM ``steps``, and the images at a time, ``batch_size``.
            seed: of the run.
            device: "cpu" or "cuda".
        """
        noises = derive(seed, "query noise")
        return cls(family, sampling["steps"], sampling["batch_size"], noises, device)

    def clean(self, images: torch.Tensor) -> torch.Tensor:
        """(n, *shape) x_0 of (n, c, h, w) uint8 images, on the device."""
        return self.family.clean(self.family.encode(images)).to(self.device)

    @property
    def facts(self) -> dict[str, Any]:
        """All of it that values depend on, as JSON can hold it."""
        own = {"steps": self.steps, "batch_size": self.batch_size, "seed": self.seed}
        return {"family": dict(self.family.settings), **own}
