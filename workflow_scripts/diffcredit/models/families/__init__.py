"""Model families: what is noised, and what predicts the noise.

A family is a class of one file that derives from `family.Family`, and one line in the registry. Its
options are the section `model` of the configuration. Everything else - trainings, samplers,
measures, gradients - asks it for what it needs and does not know which one it is.
"""

from collections.abc import Mapping
from typing import Any

from diffcredit.config.options import Registered
from diffcredit.errors import UserError
from diffcredit.models.families.family import Family, FamilyOptions, Structure
from diffcredit.registry import FAMILIES

__all__ = ["Family", "FamilyOptions", "Structure", "build", "of_settings"]


def of_settings(settings: Mapping[str, Any]) -> Family:
    """The family of some settings.

    Args:
        settings: the section ``model`` of a configuration, ``image_size`` and ``channels`` of the
            images.

    Raises:
        UserError: where nothing has the name of the family.
    """
    if (name := settings["model"]["family"]) not in FAMILIES:
        raise UserError(f"there is no model family {name!r}; accepted: {', '.join(FAMILIES)}")
    options: Any = Registered(FAMILIES, tag="family").validate(settings["model"])
    return build(options, settings["image_size"], settings["channels"])


def build(options: FamilyOptions, image_size: int, channels: int) -> Family:
    """The family that a section ``model`` names, for images of a size.

    Args:
        options: the section.
        image_size: side of the images in pixels.
        channels: of the images, 1 or 3.
    """
    made: Family = FAMILIES[options.family].of(options, image_size, channels)
    return made
