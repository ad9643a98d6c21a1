"""Model families: the representation that is noised, and the network that predicts the noise.

A new family is one class in a file here, derived from `family.Family`, and one line in the
registry. Its options are the section `model` of the configuration. All other code (trainings,
samplers, measures, gradients) uses only the interface of `family.Family`.
"""

from collections.abc import Mapping
from typing import Any

from diffcredit.config.options import Registered
from diffcredit.errors import UserError
from diffcredit.models.families.family import (
    Family,
    FamilyOptions,
    NetworkSizes,
    Pretrained,
    Structure,
)
from diffcredit.registry import FAMILIES

__all__ = [
    "Family",
    "FamilyOptions",
    "NetworkSizes",
    "Pretrained",
    "Structure",
    "build",
    "of_settings",
]


def of_settings(settings: Mapping[str, Any]) -> Family:
    """The family with given settings.

    Args:
        settings: the section ``model`` of a configuration, ``image_size`` and ``channels`` of the
            images.

    Raises:
        UserError: if no family has this name.
    """
    if (name := settings["model"]["family"]) not in FAMILIES:
        raise UserError(f"there is no model family {name!r}; accepted: {', '.join(FAMILIES)}")
    options: Any = Registered(FAMILIES, tag="family").validate(settings["model"])
    return build(options, settings["image_size"], settings["channels"])


def build(options: FamilyOptions, image_size: int, channels: int) -> Family:
    """The family of a section ``model``, for images of a size.

    Args:
        options: the section.
        image_size: side of the images in pixels.
        channels: of the images, 1 or 3.
    """
    made: Family = FAMILIES[options.family].of(options, image_size, channels)
    return made
