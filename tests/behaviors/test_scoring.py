"""Measuring a shard and gathering shards."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from gathered import rows_of

from diffcredit.behaviors import scoring
from diffcredit.behaviors.extractor import Extractor
from diffcredit.behaviors.extractors.classifier import ClassifierFeatures
from diffcredit.behaviors.extractors.pixels import Pixels
from diffcredit.behaviors.fid import Fid
from diffcredit.behaviors.image_features import ImageFeatures
from diffcredit.behaviors.scoring import score_shard
from diffcredit.behaviors.table import (
    COSTS,
    Behaviors,
    gather,
    masks_of,
    model_rows,
    pairs_of,
    pivot,
    read,
    read_each,
    write,
)
from diffcredit.config import Behavior
from diffcredit.data.images import Images
from diffcredit.errors import UserError
from diffcredit.samples import ModelSamples, read_shard, write_shard

BEHAVIORS = {
    "log_fid": Behavior(measure="fid", transform="log"),
    "fid": Behavior(measure="fid"),
    "diversity": Behavior(measure="entropy"),
}


@pytest.fixture
def reference(digits: Images) -> torch.Tensor:
    return torch.from_numpy(digits.pixels[:400]).permute(0, 3, 1, 2)


def score(
    drawn: list[ModelSamples],
    reference: torch.Tensor,
    extractor: ClassifierFeatures,
    behaviors: dict[str, Behavior] = BEHAVIORS,
) -> pd.DataFrame:
    return score_shard(drawn, {"reference": reference}, {}, {"classifier": extractor}, behaviors)


def write_samples(folder: Path, images: dict[int, torch.Tensor]) -> list[ModelSamples]:
    """A shard of samples, read again."""
    named = {f"{index:06d}": found.clone() for index, found in images.items()}
    models: dict[str, dict[str, float | None]] = {
        f"{index:06d}": {"coalition": index, "training_seed": 0, "step": 7}
        | {"seconds_training": 2.0 * index, "seconds_sampling": 0.5}
        for index in images
    }
    write_shard(named, models, folder / "samples.safetensors")
    return read_shard(folder / "samples.safetensors")


def test_each_model_has_its_own_values(
    tmp_path: Path, digits: Images, reference: torch.Tensor, extractor: ClassifierFeatures
) -> None:
    later = torch.from_numpy(digits.pixels[900:1100]).permute(0, 3, 1, 2)
    noise = torch.randint(0, 256, (200, 1, 8, 8), dtype=torch.uint8)
    drawn = write_samples(tmp_path, {10: later, 9: noise, 100: later[:150]})
    table = score(drawn, reference, extractor)
    assert list(table["coalition"]) == [9] * 3 + [10] * 3 + [100] * 3
    values = table.pivot(index="coalition", columns="behavior", values="value")
    fid = Fid(ImageFeatures(reference, extractor))
    for index, images in ((10, later), (9, noise)):
        expected = fid(ImageFeatures(images, extractor))
        assert values.loc[index, "fid"] == pytest.approx(expected)
        assert values.loc[index, "log_fid"] == pytest.approx(np.log(expected))
    assert values.loc[9, "fid"] > 5 * values.loc[10, "fid"]
    assert (table["query"] == 0).all()


def test_seconds_are_passed_on(
    tmp_path: Path, reference: torch.Tensor, extractor: ClassifierFeatures
) -> None:
    drawn = write_samples(tmp_path, {3: reference[:50]})
    table = score(drawn, reference, extractor)
    assert (table["seconds_training"] == 6).all()
    assert (table["seconds_sampling"] == 0.5).all()
    assert (table["seconds_scoring"] > 0).all()


def test_log_of_what_is_not_positive_is_told_with_behavior_and_file(
    tmp_path: Path, reference: torch.Tensor, extractor: ClassifierFeatures
) -> None:
    """A model that draws one image again and again has no diversity."""
    drawn = write_samples(tmp_path, {3: reference[:1].repeat(50, 1, 1, 1)})
    behaviors = {"log_diversity": Behavior(measure="entropy", transform="log")}
    with pytest.raises(UserError, match=r"behaviors\.log_diversity\.transform.*coalition 3"):
        score(drawn, reference, extractor, behaviors)


def shard(coalitions: list[int], training_seed: int) -> pd.DataFrame:
    """Values are 100, or 200 of the second training seed, plus the number of the coalition."""
    return pd.concat(
        [
            model_rows(
                {"coalition": c, "training_seed": training_seed, "step": 5},
                {b: np.array([100.0 * (training_seed + 1) + c]) for b in ("fid", "entropy")},
                dict.fromkeys(COSTS, 1.0),
            )
            for c in coalitions
        ],
        ignore_index=True,
    )


def gathered(
    shards: list[pd.DataFrame], coalitions: list[pd.DataFrame], training_seeds: int
) -> Behaviors:
    return gather(shards, coalitions, "retrain", "datamodel", training_seeds)


COALITIONS = pd.DataFrame(
    {
        "index": [0, 1, 2, 3],
        "seed": [7, 8, 9, 10],
        "pair": [0, 0, 1, 1],
        "mask": [[True, False], [False, True], [True, True], [False, False]],
    }
)


def test_values_refer_to_models_and_models_to_coalitions(tmp_path: Path) -> None:
    shards = [shard([2, 3], 0), shard([0, 1], 0), shard([0, 1], 1), shard([2, 3], 1)]
    paths = [tmp_path / name for name in ("models", "values", "coalitions")]
    write(gathered(shards, [COALITIONS[2:], COALITIONS[:2]], 2), paths)
    found = read(paths)
    assert list(found.values.columns) == ["model", "behavior", "query", "value"]
    assert "mask" not in found.models
    assert list(found.models["model"]) == list(range(8))
    assert list(found.models["coalition"]) == [0, 1, 2, 3] * 2
    assert list(found.models["training_seed"]) == [0] * 4 + [1] * 4
    assert (found.models["step"] == 5).all()
    assert set(found.models["approach"]) == {"retrain"}
    assert set(found.models["distribution"]) == {"datamodel"}
    rows = rows_of(found)
    assert len(rows) == 16
    for row in rows.itertuples():
        assert list(row.mask) == COALITIONS["mask"][row.coalition]
        assert row.pair == row.coalition // 2
        assert row.value == 100 * (row.training_seed + 1) + row.coalition
    np.testing.assert_array_equal(
        masks_of(found), np.repeat(np.stack(list(COALITIONS["mask"])), 2, axis=0)
    )
    assert list(pairs_of(found)) == [0, 0, 0, 0, 1, 1, 1, 1]


def test_several_are_read_in_order(tmp_path: Path) -> None:
    paths = [tmp_path / f"{n}{name}" for n in "ab" for name in ("models", "values", "coalitions")]
    one = gathered([shard([0, 1], 0)], [COALITIONS[:2]], 1)
    both = gathered([shard([0, 1], 0), shard([0, 1], 1)], [COALITIONS[:2]], 2)
    write(one, paths[:3])
    write(both, paths[3:])
    assert [len(found.models) for found in read_each(paths)] == [2, 4]


def test_unknown_coalitions_are_told() -> None:
    with pytest.raises(UserError, match="not in the table of coalitions"):
        gathered([shard([0, 1, 4], 0)], [COALITIONS], 1)


def test_part_of_the_models_has_their_values_alone() -> None:
    found = gathered([shard([0, 1, 2, 3], seed) for seed in (0, 1)], [COALITIONS], 2)
    some = found.of_models(found.models["coalition"].isin([1, 2]))
    assert some.seconds == 4 * 3
    assert list(pivot(some).index) == [(1, 0), (1, 1), (2, 0), (2, 1)]
    np.testing.assert_array_equal(masks_of(some), [[False, True]] * 2 + [[True, True]] * 2)
    assert some.of_behavior("fid").names == ["fid"]
    assert some.contributors == 2


INCOMPLETE = {
    "a shard of a training seed": ([([0, 1], 0), ([2, 3], 0), ([0, 1], 1)], 2),
    "a coalition of a shard": ([([0, 1], 0), ([2], 0), ([0, 1, 2, 3], 1)], 1),
    "a coalition of both seeds": ([([0, 1, 3], 0), ([0, 1, 3], 1)], 2),
    "all but one": ([([1], 0)], 3),
}


@pytest.mark.parametrize("case", INCOMPLETE)
def test_a_model_that_is_missing_is_named(case: str) -> None:
    parts, missing = INCOMPLETE[case]
    shards = [shard(indices, seed) for indices, seed in parts]
    training_seeds = max(seed for _, seed in parts) + 1
    behaviors = shards[0]["behavior"].nunique()
    with pytest.raises(UserError, match=f"^{missing * behaviors} of .* values are missing"):
        gathered(shards, [COALITIONS], training_seeds)


def test_a_behavior_that_is_missing_of_a_model_is_named() -> None:
    whole = shard([0, 1, 2, 3], 0)
    lost = whole["behavior"].iloc[-1]
    cut = whole[(whole["behavior"] != lost) | (whole["coalition"] != 2)]
    with pytest.raises(UserError, match=f"{lost} of coalition 2, training seed 0"):
        gathered([cut], [COALITIONS], 1)


class Counting(Extractor):
    """Counts the images that it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """Two statistics of each image."""
        self.seen += len(images)
        flat = images.flatten(1).double()
        return torch.stack([flat.mean(1), flat.std(1)], dim=1)


