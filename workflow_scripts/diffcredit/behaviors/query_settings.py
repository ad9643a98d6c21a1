"""Settings for evaluating models on query images."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from diffcredit.models.families import Family
from diffcredit.seeds import derive


@dataclass(frozen=True)
class QuerySettings:
    """How models are queried; the same for all models, so that their values are comparable.

    Attributes:
        family: of the models.
        steps: DDIM steps of sampling.
        batch_size: images in a batch.
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
        """The settings of a run.

        Args:
            family: of the models.
            sampling: with the DDIM ``steps`` and the ``batch_size``.
            seed: of the run.
            device: "cpu" or "cuda".
        """
        noises = derive(seed, "query noise")
        return cls(family, sampling["steps"], sampling["batch_size"], noises, device)

    def clean(self, images: torch.Tensor) -> torch.Tensor:
        """(n, *shape) clean x_0 of (n, c, h, w) uint8 images, on the device."""
        return self.family.clean(self.family.encode(images)).to(self.device)

    @property
    def facts(self) -> dict[str, Any]:
        """All settings that values depend on, for JSON."""
        own = {"steps": self.steps, "batch_size": self.batch_size, "seed": self.seed}
        return {"family": dict(self.family.settings), **own}
