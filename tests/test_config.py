"""The configuration: every key known, typed, ranged and explained; every mistake told."""

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from pydantic import BaseModel

from diffcredit import config, registry
from diffcredit.config import Section, lists, load
from diffcredit.config.messages import shown
from diffcredit.config.options import Implementation, Options
from diffcredit.errors import UserError
from diffcredit.registry import Table

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "config.yaml").read_text()
#: Names of all tables of building blocks.
TABLES = [name for name, value in vars(registry).items() if isinstance(value, Table)]


def default() -> dict[str, Any]:
    return yaml.safe_load(TEXT)


def changed(path: str, value: Any) -> dict[str, Any]:
    raw = default()
    *parents, last = path.split(".")
    place = raw
    for parent in parents:
        place = place[parent]
    place[last] = value
    return raw


def message(raw: dict[str, Any], base: Path = ROOT) -> str:
    with pytest.raises(UserError) as caught:
        load(raw, base)
    return str(caught.value)


BAD = {
    # key, value, what the message must say besides key and value
    "unknown key": ("sampling.imagse", 5, "did you mean 'images'?"),
    "unknown key in a named entry": ("approaches.sft.step", 5, "did you mean 'steps'?"),
    "unknown key at the top": ("experimnt", "x", "did you mean 'experiment'?"),
    "unknown key of a distribution": ("coalitions.shapley.alpha", 0.5, "unknown key"),
    "unknown key deep down": ("data.planted.nois", 1, "did you mean 'noise'?"),
    "text for a number": ("full.steps", "many", "1 or more"),
    "number for a text": ("experiment", 5, "a letter first"),
    "fraction of a step": ("full.steps", 2.5, "1 or more"),
    "yes for a number": ("seed", True, "whole number"),
    "no steps": ("full.steps", 0, "1 or more"),
    "negative seed": ("seed", -1, "0 or more"),
    "name with a slash": ("experiment", "../elsewhere", "letters, digits and _"),
    "odd batch": ("training.batch_size", 33, "even"),
    "pruning ratio above 1": ("pruned.ratio", 1.2, "below 1"),
    "pruning ratio 0": ("pruned.ratio", 0, "above 0"),
    "pruning target": ("pruned.target", "weights", "channels"),
    "not a number": ("full.learning_rate", float("nan"), "above 0"),
    "alpha 0": ("coalitions.datamodel.alpha", 0, "above 0"),
    "alpha 1": ("coalitions.datamodel.alpha", 1, "below 1"),
    "0 coalitions": ("coalitions.shapley.count", 0, "1 or more"),
    "0 training seeds": ("approaches.sft.coalitions.shapley", 0, "1"),
    "unknown sampling": ("coalitions.shapley.sampling", "levrage", "kernel, or leverage"),
    "unknown distribution": ("coalitions.shapley.distribution", "shaply", "'shapley'"),
    "more planted than contributors": ("data.planted.contributors", 13, "contributors = 12"),
    "unknown behavior": ("behaviors.fid.measure", "fud", "did you mean 'fid'?"),
    "measure that is a number": ("behaviors.fid.measure", 5, "one of: fid, inception_score"),
    "unknown extractor": ("behaviors.fid.extractor", "clasifier", "did you mean 'classifier'?"),
    "unknown transform": ("behaviors.fid.transform", "exp", "none or log"),
    "unknown objective": ("approaches.sft.objective", "denoize", "did you mean 'denoise'?"),
    "objective that is no name": ("approaches.sft.objective", 5, "denoise, gradient_ascent"),
    "unknown parameters": ("approaches.sft.parameters", "lore", "all, lora"),
    "unknown start": ("approaches.sft.start", "pruend", "scratch, full or pruned"),
    "unknown estimator": ("attributions.datamodel.method", "lasso", "datamodel_ridge"),
    "unknown pruner": ("pruned.pruner", "magnitud", "did you mean 'magnitude'?"),
    "unknown source": ("data.source", "cifar", "digits, folder"),
    "attribution on coalitions that no approach makes": (
        "attributions.datamodel.values",
        "sft/datamodel",
        "sft/shapley",
    ),
    "attribution on an unknown approach": (
        "attributions.datamodel.values",
        "stf/shapley",
        "did you mean 'sft/shapley'?",
    ),
    "reference without a slash": ("attributions.datamodel.values", "sft", "approach/coalitions"),
    "LDS on coalitions of the fit": ("evaluation.lds.truth", "sft/shapley", "is fitted on"),
    "LDS on models that are all alike": ("evaluation.lds.truth", "sft/full", "are all alike"),
    "LDS of two coalitions": ("coalitions.datamodel.count", 2, "3 coalitions or more"),
    "fit on two coalitions": ("coalitions.shapley.count", 2, "3 or more"),
    "v(all) on other coalitions": (
        "attributions.shapley_ridge_free.full",
        "sft/shapley",
        "distribution full",
    ),
    "v(none) where it is not used": ("attributions.datamodel.none", "retrain/none", "leave it out"),
    "more jobs by training seeds than can be planned": (
        "approaches.retrain.coalitions.datamodel",
        1_000_000,
        "must be at most",
    ),
    "too few resamples": ("evaluation.lds.resamples", 10, "100 to 1000000"),
    "norm groups that do not divide": ("model.norm_groups", 5, "divide"),
    "attention of another length": ("model.attention", [True], "one entry for each"),
    "image that cannot be halved": ("data.image_size", 7, "divisible by 2"),
    "accumulation that does not divide": ("training.gradient_accumulation", 5, "divide"),
    "more sampling steps than noise levels": ("sampling.steps", 2000, "timesteps = 1000"),
    "folder for the digits": ("data.path", "pictures", "must be null"),
    "colored digits": ("data.channels", 3, "gray"),
    "digits by subfolder": ("data.contributors", "subfolder", "number, label or image"),
    "fewer than no images held out": ("data.held_out", -1, "0 or more"),
    "all images held out": ("data.held_out", 1797, "must leave some of the 1797 images"),
    "no images": ("data.images", 0, "1 or more"),
    "more images than the digits": ("data.images", 1798, "must not exceed 1797"),
    "fewer images than contributors": ("data.images", 11, "fewer than the 12 contributors"),
    "injected image without its section": ("data.injected", 5, "a section with image and copies"),
    "class that there is not": ("data.labels", [0, 10], "0 to 9"),
    "class by a wrong name": ("data.labels", ["digit 3", "digt 4"], "did you mean 'digit 4'?"),
    "class twice": ("data.labels", [3, "digit 3"], "names a class twice"),
    "no classes": ("data.labels", [], "null for all"),
    "one class": ("data.labels", [3], "measures fid, log_fid, inception_score, entropy needs 2"),
    "section that is not one": ("sampling", 5, "a section with images, steps, batch_size"),
    "one point of convergence": ("evaluation.convergence.points", 1, "2 or more"),
    "no seconds to compare at": ("evaluation.convergence.seconds", 0, "above 0"),
    "coalitions that are made nowhere": (
        "approaches.sft.coalitions",
        {"shapely": 1},
        "did you mean 'shapley'?",
    ),
}


@pytest.mark.parametrize("mistake", BAD)
def test_mistake_is_told_with_key_value_and_what_is_accepted(mistake: str) -> None:
    key, value, accepted = BAD[mistake]
    told = message(changed(key, value))
    named = next(iter(value)) if isinstance(value, dict) else value
    assert f"{key} = {shown(named)}" in told
    assert accepted in told
    assert "validation error" not in told


COUNTERFACTUAL = {
    "approach": "sft",
    "full": "sft/full",
    "attributions": ["datamodel"],
    "behaviors": ["fid"],
}
BAD_COUNTERFACTUALS = {
    "approach": ("retrian", "did you mean 'retrain'?"),
    "full": ("sft/shapley", "distribution full"),
    "attributions": (["datamodle"], "did you mean 'datamodel'?"),
    "behaviors": (["fud"], "did you mean 'fid'?"),
    "fractions": ([1.0], "below 1"),
    "random": (-1, "0 or more"),
    "seeds": (0, "1 or more"),
}


def test_counterfactual_compares_models_of_one_approach_and_no_entry_twice() -> None:
    told = message(changed("evaluation.counterfactual", COUNTERFACTUAL | {"approach": "retrain"}))
    assert "counterfactual.full = 'sft/full': must be of the approach" in told
    twice = COUNTERFACTUAL | {"attributions": ["datamodel", "datamodel"]}
    told = message(changed("evaluation.counterfactual", twice))
    assert "counterfactual.attributions = ['datamodel', 'datamodel']: names an entry twice" in told


