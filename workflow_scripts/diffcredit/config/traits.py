"""Checks of the traits that building blocks need of the model family."""

from collections.abc import Set

from diffcredit.registry import FAMILIES


def lacking(family: str, block: str, traits: Set[str]) -> str | None:
    """What to say where a family lacks traits that a building block needs; None where it does not.

    Args:
        family: name of the family.
        block: name of the building block.
        traits: that it needs.
    """
    missing = sorted(traits - FAMILIES[family].traits)
    if not missing:
        return None
    fitting = [name for name, other in FAMILIES.items() if traits <= other.traits]
    accepted = f"; model.family must be one of: {', '.join(fitting)}" if fitting else ""
    return f"{block} needs {', '.join(missing)}, which models of family {family} lack{accepted}"
