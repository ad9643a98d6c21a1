"""Measures as published, and as they were here, against slow and obvious code."""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler, UNet2DModel  # noqa: F401  (before lean imports hide peft)
from trainings import FAMILY, family_of, from_uint8, predict, untrained

from diffcredit.behaviors import reconstruction
from diffcredit.behaviors.diversity import Diversity
from diffcredit.behaviors.extractors.pixels import Pixels
from diffcredit.behaviors.image_features import ImageFeatures
from diffcredit.behaviors.inception_score import InceptionScore
from diffcredit.behaviors.query_settings import QuerySettings
from diffcredit.behaviors.reconstruction import Reconstruction
from diffcredit.behaviors.ssim import Ssim
from diffcredit.models.betas import betas
from diffcredit.models.checkpoints import Trained
from diffcredit.models.families.pixel import Pixel
from diffcredit.sampling import initial_noise
from diffcredit.seeds import derive

Make = Callable[..., ImageFeatures]


def published_distance(features: np.ndarray) -> np.ndarray:
    """(n, n) largest dot product minus that of two images; 0 of an image to itself."""
    n = len(features)
    products = [[float(np.dot(features[i], features[j])) for j in range(n)] for i in range(n)]
    largest = max(max(row) for row in products)
    return np.array(
        [[0 if i == j else largest - products[i][j] for j in range(n)] for i in range(n)]
    )


def euclidean_distance(features: np.ndarray) -> np.ndarray:
    return np.array([[math.dist(a, b) for b in features] for a in features])


def slow_ward(distances: np.ndarray, clusters: int) -> list[list[int]]:
    """Merge the two clusters of least distance, by the formula of Lance and Williams."""
    members = {i: [i] for i in range(len(distances))}
    d = {(i, j): distances[i, j] for i in members for j in members if i != j}
    while len(members) > clusters:
        i, j = min((pair for pair in d if pair[0] < pair[1]), key=lambda pair: d[pair])
        a, b = len(members[i]), len(members[j])
        for k in members:
            if k not in (i, j):
                c = len(members[k])
                square = (a + c) * d[i, k] ** 2 + (b + c) * d[j, k] ** 2 - c * d[i, j] ** 2
                d[i, k] = d[k, i] = math.sqrt(square / (a + b + c))
        members[i] += members.pop(j)
        d = {pair: value for pair, value in d.items() if j not in pair}
    return list(members.values())


def slow_entropy(counts: list[int]) -> float:
    total = sum(counts)
    return -sum(n / total * math.log2(n / total) for n in counts if n)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("distance", ["dot_product", "euclidean"])
def test_diversity_against_its_definition(image_features: Make, distance: str, seed: int) -> None:
    """Features of different lengths and means, as embeddings have them."""
    rng = np.random.default_rng(seed)
    reference = rng.normal(0.5, 1, size=(40, 4)) * rng.uniform(0.3, 3, size=(40, 1))
    samples = rng.normal(0.5, 1, size=(60, 4)) * rng.uniform(0.3, 3, size=(60, 1))
    published = distance == "dot_product"
    apart = published_distance(reference) if published else euclidean_distance(reference)
    members = slow_ward(apart, 5)
    largest = max(float(a @ b) for a in reference for b in reference)
    counts = [0] * 5
    for sample in samples:
        to_each = [
            largest - float(sample @ r) if published else math.dist(sample, r) for r in reference
        ]
        means = [sum(to_each[i] for i in cluster) / len(cluster) for cluster in members]
        counts[means.index(min(means))] += 1
    measure = Diversity(image_features(reference), clusters=5, distance=distance)
    found = {tuple(np.flatnonzero(column)) for column in measure.averages.T}
    assert found == {tuple(sorted(cluster)) for cluster in members}
    assert measure(image_features(samples)) == pytest.approx(slow_entropy(counts))


def test_the_distance_matters_where_lengths_differ(image_features: Make) -> None:
    rng = np.random.default_rng(0)
    reference = rng.normal(0.5, 1, size=(60, 4)) * rng.uniform(0.3, 3, size=(60, 1))
    published, other = (
        Diversity(image_features(reference), clusters=5, distance=name)(image_features(reference))
        for name in ("dot_product", "euclidean")
    )
    assert abs(published - other) > 0.1
    assert Diversity(image_features(reference), clusters=5)(image_features(reference)) == published


