"""Both conventions of the LDS over several trainings, against their formulas written out."""

import numpy as np
import pandas as pd
import pytest
from gathered import of_rows
from scipy.stats import spearmanr, t

from diffcredit.attribution.image_scores.contributors import ExplainedBehavior, lds_by_damping
from diffcredit.behaviors.table import Behaviors
from diffcredit.config import Lds
from diffcredit.evaluation.lds import Average, LdsResult, Truth, ceiling, linear_predictions, score
from diffcredit.evaluation.lds_table import CEILING, lds_table
from diffcredit.ranks import mean, spearman

SETTINGS = {"resamples": 300, "confidence": 0.95, "seed": 0}
#: Trainings, coalitions, queries.
SHAPES = {
    "one training": (1, 12, 3),
    "two trainings": (2, 16, 1),
    "three trainings, one query": (3, 9, 1),
    "D-TRAK's trainings": (3, 64, 5),
    "many trainings": (7, 10, 4),
    "few coalitions": (4, 5, 6),
}
AVERAGES: tuple[Average, ...] = ("correlations", "values")


def drawn(trainings: int, coalitions: int, queries: int) -> tuple[np.ndarray, Truth]:
    """Values of 8 contributors, and trainings that follow them with as much noise."""
    rng = np.random.default_rng([trainings, coalitions, queries])
    worth = rng.normal(size=(8, queries))
    masks = rng.random((coalitions, 8)) < 0.5
    truth = masks @ worth + 2 * rng.normal(size=(trainings, coalitions, queries))
    return worth, Truth(masks, truth)


def published(worth: np.ndarray, truth: Truth, average: str) -> float:
    """Seed after seed and query after query, as the papers' code does it."""
    trainings, _, queries = truth.values.shape
    predicted = np.array([[sum(worth[mask, q]) for mask in truth.masks] for q in range(queries)])
    if average == "correlations":
        found = [
            spearmanr(predicted[q], truth.values[r, :, q]).statistic
            for r in range(trainings)
            for q in range(queries)
        ]
        return float(np.mean(found))
    total = np.zeros_like(truth.values[0])
    for r in range(trainings):
        total += truth.values[r]
    means = total / trainings
    return float(np.mean([spearmanr(predicted[q], means[:, q]).statistic for q in range(queries)]))


def scored(worth: np.ndarray, truth: Truth, average: Average) -> LdsResult:
    return score(linear_predictions(worth, truth), truth.values, **SETTINGS, average=average)


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("shape", SHAPES)
def test_lds_is_the_papers(shape: str, average: Average) -> None:
    worth, truth = drawn(*SHAPES[shape])
    assert scored(worth, truth, average).lds == pytest.approx(published(worth, truth, average))


def test_by_hand() -> None:
    """Predicted 1, 2, 3, 5. The means of 10, 40, 20, 50 and 40, 10, 36, 60 are 25, 25, 28, 55.

    Two ties of ranks 1.5: correlation 4.5 / sqrt(5 * 4.5). The first training's ranks 1, 3, 2, 4
    correlate by 0.8, the second's 3, 1, 2, 4 by 0.4.
    """
    masks = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [1, 0, 1]], dtype=bool)
    values = np.array([[10, 40, 20, 50], [40, 10, 36, 60]], dtype=float)[..., None]
    truth, worth = Truth(masks, values), np.array([[1.0], [2], [4]])
    assert scored(worth, truth, "correlations").lds == pytest.approx(0.6)
    assert scored(worth, truth, "values").lds == pytest.approx(4.5 / np.sqrt(5 * 4.5))


def test_of_one_training_both_are_the_same() -> None:
    worth, truth = drawn(1, 12, 3)
    one, other = (vars(scored(worth, truth, average)) for average in AVERAGES)
    np.testing.assert_equal(one, other)


@pytest.mark.slow
@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("shape", SHAPES)
def test_interval_over_coalitions_is_of_the_same_score(shape: str, average: Average) -> None:
    """Coalitions are drawn with all their trainings, and each resample is scored anew."""
    worth, truth = drawn(*SHAPES[shape])
    coalitions = truth.values.shape[1]
    rows = np.random.default_rng(SETTINGS["seed"]).integers(0, coalitions, (300, coalitions))
    predicted, measured = linear_predictions(worth, truth), truth.values
    if average == "values":
        predicted, measured = (x.mean(axis=0, keepdims=True) for x in (predicted, measured))
    pairs = list(zip(predicted, measured, strict=True))
    with np.errstate(invalid="ignore"):
        scores = [np.mean([np.nanmean(spearman(p[r], m[r])) for p, m in pairs]) for r in rows]
    found = scored(worth, truth, average)
    wanted = np.quantile(np.array(scores)[np.isfinite(scores)], [0.025, 0.975])
    np.testing.assert_allclose([found.low, found.high], wanted, atol=1e-9)


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("shape", [name for name, shape in SHAPES.items() if shape[0] > 1])
def test_interval_over_training_seeds_leaves_out_one_at_a_time(
    shape: str, average: Average
) -> None:
    worth, truth = drawn(*SHAPES[shape])
    trainings = len(truth.values)
    whole = published(worth, truth, average)
    without = [
        published(worth, Truth(truth.masks, np.delete(truth.values, r, axis=0)), average)
        for r in range(trainings)
    ]
    variance = (trainings - 1) / trainings * sum((x - np.mean(without)) ** 2 for x in without)
    spread = t.ppf(0.975, trainings - 1) * np.sqrt(variance)
    found = scored(worth, truth, average)
    wanted = np.clip([whole - spread, whole + spread], -1, 1)
    np.testing.assert_allclose([found.seed_low, found.seed_high], wanted, atol=1e-9)
    if average == "correlations":  # Student's interval of the mean over the seeds
        by_seed = [published(worth, Truth(truth.masks, one[None]), average) for one in truth.values]
        error = np.std(by_seed, ddof=1) / np.sqrt(trainings)
        assert spread == pytest.approx(t.ppf(0.975, trainings - 1) * error)


