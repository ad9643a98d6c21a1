"""Files of one's own are run once, and their code is known by a digest."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from overlays import overlaid

from diffcredit import extensions, registry
from diffcredit.config import Config, load
from diffcredit.errors import UserError
from diffcredit.registry import MEASURES, Table

ROOT = Path(__file__).parents[1]
TABLES = {name: found for name, found in vars(registry).items() if isinstance(found, Table)}
MEASURE = """
from diffcredit.behaviors.measure import SampleMeasure
from diffcredit.config.sections import Count
from diffcredit import registry
from diffcredit.registry import MEASURES, Table
from pydantic import Field

class Brightest(SampleMeasure):
    needs, better = None, "higher"

    class Options(SampleMeasure.Options):
        pixels: Count = Field(3, description="how many, 1 or more")

        def problems(self, key, config, base):
            most = config.data.image_size**2
            told = f"  {key}.pixels = {self.pixels}: at most {most}"
            return [] if self.pixels <= most else [told]

    def __call__(self, samples):
        return 1.0

MEASURES.add("brightest", Brightest)
"""


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "own.py"
    path.write_text(MEASURE)
    yield path
    if "brightest" in MEASURES:
        MEASURES.remove("brightest")


def configured(file: Path, measure: object) -> Config:
    raw = yaml.safe_load((ROOT / "config.yaml").read_text())
    overlay = {"extensions": [str(file)], "behaviors": {"own": {"measure": measure}}}
    return load(overlaid(raw, overlay), ROOT)


def test_readme_shows_code_that_is_tested(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (overlay,) = re.findall(r"```yaml\n(extensions:.*?)```", text, re.DOTALL)
    tested = (ROOT / "tests/extensions/one_of_each.py").read_text()
    shown = code[code.index("class ") : code.index("MEASURES.add")]
    assert shown in tested
    (tmp_path / "brightness.py").write_text(code)
    raw = overlaid(yaml.safe_load((ROOT / "config.yaml").read_text()), yaml.safe_load(overlay))
    raw["extensions"] = [str(tmp_path / name) for name in raw["extensions"]]
    try:
        found = load(raw, ROOT).behaviors["brightness"]
    finally:
        MEASURES.remove("brightness")
    assert found.measure.given == {"quantile": 0.6}


def test_what_a_file_registers_can_be_named(file: Path) -> None:
    config = configured(file, {"name": "brightest", "pixels": 5})
    assert config.behaviors["own"].measure.given == {"pixels": 5}
    assert config.behaviors["own"].better == "higher"
    assert configured(file, "brightest").behaviors["own"].measure.given == {"pixels": 3}


WRONG = {
    "option that it has not": ({"name": "brightest", "pixel": 5}, "did you mean 'pixels'?"),
    "value out of range": ({"name": "brightest", "pixels": 0}, "how many, 1 or more"),
    "what the option asks of the data": ({"name": "brightest", "pixels": 65}, "at most 64"),
    "name with a slip": ("brightes", "did you mean 'brightest'?"),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_mistakes_are_told_as_those_of_any_other(file: Path, mistake: str) -> None:
    measure, expected = WRONG[mistake]
    with pytest.raises(UserError) as caught:
        configured(file, measure)
    assert "behaviors.own.measure" in str(caught.value)
    assert expected in str(caught.value)


def test_code_counts_and_a_changed_file_runs_again(file: Path) -> None:
    first = configured(file, "brightest").behaviors["own"].model_dump()
    assert configured(file, "brightest").behaviors["own"].model_dump() == first
    file.write_text(MEASURE.replace("return 1.0", "return 2.0"))
    second = configured(file, "brightest").behaviors["own"].model_dump()
    assert second["measure"] != first["measure"]
    built_in = load(yaml.safe_load((ROOT / "config.yaml").read_text()), ROOT)
    assert "code" not in built_in.behaviors["fid"].model_dump()["measure"]


def test_a_job_notices_code_that_has_changed_since_the_run_was_started(file: Path) -> None:
    submitted = configured(file, "brightest").model_dump()
    file.write_text(MEASURE.replace("return 1.0", "return 2.0"))
    with pytest.raises(UserError, match="the code of brightest has changed"):
        Config.model_validate(submitted)


def test_files_of_one_name_in_two_folders_are_two(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        told = (
            f"from pathlib import Path\nPath({str(tmp_path / 'ran')!r}).open('a').write({name!r})\n"
        )
        (tmp_path / name / "own.py").write_text(told + MEASURE.replace("brightest", name))
    try:
        extensions.load(["first/own.py", "second/own.py", "first/own.py"], tmp_path)
    finally:
        for name in ("first", "second"):
            MEASURES.remove(name)
    assert (tmp_path / "ran").read_text() == "firstsecond"


@pytest.mark.slow
@pytest.mark.parametrize("table", TABLES)
def test_a_base_can_be_the_first_import_of_a_job(table: str) -> None:
    """Jobs run extensions before anything else of the library is imported."""
    code = f"from diffcredit.registry import {table}; print({table}.base.__name__)"
    library = ROOT / "workflow_scripts"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=library, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("table", TABLES)
def test_building_blocks_derive_from_the_base_of_their_table(table: str) -> None:
    blocks = TABLES[table]
    assert all(issubclass(blocks[name], blocks.base) for name in blocks)


BROKEN = {
    "registers nothing": ("x = 1\n", "it registers nothing"),
    "of another kind": (
        MEASURE.replace("MEASURES", "OBJECTIVES"),
        "TypeError: brightest: objective: it must derive from Objective",
    ),
    "options of no building block": (
        MEASURE.replace("class Options(SampleMeasure.Options):", "class Options:"),
        "TypeError: brightest: its class Options derives from Measure.Options",
    ),
    "a name of the library": (
        MEASURE.replace('add("brightest"', 'add("fid"'),
        "ValueError: fid: there is a measure of this name",
    ),
    "no such file": (None, "there is no such file"),
    "no Python": ("def broken(:\n", "line 1: invalid syntax"),
    "fails": ("\n\nimport nowhere\n", "line 3: ModuleNotFoundError: No module named 'nowhere'"),
    "ends the program": ("raise SystemExit(3)\n", "line 1: SystemExit: 3"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_file_is_told_with_its_line(tmp_path: Path, fault: str) -> None:
    text, expected = BROKEN[fault]
    if text is not None:
        (tmp_path / "own.py").write_text(text)
    with pytest.raises(UserError) as caught:
        extensions.load(["own.py"], tmp_path)
    assert "extensions = 'own.py'" in str(caught.value)
    assert expected in str(caught.value)
