"""Files laid over each other: a section that names another building block begins anew."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from overlays import overlaid

from diffcredit.config import source
from diffcredit.config.replaced import without_replaced

BASE = {
    "model": {"family": "pixel", "channels": [16, 32], "timesteps": 1000},
    "approaches": {"a": {"objective": {"name": "gradient_ascent", "ga_ratio": 2.0}, "steps": 5}},
    "behaviors": {"name": {"measure": "fid"}, "fid": {"measure": "fid"}},
}

#: Overlay, what the model and the objective are then, and what is told.
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], list[str]]] = {
    "nothing": (
        {"experiment": "mine"},
        BASE["model"],
        {"name": "gradient_ascent", "ga_ratio": 2.0},
        [],
    ),
    "an option": (
        {"model": {"timesteps": 10}},
        {"family": "pixel", "channels": [16, 32], "timesteps": 10},
        {"name": "gradient_ascent", "ga_ratio": 2.0},
        [],
    ),
    "another family": (
        {"model": {"family": "latent", "timesteps": 50}},
        {"family": "latent", "timesteps": 50},
        {"name": "gradient_ascent", "ga_ratio": 2.0},
        ["model.family = latent instead of pixel, without its channels"],
    ),
    "the same family": (
        {"model": {"family": "pixel"}},
        BASE["model"],
        {"name": "gradient_ascent", "ga_ratio": 2.0},
        [],
    ),
    "another objective": (
        {"approaches": {"a": {"objective": {"name": "siss", "mixture": 0.5}}}},
        BASE["model"],
        {"name": "siss", "mixture": 0.5},
        ["approaches.a.objective.name = siss instead of gradient_ascent, without its ga_ratio"],
    ),
    "another objective by its name alone": (
        {"approaches": {"a": {"objective": "siss"}}},
        BASE["model"],
        "siss",
        [],
    ),
}


def files(folder: Path, *contents: dict[str, Any]) -> list[source.ConfigFile]:
    paths = [folder / f"{number}.yaml" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_text(yaml.safe_dump(content))
    return source.read_all(paths)


@pytest.mark.parametrize("case", CASES)
def test_options_of_another_building_block_go(tmp_path: Path, case: str) -> None:
    overlay, model, objective, lines = CASES[case]
    merged = overlaid(BASE, overlay)
    found, told = without_replaced(merged, files(tmp_path, BASE, overlay))
    assert found["model"] == model
    assert found["approaches"]["a"]["objective"] == objective
    assert found["approaches"]["a"]["steps"] == 5
    assert found["behaviors"] == BASE["behaviors"]
    assert len(told) == len(lines)
    assert all(line in one for one, line in zip(told, lines, strict=True))
    assert merged == overlaid(BASE, overlay)


def test_of_three_files_the_last_building_block_counts(tmp_path: Path) -> None:
    second = {"model": {"family": "latent", "scaling": 0.2}}
    third = {"model": {"family": "pixel", "head_dim": 4}}
    merged = overlaid(overlaid(BASE, second), third)
    found, told = without_replaced(merged, files(tmp_path, BASE, second, third))
    assert found["model"] == {"family": "pixel", "head_dim": 4}
    assert len(told) == 2


def test_option_of_the_command_line_stays(tmp_path: Path) -> None:
    overlay = {"model": {"family": "latent"}}
    merged = overlaid(overlaid(BASE, overlay), {"model": {"channels": [8]}})
    found, _ = without_replaced(merged, files(tmp_path, BASE, overlay))
    assert found["model"] == {"family": "latent", "channels": [8]}


def test_json_counts_as_well(tmp_path: Path) -> None:
    path = tmp_path / "overlay.json"
    path.write_text('{\n\t"model": {"family": "latent"}\n}')
    merged = overlaid(BASE, {"model": {"family": "latent"}})
    sources = [*files(tmp_path, BASE), *source.read_all([path])]
    assert without_replaced(merged, sources)[0]["model"] == {"family": "latent"}
