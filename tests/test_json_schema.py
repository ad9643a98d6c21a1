"""The JSON schema, the configuration and the overlays agree."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from diffcredit.config import json_schema

ROOT = Path(__file__).parents[1]
SCHEMA = ROOT / "config.schema.json"
OVERLAYS = [
    ROOT / "config.yaml",
    ROOT / "tests/tiny.yaml",
    *sorted((ROOT / "experiments").glob("*.yaml")),
]
#: What an editor is to mark, and which key it is about.
WRONG = {
    "key that there is not": {"sampling": {"imagse": 3}},
    "option of another measure": {"behaviors": {"x": {"measure": {"name": "fid", "k": 3}}}},
    "measure that there is not": {"behaviors": {"x": {"measure": "fud"}}},
    "text for a number": {"full": {"steps": "many"}},
    "number out of range": {"full": {"steps": 0}},
    "unknown distribution": {"coalitions": {"x": {"distribution": "shaply"}}},
    "option of another distribution": {"coalitions": {"x": {"distribution": "none", "alpha": 0.5}}},
    "section that is a list": {"data": []},
}


def read(path: Path) -> Any:
    """A file as editors read it: by YAML 1.2, in which 1e-4 is a number."""
    text = re.sub(r"(?<=[ \[])(\d+)e(-?\d+)(?=[\s,\]}])", r"\1.0e\2", path.read_text())
    return yaml.safe_load(re.sub(r"e(\d+)(?=[\s,\]}])", r"e+\1", text))


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))


def test_the_committed_schema_is_that_of_the_code() -> None:
    command = "PYTHONPATH=workflow_scripts python -m diffcredit.config.json_schema"
    assert SCHEMA.read_text() == json_schema.text(), f"{command} > {SCHEMA.name}"


@pytest.mark.parametrize("path", OVERLAYS, ids=lambda path: path.name)
def test_configurations_are_valid_and_name_the_schema(
    validator: jsonschema.Draft202012Validator, path: Path
) -> None:
    errors = [
        f"{list(e.absolute_path)}: {e.message[:200]}" for e in validator.iter_errors(read(path))
    ]
    assert not errors
    line = re.match(r"# yaml-language-server: \$schema=(\S+)\n", path.read_text())
    assert line
    assert (path.parent / line[1]).resolve() == SCHEMA


@pytest.mark.parametrize("mistake", WRONG)
def test_editors_mark_mistakes(validator: jsonschema.Draft202012Validator, mistake: str) -> None:
    assert not validator.is_valid(WRONG[mistake])
