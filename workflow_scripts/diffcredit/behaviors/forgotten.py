"""The stopping rule of unlearning: a model has forgotten the removed images far enough."""

import hashlib
from pathlib import Path

import torch

from diffcredit.behaviors.extractor import Extractor
from diffcredit.behaviors.model_behaviors import make
from diffcredit.behaviors.query_settings import QuerySettings
from diffcredit.behaviors.scoring import transformed
from diffcredit.config import Behavior
from diffcredit.logs import logger
from diffcredit.models import checkpoints
from diffcredit.training.recipe import Stop


def stop(
    name: str,
    behavior: Behavior,
    level: float,
    images: torch.Tensor,
    setting: QuerySettings,
    extractors: dict[str, Extractor],
) -> Stop:
    """A stopping rule: the mean of a behavior over removed images has reached a level.

    A model that has forgotten more has a worse value: lower where higher is better, and vice versa.

    Args:
        name: of the behavior.
        behavior: a measure of the model itself.
        level: the value to reach.
        images: (n, c, h, w) uint8 removed images.
        setting: of queries.
        extractors: name -> extractor, that of the behavior, if any.
    """
    measure = make(behavior, images, setting, extractors)

    def reached(folder: Path) -> bool:
        value = float(
            transformed(name, behavior, measure(checkpoints.load(folder)), f"{folder}").mean()
        )
        logger.info("%s: %s = %.4g", folder.name, name, value)
        return behavior.sign * value <= behavior.sign * level

    shown = hashlib.blake2b(images.numpy().tobytes(), digest_size=16).hexdigest()
    dumped = behavior.model_dump()
    facts = {"behavior": dumped, "level": level, "images": shown, "setting": setting.facts}
    return Stop(reached, facts)
