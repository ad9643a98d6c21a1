"""How the model itself is asked for what it makes of given images."""

from collections.abc import Mapping
from dataclasses import dataclass

from diffcredit.seeds import derive


@dataclass(frozen=True)
class Setting:
    """How models are queried; the same for all, so that their values compare.

    Attributes:
        timesteps: noise levels of the training schedule.
        steps: DDIM steps of sampling.
        batch_size: images at a time.
        seed: of the noises.
        device: "cpu" or "cuda".
    """

    timesteps: int
    steps: int
    batch_size: int
    seed: int
    device: str

    @classmethod
    def of_run(
        cls, timesteps: int, sampling: Mapping[str, int], seed: int, device: str
    ) -> "Setting":
        """That of a run.

        Args:
            timesteps: as of the attribute.
            sampling: has the DDIM ``steps``, and the images at a time, ``batch_size``.
            seed: of the run.
            device: "cpu" or "cuda".
        """
        noises = derive(seed, "query noise")
        return cls(timesteps, sampling["steps"], sampling["batch_size"], noises, device)
