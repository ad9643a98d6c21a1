"""The JSON schema of configurations, by which editors complete and check what is written.

`python -m diffcredit.config.json_schema` prints it; it is committed as config.schema.json. An
overlay gives any part of a configuration, and null takes an entry or a key away, so that no key is
required.
"""

import json
import sys
from typing import Any

from diffcredit.config import Config


def json_schema() -> dict[str, Any]:
    """The schema of config.yaml and of overlays."""
    found = _optional(Config.model_json_schema())
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "diffcredit",
        **found,
    }


def text() -> str:
    """What config.schema.json holds."""
    return json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"


def _optional(schema: Any) -> Any:
    """A schema in which no key is required, and null stands for the default of any."""
    if isinstance(schema, list):
        return [_optional(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _optional(value) for key, value in schema.items() if key != "required"}
    for kind in ("properties", "patternProperties"):
        if isinstance(inner := found.get(kind), dict):
            found[kind] = {key: _nullable(value) for key, value in inner.items()}
    return found


def _nullable(schema: Any) -> Any:
    """Overlays take keys away by null."""
    if not isinstance(schema, dict) or "const" in schema:
        return schema
    about = {key: schema[key] for key in ("title", "description", "default") if key in schema}
    inner = {key: value for key, value in schema.items() if key not in about}
    return {**about, "anyOf": [inner, {"type": "null"}]}


if __name__ == "__main__":
    sys.stdout.write(text())