def test_counterfactual_is_accepted() -> None:
    loaded = load(changed("evaluation.counterfactual", COUNTERFACTUAL), ROOT)
    assert loaded.evaluation.counterfactual is not None


@pytest.mark.parametrize("key", BAD_COUNTERFACTUALS)
def test_mistake_in_counterfactuals(key: str) -> None:
    value, accepted = BAD_COUNTERFACTUALS[key]
    told = message(changed("evaluation.counterfactual", COUNTERFACTUAL | {key: value}))
    assert f"evaluation.counterfactual.{key}" in told
    assert str(value[0] if isinstance(value, list) else value) in told
    assert accepted in told


UNTIL = {"attribution": "datamodel", "behavior": "fid", "standard_error": 5.0}
BAD_UNTILS = {
    "attribution": ("shapely_ridge", "did you mean 'shapley_ridge'?"),
    "behavior": ("fud", "did you mean 'fid'?"),
    "standard_error": (0, "above 0"),
    "stability": (1.5, "at most 1"),
}


@pytest.mark.parametrize("key", BAD_UNTILS)
def test_mistake_in_until(key: str) -> None:
    value, accepted = BAD_UNTILS[key]
    told = message(changed("coalitions.shapley.until", UNTIL | {key: value}))
    assert f"coalitions.shapley.until.{key} = {value!r}" in told
    assert accepted in told


def test_until_needs_something_to_reach_and_coalitions_that_are_fitted() -> None:
    nothing = message(changed("coalitions.shapley.until", UNTIL | {"standard_error": None}))
    assert "coalitions.shapley.until: needs standard_error or stability" in nothing
    unfitted = message(changed("coalitions.datamodel.until", UNTIL))
    assert "must be fitted on these coalitions" in unfitted


