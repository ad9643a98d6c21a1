"""Scores of images: from features to arrays, to values of contributors, to the best damping."""

from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from gathered import of_rows
from trainings import FAMILY, encoded, untrained

from diffcredit.attribution.gradients import store
from diffcredit.attribution.gradients.features import GradientFeatures
from diffcredit.attribution.gradients.settings import GradientSettings
from diffcredit.attribution.image_scores.arrays import (
    ImageScores,
    by_behavior,
    by_contributor,
    read_scores,
    write_scores,
)
from diffcredit.attribution.image_scores.contributors import (
    ExplainedBehavior,
    attribute_scores,
    explained,
    values,
)
from diffcredit.attribution.image_scores.gradients import SnapshotFeatures, StoredFeatures
from diffcredit.attribution.image_scores.likeness import by_features, by_patches
from diffcredit.behaviors.extractors.pixels import Pixels
from diffcredit.behaviors.table import Behaviors
from diffcredit.config import Behavior, Full, Gradients, ScoreAttribution, Training
from diffcredit.errors import UserError
from diffcredit.evaluation.dampings import damping_table
from diffcredit.models import checkpoints
from diffcredit.training.rates import mean_rates

#: Contributors of 12 images, not in their order.
OWNERS = np.array([3, 0, 2, 2, 1, 0, 4, 3, 3, 1, 0, 4])
GRID = [0.1, 1.0, 10.0]


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize(("groups", "of"), [("sum", np.sum), ("mean", np.mean), ("max", np.max)])
def test_images_of_each_contributor(groups: str, of: Callable[..., np.ndarray]) -> None:
    scores = draw(2, 3, len(OWNERS))
    found = by_contributor(scores, OWNERS, groups)
    expected = [of(scores[..., owner == OWNERS], axis=-1) for owner in range(5)]
    np.testing.assert_allclose(found, np.stack(expected, axis=-1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("groups", ["sum", "mean", "max"])
def test_order_of_the_images_changes_no_contributor(groups: str) -> None:
    scores, order = draw(3, len(OWNERS)), np.random.default_rng(1).permutation(len(OWNERS))
    np.testing.assert_allclose(
        by_contributor(scores[:, order], OWNERS[order], groups),
        by_contributor(scores, OWNERS, groups),
        rtol=1e-5,
        atol=1e-6,
    )


def test_image_that_is_a_contributor_has_its_own_score() -> None:
    scores, owners = draw(3, 6), np.arange(6)
    for groups in ("sum", "mean", "max"):
        np.testing.assert_array_equal(by_contributor(scores, owners, groups), scores)


def test_scores_of_other_images_are_told() -> None:
    with pytest.raises(UserError, match="scores of 11 images, but there are 12"):
        by_contributor(draw(3, 11), OWNERS, "sum")


def test_scores_of_a_model_add_up_and_models_stay_apart(tmp_path: Path) -> None:
    """Two behaviors of 2 and 3 queries; two dampings; model 1 has two snapshots."""
    models = [(0, 1), (1, 1), (1, 2)]
    parts = {(d, m, k): draw(5, 4, seed=100 * d + 10 * m + k) for d in (0, 1) for m, k in models}
    queries = {"loss": range(2), "error": range(3)}
    found = [ImageScores(d, m, by_behavior(scores, queries)) for (d, m, _), scores in parts.items()]
    write_scores(tmp_path / "scores", 2, 2, found)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["scores"]
    for behavior, rows in (("loss", slice(0, 2)), ("error", slice(2, 5))):
        read = read_scores(tmp_path / "scores", behavior)
        for d in (0, 1):
            np.testing.assert_array_equal(read[d, 0], parts[d, 0, 1][rows])
            expected = parts[d, 1, 1][rows] + parts[d, 1, 2][rows]
            np.testing.assert_allclose(read[d, 1], expected, rtol=1e-6)


def test_failing_scores_leave_no_folder(tmp_path: Path) -> None:
    def failing() -> Iterator[ImageScores]:
        yield ImageScores(0, 0, {"loss": draw(2, 4)})
        raise UserError("no more")

    with pytest.raises(UserError, match="no more"):
        write_scores(tmp_path / "scores", 1, 1, failing())
    assert not list(tmp_path.iterdir())
    with pytest.raises(UserError, match=r"loss\.npy cannot be read"):
        read_scores(tmp_path / "scores", "loss")


def stored(
    folder: Path, name: str, kind: str, part: str, gradients: np.ndarray, facts: dict
) -> Path:
    """Features on disk as the workflow lays them."""
    place = folder / "gradients" / "entry" / name / kind / part
    computed = GradientFeatures(torch.from_numpy(gradients), torch.ones(len(gradients)))
    store.fill(
        place,
        facts,
        gradients.shape,
        lambda rows: GradientFeatures(*(c[rows] for c in computed)),
        99,
        "",
    )
    return place


def test_tracin_is_the_mean_over_snapshots_of_dots_by_their_rates(tmp_path: Path) -> None:
    """TracInCP (Pruthi et al. 2020): eta_k grad(z) . grad(z'), here with weights that sum to 1."""
    full, training = Full(steps=40, learning_rate=0.1, snapshots=4), Training(warmup_steps=5)
    rates = mean_rates(full, training)
    setting = GradientSettings(Gradients(dimensions=5, snapshots=2), FAMILY, seed=0)
    models, expected = [], np.zeros((3, 6))
    for snapshot in (3, 4):
        model = tmp_path / f"snapshot {snapshot}"
        checkpoints.save(untrained(seed=snapshot), model)
        name, facts = f"0-{snapshot}", setting.facts(model)
        train, queries = draw(6, 5, seed=snapshot), draw(3, 5, seed=10 * snapshot)
        shards = [
            stored(tmp_path, name, "train", str(number), rows, facts)
            for number, rows in enumerate((train[:4], train[4:]))
        ]
        of_loss = stored(tmp_path, name, "queries", "loss", queries, facts)
        models.append(SnapshotFeatures(0, snapshot, model, shards, {"loss": of_loss}))
        expected += rates[snapshot - 1] / (rates[2] + rates[3]) * queries @ train.T
    assert rates[2] > rates[3]
    features = StoredFeatures(models, setting, rates)
    entry = ScoreAttribution(method="tracin", gradients="entry", behaviors=["loss"])
    write_scores(tmp_path / "scores", 1, 1, features.score(entry))
    np.testing.assert_allclose(read_scores(tmp_path / "scores", "loss")[0, 0], expected, rtol=1e-5)

    checkpoints.save(untrained(seed=5), models[-1].model)
    with pytest.raises(UserError, match="0-4/train/0 holds features of another model"):
        list(features.score(entry))


def test_order_of_the_training_images_changes_no_value() -> None:
    """From the images' pixels and patches on."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (16, 1, 6, 6), generator=generator).to(torch.uint8)
    train, queries = images[:12], {"loss": images[12:]}
    order = np.random.default_rng(2).permutation(12)

    cosine = ScoreAttribution(method="cosine", extractor="pixels", behaviors=["loss"])
    method = {"name": "patches", "scales": [{"size": 3}], "timesteps": [10]}
    patches = ScoreAttribution(method=method, behaviors=["loss"])
    for entry in (cosine, patches):
        sums = []
        for rows in (np.arange(12), order):
            if entry is cosine:
                found = by_features(entry, Pixels(), train[rows], queries)
            else:
                asked = {name: encoded(images) for name, images in queries.items()}
                found = by_patches(entry, encoded(train[rows]), asked, FAMILY, 0, "cpu")
            sums.append(by_contributor(found[0].scores["loss"], OWNERS[rows], "sum"))
        np.testing.assert_allclose(*sums, rtol=1e-4, atol=1e-6)


# ---- values of contributors ----


def scored(scores: np.ndarray, sign: int = 1, whole: bool = False) -> ExplainedBehavior:
    """Scores (D, M, q, n)."""
    return ExplainedBehavior(scores, "lower" if sign < 0 else "higher", whole)


def entry_of(**keys: object) -> ScoreAttribution:
    return ScoreAttribution.model_validate(
        {"method": "trak", "gradients": "it", "behaviors": ["loss"], "damping": GRID} | keys
    )


def test_less_of_a_loss_is_better(tmp_path: Path) -> None:
    """An image that helps lowers the loss, and raises the similarity; queries stand for the FID."""
    scores = np.abs(draw(1, 1, 3, 12))
    for name in ("loss", "likeness"):
        write_scores(tmp_path, 1, 1, [ImageScores(0, 0, {name: scores[0, 0]})])
        behaviors = {
            "loss": Behavior(measure="denoising_loss"),
            "likeness": Behavior(measure="ssim"),
            "fid": Behavior(measure="fid"),
            "inception_score": Behavior(measure="inception_score"),
        }
        entry = entry_of(queries=name, damping=1.0)
        asked = {b: behaviors[b] for b in (name, "fid", "inception_score")}
        of = explained(entry, asked, tmp_path)
        table, _ = attribute_scores(entry, of, OWNERS, None)
        lower = table["behavior"].isin(["loss", "fid"])
        assert (table["value"][lower] < 0).all()
        assert (table["value"][~lower] > 0).all()
        assert table.groupby("behavior")["query"].nunique().to_dict() == {
            name: 3,
            "fid": 1,
            "inception_score": 1,
        }


def test_behavior_of_the_whole_model_is_the_mean_over_queries() -> None:
    scores = draw(1, 2, 4, 12)
    each = values(scored(scores), 0, OWNERS, "sum")
    whole = values(scored(scores, whole=True), 0, OWNERS, "sum")
    np.testing.assert_allclose(whole[:, 0], each.mean(axis=1), rtol=1e-5, atol=1e-6)


def test_standard_errors_are_those_of_the_mean_over_models() -> None:
    scores = draw(1, 3, 2, 12)
    table, _ = attribute_scores(entry_of(damping=1.0), {"loss": scored(scores)}, OWNERS, None)
    found = values(scored(scores), 0, OWNERS, "sum")
    wide = table.pivot(index="query", columns="contributor", values=["value", "standard_error"])
    np.testing.assert_allclose(wide["value"], found.mean(axis=0), rtol=1e-5)
    expected = found.std(axis=0, ddof=1) / np.sqrt(3)
    np.testing.assert_allclose(wide["standard_error"], expected, rtol=1e-5)
    one, _ = attribute_scores(entry_of(damping=1.0), {"loss": scored(scores[:, :1])}, OWNERS, None)
    assert one["standard_error"].isna().all()


def coalitions(
    worth: np.ndarray, behavior: str, seed: int, training_seeds: int = 1
) -> pd.DataFrame:
    """Rows of behaviors (N, Q) that add up exactly, of 12 coalitions."""
    kept = [
        np.isin(range(len(worth)), of) for size in (2, 3) for of in combinations(range(5), size)
    ]
    masks = np.random.default_rng(seed).permutation(kept)[:12]
    return pd.DataFrame(
        [
            {
                "coalition": number,
                "training_seed": training_seed,
                "pair": number,
                "mask": mask,
                "behavior": behavior,
                "query": query,
                "value": 7.0 + total,
            }
            for training_seed in range(training_seeds)
            for number, mask in enumerate(masks)
            for query, total in enumerate(mask @ worth)
        ]
    )


def game(
    right: dict[str, int],
) -> tuple[dict[str, ExplainedBehavior], Callable[[int], Behaviors]]:
    """Scores by three dampings, of which one of each behavior is the truth, and what follows."""
    of, worth = {}, {}
    for number, (behavior, damping) in enumerate(right.items()):
        scores = draw(len(GRID), 2, 3, 12, seed=number)
        of[behavior] = scored(scores, sign=-1, whole=behavior == "fid")
        worth[behavior] = values(of[behavior], damping, OWNERS, "sum").mean(axis=0).T
    return of, lambda seed: of_rows(
        pd.concat([coalitions(w, b, seed, 2) for b, w in worth.items()])
    )


def test_damping_with_the_best_lds_is_chosen_for_each_behavior() -> None:
    right = {"loss": 2, "fid": 0, "error": 1}
    of, measured = game(right)
    table, grid = attribute_scores(entry_of(), of, OWNERS, measured(3))
    assert list(grid.columns) == ["behavior", "damping", "lds", "chosen"]
    assert list(grid["damping"]) == GRID * 3
    for behavior, number in right.items():
        rows = grid[grid["behavior"] == behavior].reset_index(drop=True)
        assert list(rows["chosen"]) == [n == number for n in range(3)]
        assert rows["lds"][number] == pytest.approx(1)
        assert (rows["lds"].drop(number) < 0.99).all()
        part = table[table["behavior"] == behavior]
        assert (part["strength"] == GRID[number]).all()
        wide = part.pivot(index="query", columns="contributor", values="value")
        expected = values(of[behavior], number, OWNERS, "sum").mean(axis=0)
        np.testing.assert_allclose(wide, expected, rtol=1e-5, atol=1e-6)


def test_grid_on_the_test_coalitions_stands_beside_the_choice() -> None:
    """What was chosen on some coalitions is right on others, too, where behaviors add up."""
    right = {"loss": 2, "fid": 0}
    of, measured = game(right)
    _, grid = attribute_scores(entry_of(), of, OWNERS, measured(3))
    table = damping_table(grid.assign(attribution="it"), of, OWNERS, "sum", measured(4))
    for behavior, number in right.items():
        rows = table[table["behavior"] == behavior].reset_index(drop=True)
        assert rows["lds"][number] == rows["lds_chosen_on"][number] == pytest.approx(1)
        assert (rows["lds"].drop(number) < 0.99).all()
        assert rows["chosen"].idxmax() == number
        assert (rows["lds_chosen_on"].drop(number) != rows["lds"].drop(number)).all()


def test_one_damping_is_chosen_without_coalitions() -> None:
    of = {"loss": scored(draw(1, 1, 3, 12))}
    table, grid = attribute_scores(entry_of(damping=5.0), of, OWNERS, None)
    assert grid[["damping", "chosen"]].values.tolist() == [[5.0, True]]
    assert grid["lds"].isna().all()
    assert (table["strength"] == 5.0).all()


def test_ranks_are_from_the_largest_value() -> None:
    of = {"loss": scored(draw(1, 1, 2, 12))}
    table, _ = attribute_scores(entry_of(damping=5.0), of, OWNERS, None)
    for _, part in table.groupby("query"):
        assert list(part.sort_values("value", ascending=False)["rank"]) == [1, 2, 3, 4, 5]