@pytest.mark.slow
@pytest.mark.parametrize("average", AVERAGES)
def test_interval_over_training_seeds_covers(average: Average) -> None:
    """The same coalitions and values; only the noise of training is drawn again."""
    worth, truth = drawn(1, 40, 6)
    clean = truth.masks @ worth
    rng = np.random.default_rng(3)
    found = []
    for _ in range(300):
        values = clean + 2 * rng.normal(size=(5, *clean.shape))
        predicted = np.broadcast_to(clean, values.shape)
        found.append(score(predicted, values, 100, 0.9, 0, average))
    expected = np.mean([one.lds for one in found])
    inside = [one.seed_low <= expected <= one.seed_high for one in found]
    assert 0.84 <= np.mean(inside) <= 0.96


@pytest.mark.slow
@pytest.mark.parametrize("trainings", [2, 3, 4, 6, 10])
def test_ceiling_of_values_is_what_other_trainings_score(trainings: int) -> None:
    """Known from simulation, where there are other trainings; of correlations, as before."""
    rng = np.random.default_rng(trainings)
    clean = rng.normal(size=(60, 40))
    noisy = clean + 1.5 * rng.normal(size=(2, trainings, *clean.shape))
    truth = Truth(np.ones((60, 2), dtype=bool), noisy[0])
    other = mean(spearman(noisy[0].mean(axis=0), noisy[1].mean(axis=0)), axis=0)
    found = ceiling(truth, **SETTINGS, average="values")
    assert found.lds == pytest.approx(other, abs=0.03)
    assert found.low < found.lds < found.high
    assert found.query_low < found.lds < found.query_high
    alone = np.mean(
        [
            np.mean([spearmanr(noisy[0, i, :, q], noisy[0, j, :, q]).statistic for q in range(40)])
            for i in range(trainings)
            for j in range(i)
        ]
    )
    assert found.lds == pytest.approx(trainings * alone / (1 + (trainings - 1) * alone))
    single = ceiling(truth, **SETTINGS)
    assert single.lds < found.lds
    perfect = mean(spearman(clean, noisy[0].mean(axis=0)), axis=0)
    assert perfect == pytest.approx(np.sqrt(found.lds), abs=0.03)


@pytest.mark.parametrize("trainings", [2, 3, 5])
def test_ceiling_of_trainings_that_contradict_each_other_stays_in_range(trainings: int) -> None:
    values = np.stack([(-1.0) ** r * np.arange(8.0) for r in range(trainings)])[..., None]
    found = ceiling(Truth(np.ones((8, 2), dtype=bool), values), **SETTINGS, average="values")
    assert -1 <= found.low <= found.lds <= 0


def recorded(shape: tuple[int, int, int]) -> tuple[np.ndarray, Behaviors]:
    worth, truth = drawn(*shape)
    rows = [
        {"coalition": c, "training_seed": r, "pair": c, "mask": truth.masks[c]}
        | {"behavior": "loss", "query": q, "value": truth.values[r, c, q]}
        for r in range(shape[0])
        for c in range(shape[1])
        for q in range(shape[2])
    ]
    return worth, of_rows(pd.DataFrame(rows).sample(frac=1, random_state=1))


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("shape", SHAPES)
def test_tables_and_dampings_follow_the_configuration(shape: str, average: Average) -> None:
    worth, measured = recorded(SHAPES[shape])
    attribution = pd.DataFrame(
        [
            {"contributor": c, "behavior": "loss", "query": q, "value": worth[c, q]}
            for c, q in np.ndindex(*worth.shape)
        ]
    )
    settings = Lds(truth="retrain/test", resamples=100, average=average)
    table = lds_table({"a": attribution}, measured, np.arange(8), settings, seed=0)
    assert set(table["average"]) == {average}
    assert (CEILING in set(table["predictor"])) == (SHAPES[shape][0] > 1)
    found = table.set_index("predictor").loc["a", "lds"]
    _, truth = drawn(*SHAPES[shape])
    assert found == pytest.approx(published(worth, truth, average))
    explained = ExplainedBehavior(worth.T[None, None], better="higher", whole=False)
    by_damping = lds_by_damping(explained, np.arange(8), "sum", measured, average)
    assert by_damping.tolist() == pytest.approx([found])