def write_records(path: Path, kept: dict[str, list[list[int]]], seeds: int = 1) -> None:
    """Records of coalitions of each kind, by some training seeds."""
    lines = [
        {"removal_dist": name, "remaining_idx": members, "removal_seed": seed, "fid": 1.0 + seed}
        for name, coalitions in kept.items()
        for members in coalitions
        for seed in range(seeds)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def recorded(tmp_path: Path) -> dict[str, Any]:
    write_records(
        tmp_path / "behaviors.jsonl", {"shapley": [[0], [1], [2]], "test": [[0], [1], [2]]}
    )
    drawn = {"distribution": "shapley"}
    tables = {
        name: {"path": "behaviors.jsonl", "drawn": drawn, "where": {"removal_dist": name}}
        for name in ("shapley", "test")
    }
    raw = default() | {"records": {"contributors": 8, "behaviors": ["fid"], "tables": tables}}
    raw["attributions"]["mine"] = {"method": "datamodel_ridge", "values": "records/shapley"}
    raw["evaluation"]["lds"]["truth"] = "records/test"
    return raw


def test_records_leave_models_out(tmp_path: Path) -> None:
    loaded = load(recorded(tmp_path), tmp_path)
    assert list(loaded.attributions) == ["mine"]
    assert not loaded.approaches
    assert not loaded.coalitions


def test_lds_on_the_records_of_the_fit_under_another_name(tmp_path: Path) -> None:
    raw = recorded(tmp_path)
    raw["records"]["tables"]["test"]["where"] = {"removal_dist": "shapley"}
    assert "attributions.mine is fitted on these coalitions" in message(raw, tmp_path)


def test_lds_on_the_list_of_the_fit_under_another_name(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("a,b\n1,0\n0,1\n1,1\n")
    listed = {"distribution": "file", "path": "list.csv"}
    raw = default()
    raw["data"] |= {"contributors": 2, "planted": {"contributors": 0}}
    raw["coalitions"] |= {"shapley": listed, "datamodel": dict(listed)}
    assert "is fitted on these coalitions (sft/shapley)" in message(raw, tmp_path)


def test_mistakes_in_records(tmp_path: Path) -> None:
    raw = recorded(tmp_path)
    raw["records"]["tables"]["test"]["path"] = "nowhere.jsonl"
    assert "records.tables.test.path = 'nowhere.jsonl': must be an existing file" in message(
        raw, tmp_path
    )
    raw = recorded(tmp_path)
    raw["evaluation"]["lds"]["truth"] = "retrain/datamodel"
    assert "must be one of: records/shapley, records/test" in message(raw, tmp_path)
    raw = recorded(tmp_path)
    raw["records"]["contributors"] = 1
    assert "2 to 1000000" in message(raw, tmp_path)


THREE = [[0, 1], [2], [3, 4, 5]]
#: Coalitions of a table of records -> whether they are enough.
FEW: dict[str, tuple[list[list[int]], int, bool]] = {
    "none": ([], 1, False),
    "one": (THREE[:1], 1, False),
    "two": (THREE[:2], 1, False),
    "two, by many seeds": (THREE[:2], 9, False),
    "one, in other words": ([[0, 1], [1, 0]], 2, False),
    "three": (THREE, 1, True),
    "three, twice": (THREE * 2, 1, True),
}


@pytest.mark.parametrize("case", FEW)
@pytest.mark.parametrize("table", ["test", "shapley"])
def test_records_of_few_coalitions_are_refused_before_anything_runs(
    tmp_path: Path, case: str, table: str
) -> None:
    raw = recorded(tmp_path)
    coalitions, seeds, enough = FEW[case]
    other = "shapley" if table == "test" else "test"
    write_records(tmp_path / "behaviors.jsonl", {table: coalitions, other: THREE}, seeds)
    if enough:
        assert load(raw, tmp_path).records
        return
    key = {"test": "evaluation.lds.truth", "shapley": "attributions.mine.values"}[table]
    told = message(raw, tmp_path)
    assert f"{key} = 'records/{table}' needs records of 3 different coalitions or more" in told
    assert f"check records.tables.{table}.where" in told


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize(("count", "enough"), [(2, False), (3, True)])
def test_recorded_tables_are_counted_as_they_are_read(
    tmp_path: Path, suffix: str, count: int, enough: bool
) -> None:
    masks = ["11000000", "00100000", "00011100"][:count]
    rows = [{"removal_dist": d, "mask": m, "fid": 1.0} for d in ("shapley", "test") for m in masks]
    path = tmp_path / f"behaviors{suffix}"
    table = pd.DataFrame(rows)
    table.to_csv(path, index=False) if suffix == ".csv" else table.to_parquet(path)
    raw = recorded(tmp_path)
    for entry in raw["records"]["tables"].values():
        entry["path"] = path.name
    if enough:
        assert load(raw, tmp_path).records
    else:
        assert "needs records of 3 different coalitions or more" in message(raw, tmp_path)


def test_a_direction_of_no_behavior_is_told(tmp_path: Path) -> None:
    raw = recorded(tmp_path)
    raw["records"]["better"] = {"fidd": "lower"}
    told = message(raw, tmp_path)
    assert "records.better = 'fidd': must be one of: fid; did you mean 'fid'?" in told
    raw["records"]["better"] = {"fid": "lower"}
    assert load(raw, tmp_path).better == {"fid": "lower"}


def test_names_that_are_taken() -> None:
    raw = default()
    raw["coalitions"]["counterfactual"] = raw["coalitions"]["shapley"]
    raw["approaches"]["records"] = raw["approaches"]["sft"]
    told = message(raw)
    assert "coalitions.counterfactual: this name is taken" in told
    assert "approaches.records: this name is taken" in told


def test_empty_sections_are_told() -> None:
    raw = default() | {"behaviors": {"fid": None}}
    assert "behaviors is empty" in message(raw)


def test_all_mistakes_are_told_at_once() -> None:
    raw = changed("pruned.ratio", 1.2)
    raw["sampling"]["images"] = 0
    told = message(raw)
    assert "pruned.ratio" in told
    assert "sampling.images" in told


@pytest.mark.parametrize(
    ("changes", "key", "wrong", "told"),
    [
        ({"batch_size": 3}, ".batch_size", 3, "an even number"),
        ({"batchsize": 4}, ".batchsize", 4, "did you mean 'batch_size'?"),
        ({"ema": {"max_decay": 2}}, ".ema.max_decay", 2, "at least 0, below 1"),
        (
            {"schedule": "liner"},
            ".schedule",
            "liner",
            "did you mean 'linear'?",
        ),
        ({"gradient_accumulation": 7}, ".gradient_accumulation", 7, "must divide half of"),
        ({"optimizer": {"name": "adam", "betas": [0.9]}}, ".optimizer.betas", [0.9], "two decays"),
        ({"optimizer": {"name": "adam", "epsilon": 0}}, ".optimizer.epsilon", 0, "above 0"),
        (
            {"optimizer": {"name": "adamw", "weight_decay": -1}},
            ".optimizer.weight_decay",
            -1,
            "0 or more",
        ),
        ({"weight_decay": -1}, ".weight_decay", -1, "weight_decay: ...}"),
    ],
)
def test_training_of_an_approach_is_checked_as_that_of_all(
    changes: dict, key: str, wrong: object, told: str
) -> None:
    raw = default()
    for section, place in (
        (raw["approaches"]["sft"], "approaches.sft.training"),
        (raw, "training"),
    ):
        before = section.get("training")
        section["training"] = (before or {}) | changes
        found = message(raw)
        assert f"{place}{key} = {wrong!r}" in found
        assert told in found
        section["training"] = before


def test_training_of_an_approach_changes_its_keys_alone() -> None:
    raw = default()
    raw["training"]["ema"] = {"power": 0.5}
    raw["approaches"]["sft"]["training"] = {"batch_size": 32, "ema": {"max_decay": 0}}
    config = load(raw)
    expected = config.training.model_dump() | {"batch_size": 32}
    expected["ema"] |= {"max_decay": 0}
    assert config.training_of("approaches.sft").model_dump() == expected
    assert config.training_of("approaches.sft").ema.power == 0.5
    assert config.training_of("approaches.retrain") == config.training
    assert config.training.batch_size == 64


ASCENT = {"name": "gradient_ascent", "ga_ratio": 2}
BAD_APPROACHES = {
    # changed keys of approaches.sft, what the message must say
    "unknown objective by name": (
        {"objective": {"name": "gradient_accent"}},
        ".objective.name = 'gradient_accent'",
        "did you mean 'gradient_ascent'?",
    ),
    "objective without a name": ({"objective": {"ratio": 1}}, ".objective.name", "influence"),
    "unknown option": (
        {"objective": {"name": "influence", "batch": 3}},
        ".objective.batch = 3",
        "did you mean 'batches'?",
    ),
    "option of another objective": (
        {"objective": {"name": "denoise", "ga_ratio": 3}},
        ".objective.ga_ratio = 3",
        "must be one of: name",
    ),
    "ratio 0": ({"objective": ASCENT | {"ga_ratio": 0}}, ".objective.ga_ratio = 0", "above 0"),
    "negative damping": (
        {"objective": {"name": "influence", "damping": -1}},
        ".objective.damping = -1",
        "above 0",
    ),
    "no batches": (
        {"objective": {"name": "influence", "batches": 0}},
        ".objective.batches = 0",
        "1 or more",
    ),
    "decay that grows": (
        {"objective": {"name": "gradient_ascent", "superfactor_decay": 1.1}},
        ".objective.superfactor_decay = 1.1",
        "at most 1",
    ),
    "superfactor 0": (
        {"objective": {"name": "gradient_ascent", "superfactor": 0}},
        ".objective.superfactor = 0",
        "above 0",
    ),
    "mixture above 1": (
        {"objective": {"name": "siss", "mixture": 1.2}},
        ".objective.mixture = 1.2",
        "from 0 to 1",
    ),
    "mixture by the name of the paper": (
        {"objective": {"name": "siss", "lambda": 0.5}},
        ".objective.lambda = 0.5",
        "must be one of: name, scaling_norm, mixture",
    ),
    "coin that never falls": (
        {"objective": {"name": "siss_bernoulli", "mixture": 0}},
        ".objective.mixture = 0",
        "above 0 and below 1",
    ),
    "mixture of two passes": (
        {"objective": {"name": "siss_two_pass", "mixture": 0.5}},
        ".objective.mixture = 0.5",
        "must be one of: name, scaling_norm",
    ),
    "scaling norm 0": (
        {"objective": {"name": "siss", "scaling_norm": 0}},
        ".objective.scaling_norm = 0",
        "a number above 0",
    ),
    "scaling norm by a wrong name": (
        {"objective": {"name": "siss_two_pass", "scaling_norm": "automatic"}},
        ".objective.scaling_norm = 'automatic'",
        "or auto",
    ),
    "eta 0": ({"objective": {"name": "erase_diff", "eta": 0}}, ".objective.eta = 0", "above 0"),
    "subtraction from scratch": (
        {"start": "scratch", "objective": "siss"},
        ".start = 'scratch'",
        "accepted: full or pruned",
    ),
    "subtraction without steps": ({"objective": "siss", "steps": None}, ".steps is missing", "1"),
    "unlearning from scratch": (
        {"start": "scratch", "objective": "gradient_ascent"},
        ".start = 'scratch'",
        "accepted: full or pruned",
    ),
    "influence from scratch": (
        {"start": "scratch", "objective": "influence", "steps": None, "learning_rate": None},
        ".start = 'scratch'",
        "accepted: full or pruned",
    ),
    "adapters from scratch": (
        {"start": "scratch", "parameters": "lora"},
        ".start = 'scratch'",
        "adapters change a trained network",
    ),
    "steps and ratio": ({"objective": ASCENT}, ".steps = 80", "leave one of the two out"),
    "neither steps nor ratio": (
        {"objective": "gradient_ascent", "steps": None},
        ".steps is missing",
        "objective.ga_ratio",
    ),
    "no steps": ({"steps": None}, ".steps is missing", "1 or more"),
    "no learning rate": ({"learning_rate": None}, ".learning_rate is missing", "above 0"),
    "steps of a closed form": (
        {"objective": "influence", "learning_rate": None},
        ".steps = 80",
        "leave it out",
    ),
    "learning rate of a closed form": (
        {"objective": "influence", "steps": None},
        ".learning_rate = 0.0018",
        "leave it out",
    ),
    "adapters of a closed form": (
        {
            "objective": "influence",
            "steps": None,
            "learning_rate": None,
            "parameters": "lora",
        },
        ".parameters = ",
        "accepted: all",
    ),
    "rank 0": ({"parameters": {"name": "lora", "rank": 0}}, ".parameters.rank = 0", "1 or more"),
    "dropout 1": (
        {"parameters": {"name": "lora", "dropout": 1}},
        ".parameters.dropout = 1",
        "below 1",
    ),
    "no layers": (
        {"parameters": {"name": "lora", "layers": []}},
        ".parameters.layers = []",
        "layers end",
    ),
    "layer that the network has not": (
        {"parameters": {"name": "lora", "layers": ["to_q", "to_qq"]}},
        ".parameters.layers = 'to_qq'",
        "did you mean 'to_q'?",
    ),
    "unknown key of adapters": (
        {"parameters": {"name": "lora", "ranks": 3}},
        ".parameters.ranks = 3",
        "did you mean 'rank'?",
    ),
}


@pytest.mark.parametrize("mistake", BAD_APPROACHES)
def test_mistake_in_an_approach_is_told(mistake: str) -> None:
    keys, *expected = BAD_APPROACHES[mistake]
    raw = default()
    raw["approaches"]["sft"] |= keys
    told = message(raw)
    lines = [line for line in told.splitlines() if "approaches.sft." in line]
    assert len(lines) == 1
    for part in expected:
        assert part in lines[0]


def test_options_below_the_name_are_told_how_to_write_them() -> None:
    """As parameters were written in earlier versions."""
    told = message(changed("approaches.sft.parameters", {"lora": {"rank": 2}}))
    assert "approaches.sft.parameters.name" in told
    assert "write {name: lora, ...}" in told


def test_unknown_adapters() -> None:
    told = message(changed("approaches.sft.parameters", "lor"))
    assert "approaches.sft.parameters = 'lor'" in told
    assert "did you mean 'lora'?" in told


GOOD_APPROACHES = [
    {"objective": "denoise"},
    {"objective": {"name": "denoise"}},
    {"objective": "gradient_ascent"},
    {"objective": ASCENT, "steps": None},
    {"objective": {"name": "gradient_ascent", "ga_ratio": "1e1"}, "steps": None},
    {"objective": ASCENT | {"superfactor": 3, "superfactor_decay": 0.99}, "steps": None},
    {"objective": "siss"},
    {"objective": {"name": "siss", "mixture": 0, "scaling_norm": "1e-2"}},
    {"objective": {"name": "siss", "mixture": 1, "scaling_norm": "auto"}},
    {"objective": {"name": "siss_bernoulli", "mixture": 0.3, "scaling_norm": 2}},
    {"objective": {"name": "siss_two_pass", "scaling_norm": 5}},
    {"objective": {"name": "erase_diff", "eta": 0.1}},
    {"objective": "siss", "parameters": "lora"},
    {"objective": "influence", "steps": None, "learning_rate": None},
    {"objective": {"name": "influence", "ratio": 2}, "steps": None, "learning_rate": None},
    {"parameters": "lora"},
    {"parameters": {"name": "lora", "rank": 4, "dropout": 0, "layers": ["to_out.0", "conv1"]}},
]


@pytest.mark.parametrize("keys", GOOD_APPROACHES)
@pytest.mark.parametrize("start", ["full", "pruned"])
def test_approach_survives_its_way_into_a_job(keys: dict[str, Any], start: str) -> None:
    """As plain values, without coalitions."""
    raw = default()
    raw["approaches"]["sft"] |= keys | {"start": start}
    approach = load(raw, ROOT).approaches["sft"]
    plain = json.loads(json.dumps(approach.model_dump(exclude={"coalitions"})))
    assert config.Approach(**plain, coalitions={}) == approach.model_copy(update={"coalitions": {}})


def test_name_and_mapping_are_the_same_objective() -> None:
    short = load(changed("approaches.sft.objective", "denoise"), ROOT)
    long = load(changed("approaches.sft.objective", {"name": "denoise"}), ROOT)
    assert short == long


BAD_PRUNERS = {
    "unknown pruner by name": ({"name": "tailor"}, "pruner.name = 'tailor'", "'taylor'?"),
    "threshold 0": (
        {"name": "diff_pruning", "threshold": 0},
        "pruner.threshold = 0",
        "above 0 and below 1",
    ),
    "no images": ({"name": "taylor", "images": 0}, "pruner.images = 0", "1 or more"),
    "option of another pruner": (
        {"name": "taylor", "threshold": 0.1},
        "pruner.threshold = 0.1",
        "must be one of: name, images",
    ),
    "stopping level": (
        {"name": "diff_pruning", "stopping_level": 3},
        "pruner.stopping_level = 3",
        "true: the noise level at which they end counts, too",
    ),
    "option of none": ({"name": "random", "seed": 3}, "pruner.seed = 3", "must be one of: name"),
}


@pytest.mark.parametrize("mistake", BAD_PRUNERS)
def test_mistake_in_a_pruner_is_told(mistake: str) -> None:
    value, *expected = BAD_PRUNERS[mistake]
    told = message(changed("pruned.pruner", value))
    for part in expected:
        assert part in told
    assert len(told.splitlines()) == 2


@pytest.mark.parametrize("pruner", registry.PRUNERS)
def test_every_pruner_is_known_by_its_name_alone(pruner: str) -> None:
    settings = load(changed("pruned.pruner", pruner), ROOT).pruned
    assert settings.pruner.name == pruner
    assert config.Pruned(**settings.model_dump()) == settings


@pytest.mark.parametrize(
    ("channels", "groups", "ratio"), [([80, 160], 8, 0.9), ([24, 48], 8, 0.666)]
)
def test_largest_ratio_is_accepted_and_more_is_told_with_it(
    channels: list[int], groups: int, ratio: float
) -> None:
    raw = changed("pruned.ratio", ratio)
    raw["model"] |= {"channels": channels, "norm_groups": groups}
    assert load(raw, ROOT).pruned.ratio == ratio
    raw["pruned"]["ratio"] = ratio + 0.001
    assert f"at most {ratio}" in message(raw)


@pytest.mark.parametrize("target", ["parameters", "multiply_adds"])
@pytest.mark.parametrize(
    ("channels", "attention", "groups"),
    [
        ([16, 32], [False, True], 8),
        ([16, 32], [True, True], 2),
        ([64, 64], [False, False], 32),
        ([128, 256, 256], [False, True, False], 32),
        ([24], [True], 4),
    ],
)
def test_largest_part_of_a_network_is_accepted_and_more_is_told_with_it(
    channels: list[int], attention: list[bool], groups: int, target: str
) -> None:
    raw = changed("pruned.ratio", 0.999)
    raw["pruned"]["target"] = target
    raw["model"] |= {"channels": channels, "attention": attention, "norm_groups": groups}
    told = message(raw)
    assert "pruned.ratio = 0.999: each of" in told
    assert len(told.splitlines()) == 2
    largest = float(told.split("at most ")[1].split()[0])
    raw["pruned"]["ratio"] = largest
    assert load(raw, ROOT).pruned.ratio == largest
    raw["pruned"]["ratio"] = largest + 0.001
    assert f"at most {largest} of the {target}" in message(raw)


def test_a_network_of_which_nothing_can_be_pruned_is_told() -> None:
    raw = changed("pruned.target", "parameters")
    raw["model"]["norm_groups"] = 16
    assert "pruned.ratio = 0.2: each of 16 norm groups" in message(raw)
    assert "accepted: none; fewer model.norm_groups" in message(raw)


def test_missing_key() -> None:
    raw = default()
    del raw["approaches"]["sft"]["steps"]
    assert "approaches.sft.steps is missing" in message(raw)


def test_missing_endpoint() -> None:
    raw = default()
    del raw["attributions"]["shapley_ridge"]["none"]
    assert "attributions.shapley_ridge.none is missing" in message(raw)


def with_coalitions(**keys: Any) -> dict[str, Any]:
    """The default run and further coalitions called ``more``."""
    raw = default()
    raw["coalitions"]["more"] = keys
    return raw


def with_attribution(made: dict[str, list[str]], **keys: Any) -> dict[str, Any]:
    """The default run, further coalitions, and an attribution called ``more`` on them.

    Approaches also make what ``made`` says: few (Shapley), full, without (leave-one-out), alone.
    """
    raw = default()
    raw["coalitions"] |= {
        "few": {"distribution": "shapley", "count": 12},
        "without": {"distribution": "leave_one_out"},
        "alone": {"distribution": "add_one_in"},
    }
    for approach, names in made.items():
        raw["approaches"][approach]["coalitions"] |= dict.fromkeys(names, 1)
    raw["approaches"]["retrain"]["coalitions"]["full"] = 1
    raw["attributions"]["more"] = keys
    return raw


TWO_LEVEL = {
    "method": "two_level",
    "values": "sft/shapley",
    "full": "sft/full",
    "none": "retrain/none",
    "corrections": "retrain/few",
}
BOTH = {"sft": ["few"], "retrain": ["few"]}

BAD_ATTRIBUTIONS = {
    # what is made further, keys of the attribution, what the message must say
    "corrections that nobody makes": (
        {"sft": ["few"]},
        TWO_LEVEL,
        ["attributions.more.corrections = 'retrain/few'", "no such models"],
    ),
    "corrections without their cheap counterparts": (
        {"retrain": ["few"]},
        TWO_LEVEL,
        [
            "attributions.more.corrections = 'retrain/few'",
            "needs sft/few",
            "add few to approaches.sft",
        ],
    ),
    "corrections by the approach of the values": (
        BOTH,
        TWO_LEVEL | {"corrections": "sft/few"},
        ["attributions.more.corrections = 'sft/few'", "another approach"],
    ),
    "no corrections": (
        BOTH,
        {k: v for k, v in TWO_LEVEL.items() if k != "corrections"},
        ["attributions.more.corrections is missing"],
    ),
    "corrections that are not used": (
        BOTH,
        TWO_LEVEL | {"method": "shapley_ridge"},
        ["attributions.more.corrections = 'retrain/few'", "does not use it"],
    ),
    "corrections of nobody": (
        BOTH,
        TWO_LEVEL | {"corrections": "retrain/none"},
        ["attributions.more.corrections = 'retrain/none'", "says nothing"],
    ),
    "v(all) of another approach": (
        BOTH,
        TWO_LEVEL | {"full": "retrain/full"},
        ["attributions.more.full = 'retrain/full'", "approach of values"],
    ),
    "corrections on the test coalitions": (
        {"sft": ["datamodel"]},
        TWO_LEVEL | {"corrections": "retrain/datamodel"},
        ["evaluation.lds.truth = 'retrain/datamodel'", "fitted on these coalitions"],
    ),
    "leave-one-out of other coalitions": (
        {},
        {"method": "leave_one_out", "values": "sft/shapley", "full": "sft/full"},
        ["attributions.more.values = 'sft/shapley'", "distribution leave_one_out"],
    ),
    "add-one-in without v(none)": (
        {"retrain": ["alone"]},
        {"method": "add_one_in", "values": "retrain/alone"},
        ["attributions.more.none is missing"],
    ),
}


@pytest.mark.parametrize("mistake", BAD_ATTRIBUTIONS)
def test_mistake_of_an_attribution(mistake: str) -> None:
    made, keys, said = BAD_ATTRIBUTIONS[mistake]
    told = message(with_attribution(made, **keys))
    for part in said:
        assert part in told


GOOD_ATTRIBUTIONS: dict[str, tuple[dict[str, list[str]], dict[str, str]]] = {
    "two_level": (BOTH, TWO_LEVEL),
    "two_level on coalitions that both make": (
        {"retrain": ["shapley"]},
        TWO_LEVEL | {"corrections": "retrain/shapley"},
    ),
    "two_level_free": (
        BOTH,
        {k: v for k, v in TWO_LEVEL.items() if k != "none"} | {"method": "two_level_free"},
    ),
    "leave_one_out": (
        {"sft": ["without"]},
        {"method": "leave_one_out", "values": "sft/without", "full": "sft/full"},
    ),
    "add_one_in": (
        {"retrain": ["alone"]},
        {"method": "add_one_in", "values": "retrain/alone", "none": "retrain/none"},
    ),
    "banzhaf": ({}, {"method": "banzhaf", "values": "sft/shapley"}),
    "datamodel_lasso": ({}, {"method": "datamodel_lasso", "values": "sft/shapley"}),
}


@pytest.mark.parametrize("name", GOOD_ATTRIBUTIONS)
def test_attribution(name: str) -> None:
    made, keys = GOOD_ATTRIBUTIONS[name]
    assert load(with_attribution(made, **keys), ROOT).attributions["more"].values == keys["values"]


def test_references_of_a_two_level_attribution() -> None:
    loaded = load(with_attribution(BOTH, **TWO_LEVEL), ROOT)
    assert loaded.attributions["more"].references == {
        "values": "sft/shapley",
        "full": "sft/full",
        "none": "retrain/none",
        "corrections": "retrain/few",
        "cheap": "sft/few",
        "exact_full": "retrain/full",
    }
    assert loaded.attributions["datamodel"].references == {"values": "sft/shapley"}


BAD_COALITIONS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no leave-one-out coalitions": (
        {"distribution": "leave_one_out", "count": 0},
        ["coalitions.more.count = 0", "number of contributors"],
    ),
    "half a coalition": (
        {"distribution": "add_one_in", "count": 1.5},
        ["coalitions.more.count = 1.5", "number of contributors"],
    ),
    "number for a path": (
        {"distribution": "file", "path": 5},
        ["coalitions.more.path = 5", ".csv table", ".jsonl lines"],
    ),
    "list drawn from elsewhere": (
        {"distribution": "file", "path": "a.csv", "drawn": "kernel"},
        ["coalitions.more.drawn = 'kernel'", "uniform", "shapley"],
    ),
    "text for yes": (
        {"distribution": "uniform", "paired": "yes"},
        ["coalitions.more.paired = 'yes'", "complement"],
    ),
    "balance without pairs": (
        {"distribution": "shapley", "paired": False, "balanced": True},
        ["coalitions.more.balanced = true", "needs paired: true"],
    ),
    "alpha of uniform coalitions": (
        {"distribution": "uniform", "alpha": 0.5},
        ["coalitions.more.alpha = 0.5", "unknown key"],
    ),
    "unknown distribution": (
        {"distribution": "leave_1_out"},
        ["coalitions.more.distribution = 'leave_1_out'", "did you mean 'leave_one_out'?"],
    ),
}