def test_each_extractor_sees_each_image_once(tmp_path: Path, reference: torch.Tensor) -> None:
    drawn = write_samples(tmp_path, {n: reference[n : n + 50] for n in range(3)})
    extractors: dict[str, Extractor] = {"one": Counting(), "two": Counting()}
    behaviors = {
        "fid": Behavior(measure="fid", extractor="one"),
        "log_fid": Behavior(measure="fid", extractor="one", transform="log"),
        "precision": Behavior(measure="precision", extractor="one"),
        "similarity": Behavior(measure={"name": "similarity", "queries": 4}, extractor="two"),
    }
    compared = {"reference": reference, "full": reference[:50]}
    table = score_shard(drawn, compared, {}, extractors, behaviors)
    assert extractors["one"].seen == len(reference) + 3 * 50
    assert extractors["two"].seen == 4 + 3 * 4
    assert list(table["behavior"].unique()) == list(behaviors)


def test_behaviors_of_queries_have_a_row_for_each(tmp_path: Path, reference: torch.Tensor) -> None:
    drawn = write_samples(tmp_path, {n: reference[n : n + 50] for n in range(2)})
    behaviors = {
        "mse": Behavior(measure={"name": "mse", "queries": 5}),
        "recall": Behavior(measure="recall", extractor="pixels"),
        "nrmse": Behavior(measure={"name": "nrmse", "queries": 3}),
    }
    compared = {"reference": reference, "full": reference[:50]}
    table = score_shard(drawn, compared, {}, {"pixels": Pixels()}, behaviors)
    rows = list(zip(table["coalition"], table["behavior"], table["query"], strict=True))
    of_one = [("mse", q) for q in range(5)] + [("recall", 0)] + [("nrmse", q) for q in range(3)]
    assert rows == [(coalition, *row) for coalition in range(2) for row in of_one]
    assert (table["value"][(table["coalition"] == 0) & (table["behavior"] == "mse")] == 0).all()
    assert (table["value"][(table["coalition"] == 1) & (table["behavior"] == "mse")] > 0).all()


