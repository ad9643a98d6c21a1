"""The configuration of attributions by scores of images: each mistake is told by its key."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from diffcredit.attribution.gradients import ekfac
from diffcredit.attribution.gradients.scores import DAMPINGS
from diffcredit.config import load
from diffcredit.errors import UserError
from diffcredit.registry import FUNCTIONS, SCORES, Table

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "config.yaml").read_text()

TRAK = {"method": "trak", "gradients": "grads", "behaviors": ["generated"], "damping": 1.0}
GRID = TRAK | {"damping": None, "chosen_on": "retrain/choosing"}
TRACIN = {"method": "tracin", "gradients": "grads", "behaviors": ["generated"]}
COSINE = {"method": "cosine", "extractor": "pixels", "behaviors": ["generated"]}
PATCHES = {
    "method": {"name": "patches", "scales": [{"size": 3}]},
    "behaviors": ["generated"],
}
JOURNEY = TRAK | {"method": "journey_trak"}
EKFAC = TRAK | {"method": "ekfac"}


def configured(score: dict[str, Any] | None, **gradients: Any) -> dict[str, Any]:
    """The default with losses, coalitions to choose on, gradients, and one score."""
    raw: dict[str, Any] = yaml.safe_load(TEXT)
    raw["data"]["held_out"] = 20
    for images in ("generated", "held_out"):
        raw["behaviors"][images] = {"measure": {"name": "denoising_loss", "images": images}}
    raw["coalitions"] |= {
        "choosing": {"distribution": "datamodel", "count": 8},
        "few": {"distribution": "datamodel", "count": 2},
    }
    raw["approaches"]["retrain"]["coalitions"] |= {"choosing": 1, "few": 1, "full": 1}
    raw["gradients"] = {"grads": {"function": "loss", **gradients}}
    raw["attributions"]["it"] = score
    return raw


def message(raw: dict[str, Any], base: Path = ROOT) -> str:
    with pytest.raises(UserError) as caught:
        load(raw, base)
    return str(caught.value)


GOOD = {
    "one damping": (TRAK, {}),
    "all dampings": (GRID, {}),
    "some dampings": (GRID | {"damping": [1, 10]}, {}),
    "one damping, measured on others": (TRAK | {"chosen_on": "retrain/choosing"}, {}),
    "gradients without a damping": (TRACIN, {}),
    "features": (COSINE, {}),
    "patches": (PATCHES, {}),
    "along the trajectory": (JOURNEY, {"timesteps": 10}),
    "more timesteps than steps of sampling": (JOURNEY, {"timesteps": 100}),
    "of the model": (EKFAC, {}),
    "images held out": (TRAK | {"behaviors": ["held_out", "generated"]}, {}),
    "behavior of the whole model": (TRAK | {"behaviors": ["fid"], "queries": "generated"}, {}),
    "noise levels one after the other": (TRAK, {"timesteps": 7, "at": "cumulative"}),
    "the whole gradient": (TRAK, {"dimensions": "all"}),
}


@pytest.mark.parametrize("name", GOOD)
def test_score_is_accepted_and_survives_its_way_into_a_job(name: str) -> None:
    score, gradients = GOOD[name]
    loaded = load(configured(score, **gradients), ROOT)
    assert load(loaded.model_dump(), ROOT) == loaded
    for key, value in gradients.items():
        assert getattr(loaded.gradients["grads"], key) == value


BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    # score, key and value that are told, what is accepted
    "unknown method": (TRAK | {"method": "track"}, "method = 'track'", "did you mean 'trak'?"),
    "unknown key": (TRAK | {"dampings": 1}, "dampings = 1", "did you mean 'damping'?"),
    "unknown gradients": (
        TRAK | {"gradients": "gards"},
        "gradients = 'gards'",
        "did you mean 'grads'?",
    ),
    "no gradients": (TRAK | {"gradients": None}, "gradients is missing", "an entry of gradients"),
    "no extractor": (COSINE | {"extractor": None}, "extractor is missing", "entry of extractors"),
    "unknown extractor": (
        COSINE | {"extractor": "pixel"},
        "extractor = 'pixel'",
        "did you mean 'pixels'?",
    ),
    "extractor of gradients": (
        TRAK | {"extractor": "pixels"},
        "extractor = 'pixels'",
        "trak does not use it; leave it out",
    ),
    "gradients of features": (
        COSINE | {"gradients": "grads"},
        "gradients = 'grads'",
        "cosine does not use it; leave it out",
    ),
    "large patches": (
        PATCHES | {"method": {"name": "patches", "scales": [{"size": 3}, {"size": 9}]}},
        "method.scales.size = 9",
        "data.image_size = 8",
    ),
    "no patches of any size": (
        PATCHES | {"method": {"name": "patches", "scales": []}},
        "method.scales = []",
        "a list of {size: ..., pool: 1}",
    ),
    "empty patches": (
        PATCHES | {"method": {"name": "patches", "scales": [{"size": 0}]}},
        "method.scales.0.size = 0",
        "1 to data.image_size",
    ),
    "squares that do not divide": (
        PATCHES | {"method": {"name": "patches", "scales": [{"size": 3, "pool": 2}]}},
        "method.scales.pool = 2",
        "must divide size = 3",
    ),
    "noise level that there is not": (
        PATCHES | {"method": {"name": "patches", "timesteps": [1000]}},
        "method.timesteps = 1000",
        "below model.timesteps = 1000",
    ),
    "noise level below 0": (
        PATCHES | {"method": {"name": "patches", "timesteps": [-1]}},
        "method.timesteps.0 = -1",
        "each 0 or more",
    ),
    "unknown behavior": (
        TRAK | {"behaviors": ["generatde"]},
        "behaviors = 'generatde'",
        "did you mean 'generated'?",
    ),
    "no behavior": (TRAK | {"behaviors": []}, "behaviors = []", "one or more"),
    "behavior twice": (
        TRAK | {"behaviors": ["generated"] * 2},
        "behaviors = ['generated', 'generated']",
        "names an entry twice",
    ),
    "no queries for a behavior of the whole model": (
        TRAK | {"behaviors": ["generated", "fid"]},
        "queries is missing",
        "fid has one value; name a behavior with queries, over which scores are averaged: "
        "generated, held_out",
    ),
    "queries that nobody needs": (
        TRAK | {"queries": "held_out"},
        "queries = 'held_out'",
        "leave it out",
    ),
    "queries of a behavior that has none": (
        TRAK | {"behaviors": ["fid"], "queries": "log_fid"},
        "queries = 'log_fid'",
        "a value for each query; must be one of: generated, held_out",
    ),
    "damping 0": (TRAK | {"damping": 0}, "damping = 0", "a number above 0, or a list of them"),
    "damping 0 of several": (GRID | {"damping": [1, 0]}, "damping.1 = 0", "above 0"),
    "no damping of several": (GRID | {"damping": []}, "damping = []", "a list of them"),
    "damping of a method without": (
        TRACIN | {"damping": 1.0},
        "damping = 1.0",
        "tracin has no damping",
    ),
    "choice for a method without damping": (
        COSINE | {"chosen_on": "retrain/choosing"},
        "chosen_on = 'retrain/choosing'",
        "cosine has no damping",
    ),
    "nothing to choose on": (
        GRID | {"chosen_on": None},
        "chosen_on is missing",
        "one of 27 dampings is chosen on coalitions other than "
        "evaluation.lds.truth = 'retrain/datamodel'",
    ),
    "choice on the test coalitions": (
        GRID | {"chosen_on": "retrain/datamodel"},
        "chosen_on = 'retrain/datamodel'",
        "the LDS is reported on these coalitions",
    ),
    "choice on coalitions that nobody makes": (
        GRID | {"chosen_on": "sft/choosing"},
        "chosen_on = 'sft/choosing'",
        "did you mean 'retrain/choosing'?",
    ),
    "choice on no reference": (
        GRID | {"chosen_on": "choosing"},
        "chosen_on = 'choosing'",
        "approach/coalitions",
    ),
    "choice on models that are all alike": (
        GRID | {"chosen_on": "retrain/full"},
        "chosen_on = 'retrain/full'",
        "are all alike",
    ),
    "unknown groups": (TRAK | {"groups": "median"}, "groups = 'median'", "sum, mean or max"),
}


@pytest.mark.parametrize("mistake", BAD)
def test_mistake_in_a_score(mistake: str) -> None:
    score, told, accepted = BAD[mistake]
    found = message(configured(score))
    assert f"  attributions.it.{told}" in found
    assert accepted in found
    assert "validation error" not in found
    assert len([line for line in found.splitlines() if line.startswith("  attributions")]) == 1


BAD_GRADIENTS: dict[str, tuple[str, Any, str]] = {
    "unknown function": ("function", "lost", "did you mean 'loss'?"),
    "no noise levels": ("timesteps", 0, "1 to model.timesteps"),
    "more noise levels than there are": ("timesteps", 1001, "model.timesteps = 1000"),
    "noise levels that do not divide": ("timesteps", 7, "must divide model.timesteps = 1000"),
    "unknown place": ("at", "random", "uniform (0, T/K, 2 T/K, ...) or cumulative"),
    "no dimensions": ("dimensions", 0, "1 or more; all"),
    "dimensions by name": ("dimensions", "everything", "1 or more; all"),
    "no models": ("models", 0, "1 to full.models"),
    "more models than are trained": ("models", 3, "must not exceed full.models = 1"),
    "more snapshots than are taken": ("snapshots", 2, "must not exceed full.snapshots = 1"),
    "no shards": ("shards", 0, "1 or more"),
    "no batch": ("batch_size", 0, "1 or more"),
    "unknown key": ("dimension", 5, "did you mean 'dimensions'?"),
}


@pytest.mark.parametrize("mistake", BAD_GRADIENTS)
def test_mistake_in_gradients(mistake: str) -> None:
    key, value, accepted = BAD_GRADIENTS[mistake]
    found = message(configured(TRAK, **{key: value}))
    assert f"gradients.grads.{key} = {value!r}" in found
    assert accepted in found


def test_ranks_of_two_coalitions_choose_nothing() -> None:
    found = message(configured(GRID | {"chosen_on": "retrain/few"}))
    assert "coalitions.few.count = 2" in found
    assert "attributions.it.chosen_on = 'retrain/few' need 3 coalitions or more" in found


def test_choice_on_the_list_of_the_test_coalitions_under_another_name(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("a,b\n1,0\n0,1\n1,1\n")
    listed = {"distribution": "file", "path": "list.csv"}
    raw = configured(GRID)
    raw["data"] |= {"contributors": 2, "planted": {"contributors": 0}}
    raw["coalitions"] |= {"datamodel": listed, "choosing": dict(listed)}
    found = message(raw, tmp_path)
    assert "attributions.it.chosen_on = 'retrain/choosing': the LDS is reported on these" in found
    assert len(found.splitlines()) == 2


def test_snapshots_are_at_most_one_for_each_step() -> None:
    raw = configured(TRAK)
    raw["full"]["snapshots"] = 401
    assert "full.snapshots = 401: must not exceed full.steps = 400" in message(raw)


def test_journeys_are_of_generated_images() -> None:
    found = message(configured(JOURNEY | {"behaviors": ["held_out"]}))
    assert "behaviors.held_out.measure.images = 'held_out': journey_trak needs generated" in found
    through = message(configured(JOURNEY | {"behaviors": ["fid"], "queries": "held_out"}))
    assert "behaviors.held_out.measure.images = 'held_out': journey_trak needs" in through


def test_ekfac_needs_its_package_and_gradients_of_the_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    found = message(configured(EKFAC, function="squared_norm"))
    assert "gradients.grads.function = 'squared_norm': must be loss" in found
    monkeypatch.setattr(ekfac, "find_spec", lambda name: None)
    found = message(configured(EKFAC))
    assert "attributions.it.method = 'ekfac': needs the package kronfluence" in found
    assert "Hint: pip install" in found
    assert load(configured(TRAK), ROOT).score_attributions


def test_extractor_without_its_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    raw = configured(COSINE | {"extractor": "clip"})
    raw["extractors"]["clip"] = {"kind": "clip", "path": "nowhere"}
    found = message(raw, tmp_path)
    assert "extractors.clip" in found
    assert "nowhere" in found


def test_scores_alone_are_enough_but_not_nothing() -> None:
    raw = configured(TRAK)
    raw["attributions"] = dict.fromkeys(raw["attributions"]) | {"it": TRAK}
    assert load(raw, ROOT).attributed == ["it"]
    raw["attributions"]["it"] = None
    assert "attributions is empty: name one" in message(raw)


def test_dampings_that_are_tried() -> None:
    def tried(score: dict[str, Any]) -> list[float]:
        return load(configured(score), ROOT).score_attributions["it"].dampings

    assert tried(TRAK) == [1.0]
    assert tried(GRID | {"damping": [3, 1]}) == [3.0, 1.0]
    assert tried(GRID) == list(DAMPINGS)
    assert (len(DAMPINGS), DAMPINGS[0], DAMPINGS[-1]) == (27, pytest.approx(1e-5), 5e3)
    assert len(tried(TRACIN)) == len(tried(COSINE)) == 1


def test_all_mistakes_are_told_at_once() -> None:
    wrong = {
        "method": {"name": "patches", "scales": [{"size": 9}]},
        "behaviors": ["generated"],
        "extractor": "pixels",
        "damping": 2.0,
    }
    found = message(configured(wrong, models=2))
    for key in ("gradients.grads.models", "method.scales.size", "extractor", "damping"):
        assert f"{key} = " in found


@pytest.mark.parametrize("table", [SCORES, FUNCTIONS])
def test_every_entry_of_the_registry_exists(table: Table[Any]) -> None:
    for name in table:
        assert callable(table[name])


def test_sums_are_the_default_but_where_they_would_count_images() -> None:
    groups = {
        name: load(configured(score)).score_attributions["it"].groups
        for name, score in {"trak": TRAK, "cosine": COSINE, "patches": PATCHES}.items()
    }
    assert groups == {"trak": "sum", "cosine": "mean", "patches": "sum"}
    assert load(configured(COSINE | {"groups": "max"})).score_attributions["it"].groups == "max"


def test_counterfactual_of_a_behavior_that_a_score_does_not_explain() -> None:
    raw = configured(TRAK)
    raw["coalitions"]["full"] = {"distribution": "full", "count": 2}
    raw["evaluation"]["counterfactual"] = {
        "approach": "retrain",
        "full": "retrain/full",
        "attributions": ["it"],
        "behaviors": ["fid"],
    }
    expected = "evaluation.counterfactual.attributions = 'it': must explain behavior fid"
    assert expected in message(raw)


REGENERATED = {
    "approach": "retrain",
    "attributions": ["it"],
    "behavior": "generated",
    "queries": 4,
    "remove": 2,
    "compared": ["error"],
}
BAD_REGENERATED = {
    "unknown approach": ({"approach": "retrian"}, "did you mean 'retrain'?"),
    "unknown attribution": ({"attributions": ["that"]}, "attributions = 'that': must be one of"),
    "attribution twice": ({"attributions": ["it", "it"]}, "names an entry twice"),
    "images that are not generated": ({"behavior": "held_out"}, "behavior = 'held_out': must be"),
    "nothing that compares images": ({"compared": ["fid"]}, "compared = 'fid': must be one of"),
    "more images than queries": ({"queries": 17}, "behaviors.generated.measure.queries = 16"),
    "everybody removed": ({"remove": 12}, "remove = 12: must be below the 12 contributors"),
    "not explained": ({"attributions": ["other"]}, "'other': must explain behavior generated"),
}


@pytest.mark.parametrize("mistake", BAD_REGENERATED)
def test_mistake_in_images_drawn_again(mistake: str) -> None:
    raw = configured(TRAK)
    raw["attributions"]["other"] = TRAK | {"behaviors": ["held_out"]}
    raw["behaviors"]["error"] = {"measure": {"name": "mse", "queries": 16}}
    raw["evaluation"]["regenerated"] = REGENERATED
    load(raw, ROOT)
    change, expected = BAD_REGENERATED[mistake]
    raw["evaluation"]["regenerated"] = REGENERATED | change
    told = message(raw)
    assert "evaluation.regenerated." in told
    assert expected in told
