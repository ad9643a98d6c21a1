"""Precision, recall, diversity, aesthetic and prompt scores: closed forms and plain loops."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from diffcredit.behaviors.aesthetic import Aesthetic
from diffcredit.behaviors.clip_iqa import ClipIqa
from diffcredit.behaviors.clip_prompt import ClipPrompt
from diffcredit.behaviors.diversity import Diversity
from diffcredit.behaviors.image_features import ImageFeatures
from diffcredit.behaviors.neighbors import Precision, Recall, covered, radii
from diffcredit.errors import UserError

Make = Callable[..., ImageFeatures]


def slow_coverage(points: np.ndarray, centers: np.ndarray, k: int) -> float:
    """The definition, a pair after the other."""
    inside = 0
    for point in points:
        for center in centers:
            others = sorted(np.linalg.norm(center - other) for other in centers)
            if np.linalg.norm(point - center) <= others[k]:  # others[0] is the center itself.
                inside += 1
                break
    return inside / len(points)


@pytest.mark.parametrize("k", [1, 3])
def test_precision_and_recall_against_the_definition(image_features: Make, k: int) -> None:
    rng = np.random.default_rng(k)
    reference, samples = rng.normal(size=(40, 3)), 1.5 * rng.normal(size=(30, 3)) + 0.5
    precision = Precision(image_features(reference), k=k)(image_features(samples))
    recall = Recall(image_features(reference), k=k)(image_features(samples))
    assert precision == pytest.approx(slow_coverage(samples, reference, k))
    assert recall == pytest.approx(slow_coverage(reference, samples, k))
    assert 0 < precision < 1
    assert precision != recall


def test_a_set_covers_itself_and_nothing_far_away(image_features: Make) -> None:
    images = np.random.default_rng(0).normal(size=(20, 4))
    for measure in (Precision(image_features(images)), Recall(image_features(images))):
        assert measure(image_features(images)) == 1
        assert measure(image_features(images + 100)) == 0


def test_samples_of_half_of_the_modes_are_precise_but_recall_half(image_features: Make) -> None:
    cloud = np.random.default_rng(0).normal(size=(50, 2))
    reference = np.concatenate([cloud, cloud + 1000])
    assert Precision(image_features(reference))(image_features(cloud)) == 1
    assert Recall(image_features(reference))(image_features(cloud)) == 0.5


def test_radii_on_a_line() -> None:
    np.testing.assert_allclose(radii(np.array([[0.0], [1], [3], [7]]), 2), [3, 2, 3, 6])


def test_balls_include_their_edge() -> None:
    centers, reach = np.array([[0.0], [10.0]]), np.array([1.0, 2.0])
    assert covered(np.array([[1.0], [1.5], [8.0], [12.5]]), centers, reach) == 0.5


def test_too_few_images_have_no_neighbors(image_features: Make) -> None:
    with pytest.raises(UserError, match="3 images have no 3 neighbors"):
        Precision(image_features(np.eye(3)))


def clouds(sizes: list[int], seed: int = 0) -> np.ndarray:
    """Well separated clouds, whose centers are far from each other and from 0."""
    rng = np.random.default_rng(seed)
    centers = np.repeat(100 * np.eye(len(sizes)), sizes, axis=0)
    return centers + rng.normal(size=centers.shape)


def test_diversity_is_the_entropy_over_clouds(image_features: Make) -> None:
    diversity = Diversity(image_features(clouds([30, 50, 20, 40])), clusters=4)
    assert diversity(image_features(clouds([10, 10, 10, 10], seed=1))) == pytest.approx(2)
    assert diversity(image_features(clouds([40, 0, 0, 0], seed=1))) == 0
    expected = -(0.5 * np.log2(0.5) + 2 * 0.25 * np.log2(0.25))
    assert diversity(image_features(clouds([20, 10, 0, 10], seed=1))) == pytest.approx(expected)


def test_samples_go_to_the_cluster_of_least_mean_distance(image_features: Make) -> None:
    rng = np.random.default_rng(0)
    reference, samples = rng.normal(size=(60, 3)), rng.normal(size=(40, 3))
    diversity = Diversity(image_features(reference), clusters=5, distance="euclidean")
    assert diversity.averages.shape == (60, 5)
    np.testing.assert_allclose(diversity.averages.sum(axis=0), 1)
    members = [np.flatnonzero(column) for column in diversity.averages.T]
    assert sorted(np.concatenate(members)) == list(range(60))
    for sample, found in zip(samples, diversity.clusters(image_features(samples)), strict=True):
        means = [np.mean([np.linalg.norm(sample - reference[i]) for i in m]) for m in members]
        assert found == np.argmin(means)


def test_clusters_are_wards(image_features: Make) -> None:
    """Merging two clusters costs |A||B|/(|A|+|B|) times the squared distance of their centers."""
    points = np.random.default_rng(3).normal(size=(12, 2))
    clusters = [[i] for i in range(len(points))]
    while len(clusters) > 3:
        costs = {
            (i, j): len(a)
            * len(b)
            / (len(a) + len(b))
            * ((points[a].mean(0) - points[b].mean(0)) ** 2).sum()
            for i, a in enumerate(clusters)
            for j, b in enumerate(clusters)
            if i < j
        }
        i, j = min(costs, key=lambda pair: costs[pair])
        clusters[i] += clusters.pop(j)
    averages = Diversity(image_features(points), clusters=3, distance="euclidean").averages
    found = {tuple(np.flatnonzero(column)) for column in averages.T}
    assert found == {tuple(sorted(cluster)) for cluster in clusters}


def test_more_clusters_than_images(image_features: Make) -> None:
    with pytest.raises(UserError, match="3 reference images make no 20 clusters"):
        Diversity(image_features(np.eye(3)))


WEIGHT, BIAS = torch.tensor([[1.0, -2.0]]), torch.tensor([5.0])


@pytest.fixture(params=["pth", "safetensors"])
def head(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A head in each of its formats."""
    path = tmp_path / f"head.{request.param}"
    save = torch.save if request.param == "pth" else save_file
    save({"weight": WEIGHT, "bias": BIAS}, path)
    return str(path)


