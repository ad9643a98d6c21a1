"""Which classes `data.labels` keeps."""

from collections.abc import Sequence
from dataclasses import replace

from diffcredit.config.names import Matches, find, of_keys
from diffcredit.errors import UserError


def kept(labels: Sequence[int | str] | None, names: Sequence[str]) -> Matches:
    """The classes that are kept, their numbers sorted.

    Args:
        labels: names of classes or, where none is named so, their numbers; None for all.
        names: of all classes, from 0.

    Raises:
        UserError: where one is unknown, or named twice.
    """
    if labels is None:
        return Matches(list(range(len(names))))
    meant = find(of_keys("data.labels", labels), names, "class")
    if len(set(meant.numbers)) < len(meant.numbers):
        raise UserError(f"data.labels = {labels!r}: names a class twice")
    return replace(meant, numbers=sorted(meant.numbers))


def kept_names(labels: Sequence[int | str] | None, names: Sequence[str]) -> list[str]:
    """Names of the classes that are kept, in the order of their new numbers."""
    return [names[number] for number in kept(labels, names).numbers]