def test_tables_of_images_and_of_models_are_gathered_with_common_costs() -> None:
    coalitions = pd.DataFrame(
        {"index": [0, 1], "seed": [7, 8], "pair": [0, 0], "mask": [[True, False], [False, True]]}
    )
    shards = []
    for seed in (0, 1):
        images = shard([0, 1], seed).assign(seconds_scoring=[1.0, 1, 2, 2])
        models = shard([0, 1], seed).assign(behavior="loss", query=[0, 1] * 2, seconds_sampling=0.0)
        shards += [images, models.assign(seconds_scoring=[10.0, 10, 20, 20])]
    found = gathered(shards, [coalitions], 2)
    assert len(found.values) == 16
    for row in found.models.itertuples():
        assert (row.seconds_training, row.seconds_sampling) == (1, 1)
        assert row.seconds_scoring == (22 if row.coalition else 11)
    wide = pivot(found)
    assert wide.shape == (4, 4)
    assert list(wide.columns) == [("fid", 0), ("entropy", 0), ("loss", 0), ("loss", 1)]


@pytest.mark.slow
def test_scoring_by_the_classifier_imports_nothing_that_others_need() -> None:
    """Each shard's job pays for its imports."""
    program = """
import sys
from diffcredit.behaviors import scoring
from diffcredit.registry import EXTRACTORS, MEASURES
EXTRACTORS["classifier"]
for name in ("fid", "inception_score", "entropy", "mse"):
    MEASURES[name]
heavy = {"cleanfid", "diffusers", "huggingface_hub", "sklearn", "torchmetrics", "transformers"}
print(*heavy & set(sys.modules))
"""
    library = Path(scoring.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=library, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
