"""Names of contributors, classes and images, where the configuration or the user's files tell."""

from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from diffcredit import folders
from diffcredit.config import classes
from diffcredit.config.counts import known_classes, known_names
from diffcredit.config.data import Data
from diffcredit.errors import UserError

#: Images of a folder that are looked for, which may have many.
LOOKED_AT = 5


def names(raw: dict[str, Any], key: str, base: Path = Path()) -> list[str]:
    """What a key may name, for a hint; empty where that is unknown or the data is wrong.

    Args:
        raw: the configuration as read from YAML.
        key: that names contributors, classes or images.
        base: folder that data.path is relative to.
    """
    try:
        data = Data.model_validate(raw.get("data"))
        if "contributor" in key:
            return known_names(data, base) or []
        if "label" in key:
            found = known_classes(data, base)
            return found if key.startswith("data.") else classes.kept_names(data.labels, found)
        return _images(data, base)
    except (ValidationError, UserError, OSError):
        return []


def _images(data: Data, base: Path) -> list[str]:
    """The first files of a folder; images of other sources are called by their numbers."""
    if data.path is None:
        return []
    seen = folders.walk(base / Path(data.path).expanduser())
    return list(islice((entry.name for entry in seen if not entry.why_not), LOOKED_AT))
