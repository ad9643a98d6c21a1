"""Where the steps and the model of the digits are taken for other images, that is told."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from diffcredit.config import load
from diffcredit.config.demonstration import APPROACHES, unfit_defaults

ROOT = Path(__file__).parents[1]


def configured(tmp_path: Path, **sections: Any) -> str | None:
    """What is said of own images, with other values of some sections."""
    raw = yaml.safe_load((ROOT / "config.yaml").read_text())
    (tmp_path / "own").mkdir()
    own = {"source": "folder", "path": "own", "image_size": 32, "channels": 3}
    raw["data"] |= own | {"contributors": 3} | sections.pop("data", {})
    for name, keys in sections.items():
        raw[name] |= keys
    return unfit_defaults(load(raw, tmp_path))


def test_digits_have_their_own() -> None:
    raw = yaml.safe_load((ROOT / "config.yaml").read_text())
    assert unfit_defaults(load(raw, ROOT)) is None
    for name, keys in APPROACHES.items():
        assert {key: raw["approaches"][name][key] for key in keys} == keys


def test_all_are_told_with_their_values(tmp_path: Path) -> None:
    told = configured(tmp_path)
    assert told is not None
    for part in (
        "32x32",
        "model.channels = [16, 32]",
        "full.steps = 400",
        "pruned.steps = 200",
        "classifier.steps = 250",
        "approaches.sft.steps = 80",
        "approaches.retrain.steps = 200",
        "approaches.retrain.learning_rate = 0.006",
        "pruned.learning_rate = 0.003",
        "classifier.channels = 32",
        "model.attention = [false, true]",
    ):
        assert part in told


@pytest.mark.parametrize(
    ("section", "keys", "gone"),
    [
        ("model", {"channels": [32, 64]}, "model.channels"),
        ("full", {"steps": 5000}, "full.steps"),
        ("full", {"learning_rate": 1e-4}, "full.learning_rate"),
        ("classifier", {"steps": 2000}, "classifier.steps"),
        ("pruned", {"steps": 2000}, "pruned.steps"),
        ("sampling", {"steps": 50}, "sampling.steps"),
    ],
)
def test_chosen_ones_are_not_told(
    section: str, keys: dict[str, Any], gone: str, tmp_path: Path
) -> None:
    told = configured(tmp_path, **{section: keys})
    assert told is not None
    assert gone not in told