def test_fewer_clusters_than_asked_for_are_told(
    image_features: Make, caplog: pytest.LogCaptureFixture
) -> None:
    same = np.repeat(np.eye(3), 10, axis=0)
    with caplog.at_level("WARNING", logger="diffcredit"):
        Diversity(image_features(same), clusters=5, distance="euclidean")
    assert "make 3 clusters, not 5" in caplog.text


def gaussian_weights() -> np.ndarray:
    line = [math.exp(-(k**2) / (2 * 1.5**2)) for k in range(-5, 6)]
    square = np.array([[a * b for b in line] for a in line])
    return square / square.sum()


def slow_ssim(first: np.ndarray, second: np.ndarray, window: str) -> float:
    """Window by window, of (c, h, w) images in [0, 1]."""
    c1, c2 = 0.01**2, 0.03**2
    if window == "gaussian":
        weights, correction, margin = gaussian_weights(), 1.0, 5
        around = ((0, 0), (margin, margin), (margin, margin))
        first, second = (np.pad(image, around, mode="reflect") for image in (first, second))
    else:
        weights, correction = np.full((7, 7), 1 / 49), 49 / 48
    side = len(weights)
    values = []
    for a, b in zip(first, second, strict=True):
        for y in range(a.shape[0] - side + 1):
            for x in range(a.shape[1] - side + 1):
                p, q = a[y : y + side, x : x + side], b[y : y + side, x : x + side]
                mp, mq = (weights * p).sum(), (weights * q).sum()
                vp = correction * (weights * (p - mp) ** 2).sum()
                vq = correction * (weights * (q - mq) ** 2).sum()
                both = correction * (weights * (p - mp) * (q - mq)).sum()
                values.append(
                    (2 * mp * mq + c1) * (2 * both + c2) / ((mp**2 + mq**2 + c1) * (vp + vq + c2))
                )
    return float(np.mean(values))


@pytest.mark.parametrize("window", ["gaussian", "uniform"])
@pytest.mark.parametrize(
    ("side", "channels", "noise"), [(8, 1, 20), (7, 1, 60), (16, 3, 5), (12, 3, 200), (9, 1, 0)]
)
def test_structural_similarity_against_its_definition(
    window: str, side: int, channels: int, noise: int
) -> None:
    generator = torch.Generator().manual_seed(side)
    shape = (3, channels, side, side)
    full = torch.randint(0, 256, shape, generator=generator).to(torch.uint8)
    change = noise * torch.randn(shape, generator=generator)
    drawn = (full + change).clamp(0, 255).to(torch.uint8)
    seen = (ImageFeatures(images, Pixels()) for images in (full, drawn))
    found = Ssim(next(seen), queries=3, window=window)(next(seen))
    pairs = zip(full.double().numpy() / 255, drawn.double().numpy() / 255, strict=True)
    np.testing.assert_allclose(found, [slow_ssim(a, b, window) for a, b in pairs], atol=1e-6)


@pytest.mark.parametrize("splits", [1, 2, 3, 7, 10])
def test_inception_score_is_the_mean_over_splits(image_features: Make, splits: int) -> None:
    """Also of 64 samples, which 3, 7 and 10 do not divide; each sample is in one split."""
    p = np.random.default_rng(splits).dirichlet(np.full(5, 0.3), size=64)
    starts = [math.floor(64 * k / splits) for k in range(splits + 1)]
    scores = []
    for start, end in pairwise(starts):
        part = p[start:end]
        q = part.mean(axis=0)
        kl = [sum(x * math.log(x / y) for x, y in zip(row, q, strict=True) if x) for row in part]
        scores.append(math.exp(sum(kl) / len(kl)))
    found = InceptionScore(image_features(probabilities=p), splits=splits)(
        image_features(probabilities=p)
    )
    assert found == pytest.approx(sum(scores) / splits)


LEVELS = 60


@pytest.fixture(scope="module")
def model() -> Trained:
    return untrained(
        Pixel.Options(family="pixel", channels=[8, 16], norm_groups=4, timesteps=LEVELS), seed=1
    )


@pytest.fixture(scope="module")
def clean() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (3, 1, 8, 8), generator=generator).to(torch.uint8)


def setting(batch_size: int = 4) -> QuerySettings:
    return QuerySettings(family_of(LEVELS), steps=10, batch_size=batch_size, seed=3, device="cpu")


