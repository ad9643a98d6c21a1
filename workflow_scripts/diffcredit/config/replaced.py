"""Options of a building block that a later file replaces by another one.

Snakemake lays a file over those before key by key. So a section that names another building block
than before would keep options that the new one does not have, or for which it has other defaults.
It begins anew instead.
"""

import copy
from collections.abc import Iterator, Sequence
from typing import Any

from diffcredit.config.source import ConfigFile, Keys

#: Keys that name a building block whose options stand beside them.
TAGS = ("name", "family", "distribution", "kind", "method")
#: Sections whose keys are those of a user's file, whatever they are called.
NOT_OURS = ("where",)


def without_replaced(
    config: dict[str, Any], sources: Sequence[ConfigFile]
) -> tuple[dict[str, Any], list[str]]:
    """A configuration without the options of building blocks that later files replace.

    Args:
        config: as Snakemake made it of the files.
        sources: the files, later ones laid over those before.

    Returns:
        The configuration, and one line for each replaced building block that had options.
    """
    kept, told = copy.deepcopy(config), []
    before: Any = {}
    for source in sources:
        for keys, tag, left in _replaced(before, source.content, ()):
            section, old = _at(kept, keys), _at(before, keys)
            gone = [key for key in left if _is_left(section, old, key)]
            for key in gone:
                del section[key]
            if gone:
                name = ".".join(map(str, keys))
                told.append(
                    f"{source.path}: {name}.{tag} = {_block(section, tag)} instead of "
                    f"{_block(old, tag)}, without its {', '.join(gone)}"
                )
        before = _laid_over(before, source.content)
    return kept, told


def _replaced(before: Any, after: Any, keys: Keys) -> Iterator[tuple[Keys, str, list[str]]]:
    """Keys, tag and old options of each section that names another building block."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return
    if tag := _other_block(before, after):
        yield keys, tag, [key for key in before if key not in after]
        return
    for key in before.keys() & after.keys() - {*NOT_OURS}:
        yield from _replaced(before[key], after[key], (*keys, key))


def _other_block(before: dict[str, Any], after: dict[str, Any]) -> str | None:
    """The key by which two versions of a section name different building blocks."""
    for tag in TAGS:
        names = _block(before, tag), _block(after, tag)
        if all(names) and names[0] != names[1]:
            return tag
    return None


def _block(section: dict[str, Any], tag: str) -> str | None:
    """The name of the building block of a section; None where it names none."""
    named = section.get(tag)
    if isinstance(named, dict):
        named = named.get("name")
    return named if isinstance(named, str) else None


def _laid_over(before: Any, after: Any) -> Any:
    """One file over those before it, as Snakemake and this module lay it."""
    if not (isinstance(before, dict) and isinstance(after, dict)) or _other_block(before, after):
        return after
    return before | {key: _laid_over(before.get(key), value) for key, value in after.items()}


def _at(config: Any, keys: Keys) -> Any:
    for key in keys:
        config = config.get(key) if isinstance(config, dict) else None
    return config


def _is_left(section: Any, old: dict[str, Any], key: str) -> bool:
    """Whether a section has an option as an earlier file gave it, and not as --config did."""
    return isinstance(section, dict) and key in section and section[key] == old[key]
