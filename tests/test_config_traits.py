"""What a building block requires of the model family is checked, whatever its kind."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from diffcredit.config import load
from diffcredit.errors import UserError
from diffcredit.registry import (
    FUNCTIONS,
    MEASURES,
    OBJECTIVES,
    PARAMETERS,
    PRUNERS,
    SCORES,
    Table,
)

ROOT = Path(__file__).parents[1]

#: Where the default, with gradients and a score, names a building block: table, name, key.
BLOCKS: dict[str, tuple[Table[Any], str, str]] = {
    "measure": (MEASURES, "fid", "behaviors.fid.measure"),
    "objective of an approach": (OBJECTIVES, "siss", "approaches.siss.objective"),
    "objective of the full model": (OBJECTIVES, "denoise", "full.objective"),
    "parameters": (PARAMETERS, "all", "pruned.parameters"),
    "function": (FUNCTIONS, "squared_norm", "gradients.grads.function"),
    "method": (SCORES, "trak", "attributions.it.method"),
    "pruner": (PRUNERS, "magnitude", "approaches.sft.start"),
}


def configured() -> dict[str, Any]:
    raw: dict[str, Any] = yaml.safe_load((ROOT / "config.yaml").read_text())
    raw["behaviors"]["loss"] = {"measure": {"name": "denoising_loss", "images": "generated"}}
    raw["approaches"]["siss"] = {
        "start": "full",
        "objective": "siss",
        "steps": 20,
        "learning_rate": 1e-4,
        "coalitions": {"full": 1},
    }
    raw["gradients"] = {"grads": {"function": "squared_norm"}}
    score = {"method": "trak", "gradients": "grads", "behaviors": ["loss"], "damping": 1.0}
    raw["attributions"]["it"] = score
    return raw


def test_default_family_has_what_its_building_blocks_require() -> None:
    load(configured(), ROOT)


@pytest.mark.parametrize("kind", BLOCKS)
def test_missing_trait_is_told_with_the_key(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    table, name, key = BLOCKS[kind]
    monkeypatch.setattr(table[name], "requires", frozenset({"latents", "channels"}))
    with pytest.raises(UserError) as caught:
        load(configured(), ROOT)
    (line,) = [line for line in str(caught.value).splitlines() if line.startswith(f"  {key} ")]
    assert f"{name} needs latents, which models of family pixel lack" in line
