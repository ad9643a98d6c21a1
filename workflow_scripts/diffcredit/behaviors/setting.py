"""How the model itself is asked for what it makes of given images."""

from dataclasses import dataclass


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
