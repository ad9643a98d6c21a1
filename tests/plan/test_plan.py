"""What a configuration makes: what changes with each key, and what stays."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from overlays import overlaid

from diffcredit.config import load
from diffcredit.plan import Code, Made, Plan, UserFiles

ROOT = Path(__file__).parents[2]

THINGS: dict[str, Callable[[Plan], Made]] = {
    "data": lambda plan: plan.data(),
    "classifier": lambda plan: plan.classifier(),
    "full": lambda plan: plan.full(),
    "pruned": lambda plan: plan.pruned(),
    "samples of full": lambda plan: plan.sample_model("full"),
    "first coalitions": lambda plan: plan.coalitions("shapley", 0),
    "first sft models": lambda plan: plan.subsets("sft", "shapley", 0, 0),
    "other seed": lambda plan: plan.subsets("retrain", "datamodel", 1, 0),
    "its scores": lambda plan: plan.score("retrain", "datamodel", 1, 0),
    "sft behaviors": lambda plan: plan.behaviors("sft/shapley"),
    "retrain behaviors": lambda plan: plan.behaviors("retrain/datamodel"),
    "attribution": lambda plan: plan.attributions.attribution("datamodel"),
    "lds": lambda plan: plan.evaluation.lds(),
    "its figure": lambda plan: plan.evaluation.figure_lds(),
}
OF_SFT = {"first sft models", "sft behaviors", "attribution", "lds", "its figure"}
OF_RETRAIN = {"other seed", "its scores", "retrain behaviors", "lds", "its figure"}
SCORED = {"its scores", "sft behaviors", "retrain behaviors", "attribution", "lds", "its figure"}

CHANGES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "seed": ({"seed": 1}, set(THINGS)),
    "data.concentration": ({"data": {"concentration": 5.0}}, set(THINGS)),
    "classifier.steps": ({"classifier": {"steps": 300}}, {"classifier"} | SCORED),
    "full.steps": ({"full": {"steps": 500}}, {"full", "pruned", "samples of full"} | OF_SFT),
    "training of full alone": (
        {"full": {"training": {"schedule": "constant"}}},
        {"full", "pruned", "samples of full"} | OF_SFT,
    ),
    "training of pruned alone": (
        {"pruned": {"training": {"optimizer": "adamw"}}},
        {"pruned"} | OF_SFT,
    ),
    "parameters of pruned": ({"pruned": {"parameters": "lora"}}, {"pruned"} | OF_SFT),
    "pruned.ratio": ({"pruned": {"ratio": 0.5}}, {"pruned"} | OF_SFT),
    "approaches.sft.steps": ({"approaches": {"sft": {"steps": 90}}}, OF_SFT),
    "approaches.retrain.learning_rate": (
        {"approaches": {"retrain": {"learning_rate": 0.01}}},
        OF_RETRAIN,
    ),
    "sampling.steps": ({"sampling": {"steps": 11}}, {"samples of full"} | SCORED),
    "a behavior": ({"behaviors": {"more": {"measure": "recall"}}}, SCORED | {"attribution"}),
    "more coalitions": (
        {"coalitions": {"shapley": {"count": 120}}},
        {"sft behaviors", "attribution", "lds", "its figure"},
    ),
    "more training seeds": (
        {"approaches": {"retrain": {"coalitions": {"datamodel": 3}}}},
        {"retrain behaviors", "lds", "its figure"},
    ),
    "how balanced coalitions are": (
        {"coalitions": {"shapley": {"balanced": False}}},
        {"first coalitions"} | OF_SFT,
    ),
    "evaluation.lds.resamples": (
        {"evaluation": {"lds": {"resamples": 200}}},
        {"lds", "its figure"},
    ),
    "execution": ({"execution": {"checkpoint_steps": 7, "device": "cpu"}}, set()),
    "experiment": ({"experiment": "other"}, set()),
}


def planned(tmp_path: Path, overlay: dict[str, Any], code: Code | None = None) -> Plan:
    raw = yaml.safe_load((ROOT / "config.yaml").read_text())
    config = load(overlaid(raw, overlay), ROOT)
    return Plan(config, UserFiles(config, ROOT, tmp_path), code or Code(), "results/x")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """That of the default configuration."""
    return planned(tmp_path_factory.mktemp("base"), {})


def changed(first: Plan, second: Plan) -> set[str]:
    return {name for name, made in THINGS.items() if made(first).identity != made(second).identity}


@pytest.mark.parametrize("key", CHANGES)
def test_what_changes_with(base: Plan, tmp_path: Path, key: str) -> None:
    overlay, expected = CHANGES[key]
    assert changed(base, planned(tmp_path, overlay)) == expected


def test_code_of_an_estimator_changes_its_attributions_alone(base: Plan) -> None:
    other = Plan(base.config, base.files, Code({"attribution/datamodel.py": "other"}), base.run)
    assert changed(base, other) == {
        "attribution",
        "lds",
        "its figure",
    }


def test_models_that_an_attribution_asks_for_outlast_its_code(tmp_path: Path) -> None:
    overlay = yaml.safe_load((ROOT / "experiments/digits_counterfactual.yaml").read_text())
    first = planned(tmp_path, overlay)
    second = planned(tmp_path, overlay, Code({"attribution/shapley.py": "other"}))
    name = first.counts.requested_by("counterfactual", 0)
    asked = [plan.attributions.attribution(str(name)) for plan in (first, second)]
    made = [plan.subsets("retrain", "counterfactual", 0, 0) for plan in (first, second)]
    assert asked[0].identity != asked[1].identity
    assert made[0].identity == made[1].identity


def test_every_shard_and_training_seed_is_a_thing_of_its_own(tmp_path: Path) -> None:
    plan = planned(tmp_path, {"execution": {"shard_size": 4}})
    places = [(seed, shard) for seed in range(2) for shard in range(4)]
    found = [plan.subsets("retrain", "datamodel", *place).identity for place in places]
    assert len({*found}) == len(places)


def test_changed_files_are_noticed(base: Plan, tmp_path: Path) -> None:
    image = tmp_path / "weights.bin"
    image.write_bytes(b"one")
    config = base.config
    files = UserFiles(config, tmp_path, tmp_path / "caches")
    found = files.digests(("file", str(image)))
    known = UserFiles(config, tmp_path, tmp_path / "caches", files.known)
    assert known.changed(found) == []
    image.write_bytes(b"another")
    assert known.digests(("file", str(image))) == found  # As when the run was started.
    assert known.changed(found) == list(found)
