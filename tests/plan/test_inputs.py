"""What rules read, by the wildcards of what they make, without Snakemake."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from overlays import overlaid

from diffcredit.config import load
from diffcredit.plan import Code, Plan, UserFiles
from diffcredit.plan.inputs import Inputs, shard_of

ROOT = Path(__file__).parents[2]
RUN = "results/x"
OVERLAY: dict[str, Any] = {
    "execution": {"shard_size": 20},
    "full": {"snapshots": 2, "models": 2},
    "behaviors": {"loss": {"measure": {"name": "denoising_loss", "queries": 3}}},
    "gradients": {"trak": {"timesteps": 2, "dimensions": 16, "shards": 2, "snapshots": 2}},
    "attributions": {
        "patches": {"method": {"name": "patches", "timesteps": [10]}, "behaviors": ["loss"]},
        "nearest": {"method": "cosine", "extractor": "pixels", "behaviors": ["loss"]},
        "trak": {"method": "trak", "gradients": "trak", "behaviors": ["loss"], "damping": 1.0},
    },
}


def inputs_of(tmp_path: Path, overlay: dict[str, Any], enough: int = 99) -> Inputs:
    raw = overlaid(yaml.safe_load((ROOT / "config.yaml").read_text()), overlay)
    config = load(raw, ROOT)
    plan = Plan(config, UserFiles(config, ROOT, tmp_path), Code(), RUN)
    return Inputs(plan, lambda distribution, count: count >= enough)


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    return inputs_of(tmp_path, OVERLAY)


def of(**wildcards: Any) -> SimpleNamespace:
    return SimpleNamespace(**wildcards)


def test_shards_are_numbered_by_training_seed_and_shard(inputs: Inputs) -> None:
    assert shard_of(of(approach="sft", distribution="few", training_seed="2", shard="10")) == (
        *("sft", "few"),
        *(2, 10),
    )
    assert inputs.shard_count("shapley") == 4
    assert inputs.shards("sft", "shapley") == ["0-0", "0-1", "0-2", "0-3"]
    assert inputs.coalition_tables(of(distribution="shapley")) == [
        f"{RUN}/coalitions/shapley/{shard}.parquet" for shard in range(4)
    ]


def test_behaviors_of_images_and_of_models_are_read_together(inputs: Inputs) -> None:
    found = inputs.shard_tables(of(approach="sft", distribution="shapley"))
    assert found[0] == f"{RUN}/behaviors/sft/shapley/0-0.parquet"
    assert found[-1] == f"{RUN}/model_behaviors/sft/shapley/0-3.parquet"
    assert len(found) == 8


def test_adaptive_coalitions_end_where_they_are_enough(tmp_path: Path) -> None:
    until = {"attribution": "shapley_ridge", "behavior": "fid", "stability": 0.9}
    overlay = OVERLAY | {"coalitions": {"shapley": {"until": until}}}
    inputs = inputs_of(tmp_path, overlay, enough=2)
    assert inputs.adaptive == ["shapley"]
    assert inputs.shard_count("shapley") == 2
    assert inputs.reached_files(of()) == [f"{RUN}/coalitions/shapley/enough-2.json"]
    assert inputs_of(tmp_path, overlay).shard_count("shapley") == 4
    first = inputs.first_shard_tables(of(distribution="shapley", shards="1"))
    assert first == [
        f"{RUN}/{stage}/sft/shapley/0-0.parquet" for stage in ("behaviors", "model_behaviors")
    ]
    others = inputs.other_tables(of(distribution="shapley"))
    assert f"{RUN}/behaviors/sft/shapley.parquet" not in others


def test_models_of_gradients_are_snapshots_and_ends(inputs: Inputs) -> None:
    places = inputs.places_of_models(of(score="trak"))
    assert {"number": 0, "snapshot": 1, "model": f"{RUN}/models/snapshots/0/1"} in places
    assert f"{RUN}/models/full" in {place["model"] for place in places}
    assert f"{RUN}/models/snapshots/0" in inputs.made_models(of(score="trak"))
    features = inputs.gradient_features(of(score="trak"))
    assert len(features) == 3 * len(places)
    assert f"{RUN}/gradients/trak/0-1/train/1" in features
    assert f"{RUN}/gradients/trak/0-1/queries/loss" in features
    of_models = inputs.features_of_models(of(score="trak"))
    assert [
        path for place in of_models for path in (*place["train"], *place["queries"].values())
    ] == (features)
    assert all([*place["queries"]] == ["loss"] for place in of_models)


def test_behaviors_are_three_tables(inputs: Inputs) -> None:
    found = inputs.behaviors("sft/shapley", "retrain/test")
    assert found[:3] == [
        f"{RUN}/behaviors/sft/shapley.{end}"
        for end in ("models.parquet", "parquet", "coalitions.parquet")
    ]
    assert len(found) == 6


def test_patches_are_compared_with_what_models_see(inputs: Inputs) -> None:
    assert inputs.compared_images(of(score="patches")) == f"{RUN}/data/examples"
    assert inputs.compared_images(of(score="nearest")) == f"{RUN}/data/train.parquet"
    assert inputs.scores_of("features") == "nearest"
    assert inputs.scores_of("model") == "(?!)"
    assert inputs.score_extractor(of(score="patches")) == []
    assert inputs.score_extractor(of(score="nearest")) == ["pixels"]


def test_starts(inputs: Inputs) -> None:
    assert inputs.start_model(of(approach="sft")) == f"{RUN}/models/pruned"
    assert inputs.start_model(of(approach="retrain")) == []
    assert inputs.own_classifier(["classifier"]) == f"{RUN}/models/classifier"
    assert inputs.own_classifier(["pixels"]) == []