@pytest.mark.parametrize("mistake", BAD_COALITIONS)
def test_mistake_of_coalitions(mistake: str) -> None:
    keys, said = BAD_COALITIONS[mistake]
    told = message(with_coalitions(**keys))
    for part in said:
        assert part in told


@pytest.mark.parametrize("distribution", ["leave_one_out", "add_one_in"])
def test_count_is_the_number_of_contributors(distribution: str) -> None:
    loaded = load(with_coalitions(distribution=distribution), ROOT)
    assert loaded.coalitions["more"].count == 12
    told = message(with_coalitions(distribution=distribution, count=5))
    assert "coalitions.more.count = 5" in told
    assert "number of contributors, 12" in told


def test_count_that_the_data_does_not_tell_is_asked_for(tmp_path: Path) -> None:
    raw = folder(tmp_path, contributors="image")
    raw["coalitions"]["more"] = {"distribution": "leave_one_out"}
    told = message(raw, tmp_path)
    assert "coalitions.more.count is missing" in told
    assert "data.contributors = 'image'" in told
    raw["coalitions"]["more"]["count"] = 360
    assert load(raw, tmp_path).coalitions["more"].count == 360


@pytest.mark.parametrize(
    ("data", "count"),
    [
        ({"contributors": "image"}, 1797),
        ({"contributors": "image", "labels": [0, 1]}, 360),
        ({"contributors": "image", "held_out": 97}, 1700),
        ({"contributors": "image", "held_out": 97, "images": 50}, 50),
        ({"contributors": "image", "labels": [0, 1], "images": 50}, 50),
        ({"contributors": "label"}, 10),
        ({"contributors": "label", "labels": [7, 2, 5], "images": 50}, 3),
        ({"images": 50, "held_out": 97}, 12),
    ],
)
def test_count_of_the_digits_that_are_used(data: dict[str, Any], count: int) -> None:
    raw = with_coalitions(distribution="leave_one_out")
    raw["data"] |= data
    assert load(raw, ROOT).coalitions["more"].count == count