def noises_of_steps(number: int, count: int) -> list[torch.Tensor]:
    """What is added in each step to every image that was noised with noise ``number``."""
    generator = torch.Generator().manual_seed(derive(3, "ancestral steps", number))
    return [torch.randn(1, 1, 8, 8, generator=generator) for _ in range(count)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("timestep", "steps"), [(15, LEVELS), (40, LEVELS), (59, LEVELS), (20, 30), (45, 20)]
)
@torch.no_grad()
def test_ancestral_steps_are_ddpms(
    model: Trained, clean: torch.Tensor, timestep: int, steps: int
) -> None:
    """Eq. 6 and 7 of Ho et al. 2020 between the visited levels, x0 clipped, from t to 0."""
    ends = 1e-4 * 1000 / LEVELS, 0.02 * 1000 / LEVELS
    kept = torch.cumprod(1 - torch.linspace(*ends, LEVELS, dtype=torch.float64), 0)
    gap = LEVELS // steps
    visited = [t for t in range((steps - 1) * gap, -1, -gap) if t <= timestep]
    noise = initial_noise((1, 8, 8), 2, 3).double()
    found = reconstruction.reconstructed(model, clean, setting(), timestep, steps, 2, "ancestral")
    for number in range(2):
        added = noises_of_steps(number, len(visited))
        x = kept[visited[0]].sqrt() * from_uint8(clean).double()
        x += (1 - kept[visited[0]]).sqrt() * noise[number]
        for t, z in zip(visited, added, strict=True):
            before = kept[t - gap] if t >= gap else torch.tensor(1.0, dtype=torch.float64)
            alpha = kept[t] / before
            times = torch.full((len(x),), t)
            predicted = predict(model.network, x.float(), times).double()
            x0 = ((x - (1 - kept[t]).sqrt() * predicted) / kept[t].sqrt()).clamp(-1, 1)
            mean = before.sqrt() * (1 - alpha) / (1 - kept[t]) * x0
            mean += alpha.sqrt() * (1 - before) / (1 - kept[t]) * x
            variance = (1 - before) / (1 - kept[t]) * (1 - alpha)
            x = mean + (variance.sqrt() * z if t > 0 else 0)
        expected = FAMILY.decode(x.float())
        assert int((found[number].int() - expected.int()).abs().max()) <= 1


@torch.no_grad()
def test_ancestral_steps_equal_those_of_diffusers(model: Trained, clean: torch.Tensor) -> None:
    """To the bit, one image at a time, through its own generator."""
    scheduler = DDPMScheduler(LEVELS, **betas(LEVELS))
    noise = initial_noise((1, 8, 8), 1, 3)
    found = reconstruction.reconstructed(model, clean, setting(1), 25, LEVELS, 1, "ancestral")
    for image, given in zip(clean, found[0], strict=True):
        generator = torch.Generator().manual_seed(derive(3, "ancestral steps", 0))
        x = scheduler.add_noise(from_uint8(image[None]), noise, torch.tensor([25]))
        for t in reversed(range(26)):
            x = scheduler.step(model.network(x, t).sample, t, x, generator=generator).prev_sample
        assert torch.equal(FAMILY.decode(x)[0], given)


@pytest.mark.slow
def test_noise_of_ancestral_steps_is_common_and_does_not_depend_on_batches(
    model: Trained, clean: torch.Tensor
) -> None:
    def made(images: torch.Tensor, noises: int, batch_size: int) -> torch.Tensor:
        return reconstruction.reconstructed(
            model, images, setting(batch_size), 40, LEVELS, noises, "ancestral"
        )

    whole = made(clean, 3, 100)
    for batch_size in (1, 2, 4):
        assert int((made(clean, 3, batch_size).int() - whole.int()).abs().max()) <= 1
    assert int((made(clean, 2, 4).int() - whole[:2].int()).abs().max()) <= 1
    twice = made(clean[[0, 0]], 2, 100)
    assert int((twice[:, 0].int() - twice[:, 1].int()).abs().max()) <= 1
    assert not torch.equal(twice[0], twice[1])
    options = {"timestep": 40, "steps": LEVELS, "noises": 2}
    other = Reconstruction(clean, setting(), Pixels(), **options)
    ancestral = Reconstruction(clean, setting(), Pixels(), **options, sampler="ancestral")
    assert not np.allclose(other(model), ancestral(model))