def test_aesthetic_score_is_linear_in_the_direction(image_features: Make, head: str) -> None:
    samples = image_features(np.array([[2.0, 0], [0, 3], [0, -1], [-5, 0]]))
    scores = [6, 3, 7, 4]
    assert Aesthetic(samples, head=head)(samples) == pytest.approx(np.mean(scores))
    for quantile in (0.5, 0.75, 0.9):
        found = Aesthetic(samples, head=head, quantile=quantile)(samples)
        assert found == pytest.approx(np.quantile(scores, quantile))


def test_head_for_other_embeddings(image_features: Make, head: str) -> None:
    samples = image_features(np.eye(3))
    with pytest.raises(UserError, match=r"embeddings of 2 numbers; the extractor gives 3"):
        Aesthetic(samples, head=head)(samples)


def test_files_that_are_no_head(image_features: Make, tmp_path: Path) -> None:
    path = tmp_path / "head.pth"
    path.write_bytes(b"abc")
    with pytest.raises(UserError, match=r"head\.pth cannot be read as a state dict"):
        Aesthetic(image_features(np.eye(2)), head=str(path))
    torch.save({"weight": WEIGHT}, path)
    with pytest.raises(UserError, match=r"head\.pth is no linear head"):
        Aesthetic(image_features(np.eye(2)), head=str(path))
    torch.save(Path, path)  # Reading it would run code of the file.
    with pytest.raises(UserError, match=r"head\.pth cannot be read as a state dict"):
        Aesthetic(image_features(np.eye(2)), head=str(path))


def test_prompt_score_is_the_mean_cosine(
    image_features: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = image_features(np.array([[2.0, 0], [0, 3], [0, -1], [1, 1]]))
    monkeypatch.setattr(
        samples.extractor, "embed_text", lambda text: torch.tensor([[0.0, len(text)]])
    )
    expected = np.mean([0, 1, -1, np.sqrt(0.5)])
    assert ClipPrompt(samples, prompt="a cat")(samples) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("quantile", "expected"),
    [(0.5, 0.3), (0.75, 0.65), (0.9, 0.86), (0.25, 0.0), (1e-9, -1.0), (0.125, -0.5)],
)
def test_quantiles_of_the_prompt_score(
    image_features: Make, monkeypatch: pytest.MonkeyPatch, quantile: float, expected: float
) -> None:
    """Of the cosines -1, 0, 0.3, 0.65 and 1, between them by linear interpolation."""
    cosines = np.array([0.65, -1, 0.3, 1, 0])
    samples = image_features(np.stack([np.sqrt(1 - cosines**2), cosines], axis=1))
    monkeypatch.setattr(samples.extractor, "embed_text", lambda text: torch.tensor([[0.0, 2]]))
    found = ClipPrompt(samples, prompt="a cat", quantile=quantile)(samples)
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.fixture
def good_and_bad(monkeypatch: pytest.MonkeyPatch) -> Callable[[ImageFeatures], None]:
    """Lets the texts of an extractor lie along the first and the second axis."""
    texts = {"Good photo.": torch.tensor([[3.0, 0]]), "Bad photo.": torch.tensor([[0, 0.5]])}

    def speak(samples: ImageFeatures) -> None:
        monkeypatch.setattr(samples.extractor, "embed_text", texts.__getitem__)

    return speak


def test_clip_iqa_is_the_mean_probability_of_the_good_prompt(
    image_features: Make, good_and_bad: Callable[[ImageFeatures], None]
) -> None:
    features = np.array([[1.0, 1.0], [2.0, 2.01], [-3.0, -2.97], [0.5, 0.49]])
    samples = image_features(features)
    good_and_bad(samples)
    cosines = torch.from_numpy(features / np.linalg.norm(features, axis=1, keepdims=True))
    expected = torch.softmax(100 * cosines, dim=1)[:, 0].mean().item()
    assert ClipIqa(samples)(samples) == pytest.approx(expected)
    assert 0.4 < expected < 0.6


@pytest.mark.parametrize(("feature", "expected"), [([1, 1], 0.5), ([1, 0], 1), ([0, 1], 0)])
def test_clip_iqa_of_what_clip_is_sure_of(
    image_features: Make,
    good_and_bad: Callable[[ImageFeatures], None],
    feature: list[float],
    expected: float,
) -> None:
    samples = image_features(np.array([feature] * 3, dtype=np.float64))
    good_and_bad(samples)
    assert ClipIqa(samples)(samples) == pytest.approx(expected, abs=1e-12)


def test_reference_is_not_embedded_where_nothing_is_compared_with_it(
    image_features: Make, head: str
) -> None:
    reference = image_features(np.eye(2))
    Aesthetic(reference, head=head)
    assert "features" not in vars(reference)