def test_count_of_subfolders(tmp_path: Path) -> None:
    raw = folder(tmp_path)
    (tmp_path / "pictures" / ".cache").mkdir()
    raw["coalitions"]["more"] = {"distribution": "add_one_in"}
    assert load(raw, tmp_path).coalitions["more"].count == 2


def test_count_of_a_list(tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_text("[0, 1]\n[2]\n[]\n")
    raw = with_coalitions(distribution="file", path="mine.jsonl")
    assert load(raw, tmp_path).coalitions["more"].count == 3
    raw["coalitions"]["more"]["count"] = 2
    assert load(raw, tmp_path).coalitions["more"].count == 2
    raw["coalitions"]["more"]["count"] = 4
    assert "coalitions.more.count = 4: mine.jsonl lists 3" in message(raw, tmp_path)


def test_counts_stay_where_a_configuration_is_loaded_again(tmp_path: Path) -> None:
    """As every job does with what the first reading made of it."""
    (tmp_path / "mine.csv").write_text("0,1\n1,0\n")
    raw = with_coalitions(distribution="file", path="mine.csv")
    raw["coalitions"]["without"] = {"distribution": "leave_one_out"}
    loaded = load(raw, tmp_path)
    assert load(loaded.model_dump(), tmp_path) == loaded


BAD_LISTS = {
    # name and content of the file, what the message must say
    "missing": (None, None, ["cannot be read", "No such file"]),
    "of another kind": ("mine.txt", "1,0\n", [".csv table or .jsonl"]),
    "empty table": ("mine.csv", "", ["lists no coalitions"]),
    "header only": ("mine.csv", "ann,bob\n", ["lists no coalitions"]),
    "value that is no mask": ("mine.csv", "ann,bob\n1,0\n1,2\n", ["line 3, column bob", "'2'"]),
    "short row": ("mine.csv", "ann,bob\n1,0\n1\n", ["line 3", "1 values for 2 columns"]),
    "column twice": ("mine.csv", "ann,ann\n1,0\n", ["line 1", "'ann'", "more than once"]),
    "no JSON": ("mine.jsonl", "[0]\n[1,\n", ["line 2", "'[1,'", "no JSON"]),
    "no list": ("mine.jsonl", '[0]\n{"kept": [1]}\n', ["line 2", "must be a list"]),
    "no contributor": ("mine.jsonl", "[0]\n[1.5]\n", ["line 2", "1.5", "name or the number"]),
    "true for a number": ("mine.jsonl", "[0]\n[true]\n", ["line 2", "true must be"]),
    "no text": ("mine.csv", b"\xff\xfe\x00", ["cannot be read"]),
}


@pytest.mark.parametrize("mistake", BAD_LISTS)
def test_list_that_is_wrong_is_told_before_anything_runs(tmp_path: Path, mistake: str) -> None:
    name, content, said = BAD_LISTS[mistake]
    if isinstance(content, bytes):
        (tmp_path / str(name)).write_bytes(content)
    elif content is not None:
        (tmp_path / str(name)).write_text(content)
    told = message(with_coalitions(distribution="file", path=name or "none.csv"), tmp_path)
    for part in [f"coalitions.more.path = {name or 'none.csv'!r}", *said]:
        assert part in told


def test_list_without_a_path() -> None:
    assert "coalitions.more.path is missing" in message(with_coalitions(distribution="file"))


def test_digest_of_a_list_is_that_of_the_asked_coalitions(tmp_path: Path) -> None:
    """More coalitions at the end change no digest of those before; spaces neither."""
    path = tmp_path / "mine.jsonl"
    path.write_text("[0]\n[1]\n")
    before = lists.digest(lists.read(path), range(2))
    path.write_text("[0]\n\n[ 1 ]\n[2]\n")
    assert lists.digest(lists.read(path), range(2)) == before
    assert lists.digest(lists.read(path), range(1, 3)) != before


#: As google/ddpm-celebahq-256 says what it is, but for its size.
NETWORK = {
    "_class_name": "UNet2DModel",
    "_diffusers_version": "0.1.1",
    "sample_size": 8,
    "in_channels": 1,
    "out_channels": 1,
    "block_out_channels": [64, 128],
    "norm_num_groups": 32,
    "class_embed_type": None,
}
NOISE = {
    "_class_name": "DDPMScheduler",
    "num_train_timesteps": 1000,
    "beta_start": 0.0001,
    "beta_end": 0.02,
    "beta_schedule": "linear",
    "trained_betas": None,
}
BIN = "diffusion_pytorch_model.bin"


def with_pretrained(
    tmp_path: Path,
    network: dict[str, Any] | None = None,
    noise: dict[str, Any] | None = None,
    place: str = ".",
    weights: str = BIN,
) -> dict[str, Any]:
    """The default run with a full model from elsewhere, of which keys are changed."""
    folder = tmp_path / "published" / place
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(NETWORK | (network or {})))
    (folder / weights).write_bytes(b"")
    scheduler = json.dumps(NOISE | (noise or {}))
    (tmp_path / "published" / "scheduler_config.json").write_text(scheduler)
    return changed("full.pretrained", "published")


