"""Which way is good is said once, where a measure is declared, and read from there alone."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from diffcredit.attribution.image_scores.contributors import ExplainedBehavior
from diffcredit.behaviors.fid import Fid
from diffcredit.behaviors.measure import SampleMeasure
from diffcredit.config import Behavior, Records, load
from diffcredit.errors import UserError
from diffcredit.evaluation.unlearning import criteria
from diffcredit.registry import MEASURES, Better
from diffcredit.report.style import direction

ROOT = Path(__file__).parents[1]

BETTER: dict[str, Better] = {
    "fid": "lower",
    "inception_score": "higher",
    "entropy": "higher",
    "precision": "higher",
    "recall": "higher",
    "diversity": "higher",
    "aesthetic": "higher",
    "clip_prompt": "higher",
    "clip_iqa": "higher",
    "mse": "lower",
    "nrmse": "lower",
    "ssim": "higher",
    "similarity": "higher",
    "denoising_loss": "lower",
    "reconstruction": "higher",
    "occurrence": "higher",
    "likelihood": "lower",
}


def test_every_measure_has_its_direction() -> None:
    assert {name: MEASURES[name].better for name in BETTER} == BETTER


@pytest.mark.parametrize("forgotten", ["better", "needs"])
def test_a_measure_cannot_forget_it(forgotten: str) -> None:
    said = {"needs": "features", "better": None}
    type("Own", (SampleMeasure,), dict(said))
    del said[forgotten]
    with pytest.raises(TypeError, match=f"measure Own must say {forgotten}"):
        type("Own", (SampleMeasure,), said)
    assert not hasattr(SampleMeasure, forgotten)


def behavior(name: str, **keys: Any) -> Behavior:
    options = {"clip_prompt": {"prompt": "a cat"}}.get(name, {})
    return Behavior.model_validate({"measure": {"name": name, **options}, **keys})


@pytest.mark.parametrize("transform", ["none", "log"])
@pytest.mark.parametrize("name", BETTER)
def test_a_behavior_has_that_of_its_measure_whatever_its_transform(
    name: str, transform: str
) -> None:
    """The logarithm rises: it turns nothing around."""
    found = behavior(name, transform=transform)
    assert found.better == BETTER[name]
    assert found.sign == (-1 if BETTER[name] == "lower" else 1)


@pytest.mark.parametrize("name", [name for name, b in BETTER.items() if b])
def test_forgetting_is_the_other_way(name: str) -> None:
    quality, forgetting = criteria("fid", name, {"fid": "lower", name: BETTER[name]})
    assert quality.better == "lower"
    assert {forgetting.better, BETTER[name]} == {"lower", "higher"}


@pytest.mark.parametrize(
    ("better", "told"),
    [
        ("lower", "lower is better"),
        ("higher", "higher is better"),
        (None, "which way is better is unknown"),
    ],
)
def test_the_direction_in_words(better: Better, told: str) -> None:
    assert direction(better) == told


@pytest.mark.parametrize(("better", "sign"), [("lower", -1), ("higher", 1), (None, 1)])
def test_scores_say_how_much_an_image_helps(better: Better, sign: int) -> None:
    assert ExplainedBehavior(scores=None, better=better, whole=False).sign == sign  # type: ignore[arg-type]


def test_one_added_measure_has_the_direction_of_its_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """A measure of which neither way is better judges no approach that deletes images."""
    for name, way in (("more", "higher"), ("less", "lower"), ("neither", None)):
        own = type("Own", (Fid,), {"better": way})
        monkeypatch.setitem(MEASURES._targets, "fid", own)
        assert behavior("fid").better == way, name
    raw = yaml.safe_load((ROOT / "config.yaml").read_text())
    raw["behaviors"]["known"] = {"measure": {"name": "denoising_loss", "images": "removed"}}
    raw["approaches"]["siss"] = {"start": "full", "objective": "siss", "steps": 4}
    raw["approaches"]["siss"]["learning_rate"] = 0.001
    raw["unlearning"] = {
        "remove": {"contributor": 0},
        "approaches": ["siss"],
        "forgetting": "known",
    }
    with pytest.raises(UserError, match=r"unlearning.quality = 'fid': neither more nor less"):
        load(raw)


RECORDS = {
    "contributors": 6,
    "behaviors": ["fid_value", "is"],
    "tables": {"test": {"path": "x.jsonl", "drawn": {"distribution": "datamodel"}}},
}


@pytest.mark.parametrize("better", [{}, {"fid_value": "lower"}, {"is": "higher"}])
def test_records_say_it_or_it_is_unknown(better: dict[str, str]) -> None:
    assert Records.model_validate(RECORDS | {"better": better}).better == better


@pytest.mark.parametrize("wrong", [{"fid_value": "less"}, {"fid_value": None}, {"fid_value": True}])
def test_records_say_lower_or_higher(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Records.model_validate(RECORDS | {"better": wrong})