@pytest.mark.parametrize("place", [".", "unet"])
@pytest.mark.parametrize("weights", [BIN, "diffusion_pytorch_model.safetensors"])
def test_pretrained(tmp_path: Path, place: str, weights: str) -> None:
    raw = with_pretrained(tmp_path, place=place, weights=weights)
    assert load(raw, tmp_path).full.pretrained == "published"


def test_pretrained_by_diffcredit(tmp_path: Path) -> None:
    structure = {"architecture": NETWORK, "pruning": []}
    described = {"structure": structure, "facts": {}}
    raw = with_pretrained(tmp_path, described, weights="weights.safetensors")
    load(raw, tmp_path)
    raw["data"]["image_size"] = 16
    assert "sample_size = 8, not 16" in message(raw, tmp_path)


def test_pretrained_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = with_pretrained(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    raw["full"]["pretrained"] = "~/published"
    load(raw, ROOT)


BAD_PRETRAINED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    # keys of its config.json, of its scheduler_config.json, what the message must say
    "larger images": ({"sample_size": 256}, {}, "sample_size = 256, not 8"),
    "no size": ({"sample_size": None}, {}, "sample_size = null, not 8"),
    "color": ({"in_channels": 3}, {}, "in_channels = 3, not 1"),
    "variances, too": ({"out_channels": 2}, {}, "out_channels = 2, not 1"),
    "continuous time": ({"time_embedding_type": "fourier"}, {}, "time_embedding_type = 'fourier'"),
    "of classes": ({"num_class_embeds": 10}, {}, "num_class_embeds = 10"),
    "of text": ({"_class_name": "UNet2DConditionModel"}, {}, "describes a 'UNet2DConditionModel'"),
    "fewer noise levels": ({}, {"num_train_timesteps": 500}, "num_train_timesteps = 500, not 1000"),
    "cosine": ({}, {"beta_schedule": "squaredcos_cap_v2"}, "= 'squaredcos_cap_v2', not 'linear'"),
    "less noise": ({}, {"beta_end": 0.012}, "beta_end = 0.012, not 0.02"),
    "no betas": ({}, {"beta_start": None}, "beta_start = null, not 0.0001"),
    "its own betas": ({}, {"trained_betas": [0.1]}, "trained_betas = [0.1], not null"),
    "heads that do not share the channels": (
        {"attention_head_dim": 48},
        {},
        "attention_head_dim = 48, which does not divide its 128 channels",
    ),
    "groups that do not share the channels": (
        {"block_out_channels": [64, 96], "norm_num_groups": 48, "attention_head_dim": None},
        {},
        "norm_num_groups = 48, which does not divide its 64 channels",
    ),
    "a resolution of one pixel": (
        {
            "block_out_channels": [64] * 4,
            "down_block_types": ["DownBlock2D"] * 4,
            "up_block_types": ["UpBlock2D"] * 4,
        },
        {},
        "must be a multiple of 8, at least 16",
    ),
    "velocity": ({}, {"prediction_type": "v_prediction"}, "prediction_type = 'v_prediction'"),
}


@pytest.mark.parametrize("mistake", BAD_PRETRAINED)
def test_pretrained_that_does_not_fit(tmp_path: Path, mistake: str) -> None:
    network, noise, said = BAD_PRETRAINED[mistake]
    told = message(with_pretrained(tmp_path, network, noise), tmp_path)
    assert "full.pretrained = 'published': " in told
    assert said in told
    assert len(told.splitlines()) == 2


@pytest.mark.parametrize("key", ["models", "snapshots"])
def test_pretrained_is_one_model(tmp_path: Path, key: str) -> None:
    raw = with_pretrained(tmp_path)
    raw["full"][key] = 2
    assert f"full.{key} = 2: must be 1 where full.pretrained" in message(raw, tmp_path)


@pytest.mark.parametrize(
    ("file", "said"),
    [(".", "an existing folder"), ("config.json", "must hold config.json"), (BIN, "must hold one")],
)
def test_pretrained_that_is_not_there(tmp_path: Path, file: str, said: str) -> None:
    raw = with_pretrained(tmp_path)
    path = tmp_path / "published" / file
    path.rename(tmp_path / "elsewhere")
    told = message(raw, tmp_path)
    assert "full.pretrained = 'published': " in told
    assert said in told


def test_pruning_is_asked_of_the_pretrained_model(tmp_path: Path) -> None:
    """Not of the model section, which describes networks from scratch then."""
    raw = with_pretrained(tmp_path)
    raw["model"]["scale_shift"] = True
    raw["pruned"]["ratio"] = 0.6
    told = message(raw, tmp_path)
    assert "32 norm groups of full.pretrained must keep a channel of 64" in told
    assert len(told.splitlines()) == 2
    raw["pruned"]["ratio"] = 0.5
    load(raw, tmp_path)
    raw["pruned"] |= {"target": "parameters", "ratio": 0.76}
    assert "a channel of 64; accepted: at most 0.7" in message(raw, tmp_path)
    raw["pruned"]["ratio"] = 0.7
    load(raw, tmp_path)
    path = tmp_path / "published" / "config.json"
    path.write_text(json.dumps(NETWORK | {"resnet_time_scale_shift": "scale_shift"}))
    assert "full.pretrained has scale_shift" in message(raw, tmp_path)


def folder(tmp_path: Path, **keys: Any) -> dict[str, Any]:
    for name in ("ann", "bob"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        (tmp_path / "pictures" / name / "1.png").touch()
    raw = default()
    planted = {"contributors": 0, "noise": 0.5}
    raw["data"] |= {"source": "folder", "path": "pictures", "contributors": "subfolder"}
    raw["data"] |= {"image_size": 8, "channels": 1, "planted": planted} | keys
    return raw


BAD_INJECTED = {
    # the section, other keys of the data, the key that is wrong, what the message must say
    "no image": ({"copies": 3}, {}, ".image is missing", "number of a training image"),
    "number below 0": ({"image": -1}, {}, ".image = -1", "from 0"),
    "half a number": ({"image": 1.5}, {}, ".image = 1.5", "from 0"),
    "beyond the digits": ({"image": 1797}, {}, ".image = 1797", "below the 1797 training images"),
    "beyond those left": ({"image": 1700}, {"held_out": 97}, ".image = 1700", "below the 1700"),
    "beyond those drawn": ({"image": 20}, {"images": 20}, ".image = 20", "below the 20"),
    "no file": ({"image": "a.png"}, {}, ".image = 'a.png'", "must be an existing file"),
    "a folder": ({"image": "."}, {}, ".image = '.'", "must be an existing file"),
    "no copies": ({"image": 0, "copies": 0}, {}, ".copies = 0", "1 or more"),
    "unknown key": ({"image": 0, "copy": 2}, {}, ".copy = 2", "did you mean 'copies'?"),
}


@pytest.mark.parametrize("mistake", BAD_INJECTED)
def test_mistake_in_an_injected_image(tmp_path: Path, mistake: str) -> None:
    section, keys, *said = BAD_INJECTED[mistake]
    raw = default()
    raw["data"] |= {"injected": section} | keys
    told = message(raw, tmp_path)
    for part in (f"data.injected{said[0]}", said[1]):
        assert part in told


@pytest.mark.parametrize(
    ("image", "contributors", "count"),
    [
        (5, 12, 13),
        ("a.png", 12, 13),
        (5, "label", 11),
        (5, "image", 1797),
        ("a.png", "image", 1798),
    ],
)
def test_injected_contributor_is_counted(
    tmp_path: Path, image: int | str, contributors: int | str, count: int
) -> None:
    """An image that was a contributor of its own is the injected one instead."""
    (tmp_path / "a.png").write_bytes(b"")
    raw = with_coalitions(distribution="leave_one_out")
    raw["data"] |= {"contributors": contributors, "injected": {"image": image}}
    assert load(raw, tmp_path).coalitions["more"].count == count


def test_injected_contributor_is_not_planted() -> None:
    raw = changed("data.planted.contributors", 13)
    raw["data"]["injected"] = {"image": 5}
    assert "must not exceed the 12 contributors" in message(raw)


def test_folder(tmp_path: Path) -> None:
    assert load(folder(tmp_path), tmp_path).data.contributors == "subfolder"


def test_folder_that_does_not_exist(tmp_path: Path) -> None:
    told = message(folder(tmp_path, path="photos"), tmp_path)
    assert "data.path = 'photos'" in told
    assert "existing folder" in told


def test_folder_without_path(tmp_path: Path) -> None:
    assert "data.path is missing" in message(folder(tmp_path, path=None), tmp_path)


FOLDERS: dict[str, tuple[list[str], Any, str | None]] = {
    # files, contributors, what the message says
    "one subfolder": (["ann/1.png", "ann/2.png"], "image", "there is one, 'ann'"),
    "one subfolder of several": (["ann/1.png", "ann/2.png", "ann/3.png"], 3, "there is one, 'ann'"),
    "no subfolder": (["1.png", "2.png", "3.png"], 3, "its images must lie in subfolders"),
    "no subfolder of images": (["1.png", "2.png"], "image", "its images must lie in subfolders"),
    "fewer files than contributors": (["ann/1.png", "bob/1.png"], 3, "must not exceed 2"),
    "two subfolders": (["ann/1.png", "bob/1.png", "bob/2.png"], "image", None),
    "as many files as contributors": (["ann/1.png", "bob/1.png", "bob/2.png"], 3, None),
}


@pytest.mark.parametrize("case", FOLDERS)
def test_folder_that_cannot_be_what_is_asked_for(tmp_path: Path, case: str) -> None:
    files, contributors, told = FOLDERS[case]
    for file in files:
        (tmp_path / "own" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "own" / file).touch()
    raw = default()
    raw["data"] |= {"source": "folder", "path": "own", "image_size": 8, "channels": 1}
    raw["data"]["contributors"] = contributors
    if told:
        assert told in message(raw, tmp_path)
    else:
        load(raw, tmp_path)


def test_table_that_does_not_exist(tmp_path: Path) -> None:
    table = {"csv": "people.csv", "column": "artist"}
    assert "people.csv" in message(folder(tmp_path, contributors=table), tmp_path)


def test_more_planted_than_subfolders(tmp_path: Path) -> None:
    raw = folder(tmp_path, planted={"contributors": 3, "noise": 0.5})
    assert "the 2 contributors" in message(raw, tmp_path)


def test_unknown_key_of_a_table(tmp_path: Path) -> None:
    table = {"csv": "people.csv", "colum": "artist"}
    told = message(folder(tmp_path, contributors=table), tmp_path)
    assert "data.contributors" in told
    assert "column" in told


@pytest.mark.parametrize("label", [-1, 1.5, True, None])
def test_class_that_is_neither_a_number_nor_a_name(label: Any) -> None:
    told = message(changed("data.labels", [0, label]))
    assert f"data.labels.1 = {shown(label)}" in told
    assert "by number from 0 or by name" in told


def test_classes_by_number_and_by_name() -> None:
    assert load(changed("data.labels", [1, "digit 7"]), ROOT).data.labels == [1, "digit 7"]


def test_one_class_is_enough_for_other_extractors() -> None:
    raw = changed("data.labels", [3])
    raw["behaviors"] = {"fid": {"measure": "fid", "extractor": "pixels"}}
    load(raw, ROOT)


def named_files(folder: Path, *names: str) -> None:
    """Files that have the names of published ones; the configuration looks at no more."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


BATCHES = [f"data_batch_{number}.bin" for number in range(1, 6)]
IDX = [
    f"{split}-{kind}-ubyte"
    for split in ("train", "t10k")
    for kind in ("images-idx3", "labels-idx1")
]


def cifar10(tmp_path: Path, **keys: Any) -> dict[str, Any]:
    named_files(tmp_path / "pictures", *BATCHES, "test_batch.bin")
    return folder(tmp_path, source="cifar10", image_size=32, channels=3, contributors=12) | keys


def test_cifar10(tmp_path: Path) -> None:
    raw = cifar10(tmp_path)
    raw["coalitions"]["more"] = {"distribution": "leave_one_out"}
    raw["data"] |= {"labels": ["horse", 1], "images": 60_000, "held_out": 10}
    assert load(raw, tmp_path).coalitions["more"].count == 12
    raw["data"]["contributors"] = "label"
    assert load(raw, tmp_path).coalitions["more"].count == 2


BAD_CIFAR10 = {
    "channels": (1, "the images of cifar10 are in color: 3"),
    "contributors": ("subfolder", "accepted: a number, label or image"),
    "labels": (["car", "horse"], "'car' is no class; must be one of: airplane, automobile"),
    "path": ("nowhere", "must be an existing folder"),
}


@pytest.mark.parametrize("source", ["mnist", "fashion_mnist"])
def test_mnist_is_gray(tmp_path: Path, source: str) -> None:
    raw = folder(tmp_path, source=source, image_size=32, contributors=12)
    named_files(tmp_path / "pictures", *IDX)
    assert load(raw, tmp_path).data.source.name == source
    raw["data"]["channels"] = 3
    assert f"the images of {source} are gray: 1" in message(raw, tmp_path)


@pytest.mark.parametrize("key", BAD_CIFAR10)
def test_mistake_in_cifar10(tmp_path: Path, key: str) -> None:
    value, accepted = BAD_CIFAR10[key]
    raw = cifar10(tmp_path)
    raw["data"][key] = value
    told = message(raw, tmp_path)
    assert f"data.{key} = {value!r}" in told
    assert accepted in told


WRONG_FOLDERS = {
    # source, files, images held out, what the message must say
    "no files": ("cifar10", [], 0, "holds no CIFAR-10 that is read"),
    "a pickle": ("cifar10", ["data_batch_1"], 0, "nothing is unpickled"),
    "a batch is missing": ("cifar10", BATCHES[1:], 0, "the whole train split of CIFAR-10"),
    "no test batch": ("cifar10", BATCHES, 5, "the whole test split of CIFAR-10"),
    "files of another one": ("mnist", BATCHES, 0, "holds no MNIST that is read"),
    "no labels": ("mnist", IDX[:1], 0, "of train-labels-idx1-ubyte"),
    "twice": ("fashion_mnist", [*IDX, "train-images-idx3-ubyte.gz"], 0, "once"),
    "a shard is missing": (
        "mnist",
        ["train-00001-of-00002.parquet"],
        0,
        "Parquet files with train",
    ),
}


@pytest.mark.parametrize("fault", WRONG_FOLDERS)
def test_folder_without_the_files_of_a_published_dataset(fault: str, tmp_path: Path) -> None:
    source, files, held_out, told = WRONG_FOLDERS[fault]
    named_files(tmp_path / "published", *files)
    data = {"source": source, "path": "published", "held_out": held_out}
    found = message(default() | {"data": data}, tmp_path)
    assert "data.path = " in found
    assert told in found
    assert "accepted: " in found


def test_path_that_is_a_file(tmp_path: Path) -> None:
    named_files(tmp_path, "cifar.zip")
    found = message(default() | {"data": {"source": "cifar10", "path": "cifar.zip"}}, tmp_path)
    assert "data.path = 'cifar.zip': must be an existing folder; it is a file" in found


def test_pretrained_that_was_pruned_before(tmp_path: Path) -> None:
    structure = {"architecture": NETWORK, "pruning": [["conv", 1]]}
    described = {"structure": structure, "facts": {}}
    raw = with_pretrained(tmp_path, described, weights="weights.safetensors")
    load(raw, tmp_path)
    raw["pruned"]["target"] = "parameters"
    assert "pruned.target = 'parameters': " in message(raw, tmp_path)
    assert "accepted: channels" in message(raw, tmp_path)


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
#: What weights a configuration names, by key; the file of each stands for weights elsewhere.
POINTED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "full.pretrained": ("published", BIN, {}),
    "extractors.inception.path": ("inception.pt", "", {"extractor": "inception"}),
    "extractors.sscd.path": ("sscd.pt", "", {"extractor": "sscd"}),
    "extractors.clip.path": ("clip", "model.safetensors", {"extractor": "clip"}),
    "extractors.blip.path": ("blip", "model.safetensors", {"extractor": "blip"}),
}


@pytest.mark.parametrize("key", POINTED)
def test_weights_that_git_lfs_has_not_fetched_are_told(tmp_path: Path, key: str) -> None:
    name, file, behavior = POINTED[key]
    raw = with_pretrained(tmp_path) if key == "full.pretrained" else default()
    place = tmp_path / name / file
    place.parent.mkdir(exist_ok=True)
    (place.parent / "config.json").touch()
    if key == "full.pretrained":
        (place.parent / "config.json").write_text(json.dumps(NETWORK))
    place.write_bytes(POINTER)
    entry = key.split(".")[1]
    if behavior:
        raw["extractors"][entry]["path"] = str(tmp_path / name)
        raw["behaviors"]["fid"] |= behavior
    told = message(raw, tmp_path)
    assert f"{key} = " in told
    assert f"{place} is a pointer of Git LFS" in told


SOURCES = {
    # keys of data; image_size, channels, contributors, planted
    "digits": ({}, (8, 1, 12, 3)),
    "mnist": ({"path": "published"}, (28, 1, 12, 0)),
    "fashion_mnist": ({"path": "published"}, (28, 1, 12, 0)),
    "cifar10": ({"path": "published"}, (32, 3, 12, 0)),
    "folder": (
        {"path": "published", "image_size": 64, "channels": 3, "contributors": "image"},
        (64, 3, "image", 0),
    ),
    "a list of labels": (
        {
            "source": "folder",
            "path": "published",
            "image_size": 64,
            "channels": 3,
            "contributors": {"csv": "labels.csv", "column": "artist"},
        },
        (64, 3, config.CsvContributors(csv="labels.csv", column="artist"), 0),
    ),
    "subfolders": (
        {
            "source": "folder",
            "path": "published",
            "image_size": 64,
            "channels": 1,
            "contributors": "subfolder",
        },
        (64, 1, "subfolder", 0),
    ),
    "labels of a published dataset": (
        {"source": "cifar10", "path": "published", "contributors": "label"},
        (32, 3, "label", 0),
    ),
    "a part of the digits": ({"source": "digits", "labels": [1, 2]}, (8, 1, 12, 3)),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("planted", [None, 0, 2])
def test_defaults_are_those_of_the_source(source: str, planted: int | None, tmp_path: Path) -> None:
    """Over config.yaml, whose null leaves them to the source."""
    named_files(tmp_path / "published", *IDX, *BATCHES)
    named_files(tmp_path / "published", "labels.csv")
    for name in ("ann", "bob", "cid"):
        named_files(tmp_path / "published" / name, "1.png")
    keys, (side, channels, contributors, own) = SOURCES[source]
    raw = default()
    raw["data"] |= {"source": source} | keys
    raw["data"]["planted"]["contributors"] = planted
    data = load(raw, tmp_path).data
    assert (data.image_size, data.channels, data.contributors) == (side, channels, contributors)
    assert data.planted == config.Planted(contributors=own if planted is None else planted)
    assert load(raw | {"data": data.model_dump()}, tmp_path).data == data


def test_a_folder_has_no_defaults_and_the_hints_are_accepted(tmp_path: Path) -> None:
    (tmp_path / "own/anna").mkdir(parents=True)
    raw = default()
    raw["data"] |= {"source": "folder", "path": "own"}
    told = message(raw, tmp_path)
    for key in ("image_size", "channels", "contributors"):
        hint = re.search(rf"data\.{key} is missing: .*\n    Hint: (data\.{key}: .*)", told)
        assert hint, key
        raw["data"][key] = yaml.safe_load(hint[1])[f"data.{key}"]
    assert load(raw, tmp_path).data.planted.contributors == 0


def test_digits_have_as_many_images_of_each_class_as_the_registry_says() -> None:
    from sklearn.datasets import load_digits

    counted = [int((load_digits().target == digit).sum()) for digit in range(10)]
    assert list(registry.DATASETS["digits"].sizes) == counted


def test_count_of_the_classes_kept_of_a_folder(tmp_path: Path) -> None:
    raw = folder(tmp_path, labels=["bob", "eve"])
    (tmp_path / "pictures/eve").mkdir()
    (tmp_path / "pictures/eve/1.png").touch()
    raw["coalitions"]["more"] = {"distribution": "add_one_in"}
    raw["behaviors"] = {"fid": {"measure": "fid", "extractor": "pixels"}}
    assert load(raw, tmp_path).coalitions["more"].count == 2


def test_scientific_notation_is_a_number() -> None:
    assert load(changed("full.learning_rate", "1e-4"), ROOT).full.learning_rate == 1e-4


def test_null_removes_an_entry() -> None:
    assert "datamodel" not in load(changed("attributions.datamodel", None), ROOT).attributions


def keys(section: type[BaseModel], prefix: str = "") -> dict[str, Any]:
    """Every key below a section with its default."""
    found: dict[str, Any] = {}
    for name, field in section.model_fields.items():
        value = field.get_default(call_default_factory=True)
        if isinstance(value, Options) and value.name:
            found[prefix + name] = value.name
        elif isinstance(value, Options):
            found |= {f"{prefix}{name}.{key}": default for key, default in value}
        elif isinstance(value, Section):
            found |= keys(type(value), f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found


NAMED = {*config.NAMED_SECTIONS, "evaluation"}


def test_config_yaml_is_complete_and_holds_the_defaults() -> None:
    of_the_source = ("image_size", "channels", "contributors", "planted.contributors")
    for key, value in keys(config.Config).items():
        if key in NAMED:
            continue
        if key.removeprefix("data.") in of_the_source:
            value = None
        place: Any = default()
        for part in key.split("."):
            assert part in place, key
            place = place[part]
        assert place == value, key


def test_every_key_of_config_yaml_has_a_comment() -> None:
    """A key is explained on the lines above it, or its section is; named entries by their own."""
    lines = TEXT.splitlines()
    top = [n for n, line in enumerate(lines) if re.match(r"^\w+:", line)]
    uncommented = [lines[n] for n in top if not has_comment(lines, n)]
    assert uncommented == []


def has_comment(lines: list[str], number: int) -> bool:
    return number > 0 and lines[number - 1].lstrip().startswith("#")


def test_every_key_is_described() -> None:
    sections = [s for s in vars(config).values() if isinstance(s, type) and issubclass(s, Section)]
    for section in sections:
        assert section.__doc__
        for name, field in section.model_fields.items():
            plain = not isinstance(field.default, Section)
            required_section = name in NAMED or name in {"lds", "distribution"}
            if plain and not required_section and section is not Section:
                assert field.description, (section.__name__, name)


@pytest.mark.parametrize("table", TABLES)
def test_every_entry_of_the_registry_exists_and_its_options_are_described(table: str) -> None:
    entries: Table[Any] = getattr(registry, table)
    for name in entries:
        assert issubclass(entries[name], Implementation)
        assert entries[name].__doc__
        for option, field in entries[name].Options.model_fields.items():
            assert field.description, (name, option)


@pytest.mark.parametrize("table", TABLES)
def test_config_yaml_tells_of_every_building_block_and_its_options(table: str) -> None:
    entries: Table[Any] = getattr(registry, table)
    for name in entries:
        assert re.search(rf"\b{name}\b", TEXT), name
        for option in entries[name].Options.model_fields:
            assert re.search(rf"\b{option}\b", TEXT), (name, option)


BACKGROUNDS = {
    "white": (255, 255, 255),
    "black": (0, 0, 0),
    "#0a141e": (10, 20, 30),
    "rebeccapurple": (102, 51, 153),
    7: (7, 7, 7),
    0: (0, 0, 0),
    (1, 2, 3): (1, 2, 3),
}


@pytest.mark.parametrize("color", BACKGROUNDS)
def test_background(tmp_path: Path, color: Any) -> None:
    raw = folder(tmp_path, background=list(color) if isinstance(color, tuple) else color)
    assert load(raw, tmp_path).data.background_color == BACKGROUNDS[color]


@pytest.mark.parametrize("color", ["whit", "", 256, -1, [1, 2], [1, 2, 300], [1, 2, 3, 4], 1.5])
def test_background_that_is_no_color(tmp_path: Path, color: Any) -> None:
    told = message(folder(tmp_path, background=color), tmp_path)
    assert "data.background" in told
    assert "255" in told
