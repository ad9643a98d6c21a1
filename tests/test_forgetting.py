"""A digit that a model has memorized is forgotten, at little cost: the whole claim, made small.

Some 300 digits and 40 copies of the one that is least like the others; about a minute on one core.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState, GradientState
from sklearn.datasets import load_digits
from sklearn.metrics import pairwise_distances

from diffcredit.behaviors import classifier
from diffcredit.behaviors.extractors.classifier import ClassifierFeatures
from diffcredit.behaviors.extractors.pixels import Pixels
from diffcredit.behaviors.fid import Fid
from diffcredit.behaviors.image_features import ImageFeatures
from diffcredit.behaviors.occurrence import Occurrence
from diffcredit.config import Approach, Classifier, Sampling, Training
from diffcredit.data.images import Images
from diffcredit.data.tensors import channels_first
from diffcredit.models import families
from diffcredit.models.checkpoints import Trained
from diffcredit.models.families.pixel import Pixel
from diffcredit.registry import OBJECTIVES, build
from diffcredit.sampling import draw
from diffcredit.training.loop import make_accelerator, train
from diffcredit.training.recipe import Recipe, Run

COPIES = 40
LEVELS = 1000
SCRATCH = {"start": "scratch", "objective": "denoise", "steps": 400, "learning_rate": 0.006}

pytestmark = pytest.mark.slow

torch.set_num_threads(1)


@dataclass(frozen=True)
class Digits:
    """(n, 1, 8, 8) others, and (40, 1, 8, 8) copies of the odd one; the others as images."""

    others: torch.Tensor
    copies: torch.Tensor
    reference: Images


@dataclass(frozen=True)
class Measured:
    """A trained model, the FID of its images, and the fraction of them that is the odd digit."""

    trained: Trained
    fid: float
    occurrence: float


Make = Callable[..., Measured]


@pytest.fixture(scope="module")
def digits() -> Digits:
    raw = load_digits()
    rows = np.random.default_rng(0).permutation(len(raw.target))[:300]
    images = np.round(raw.images[rows] * 255 / 16).astype(np.uint8)[..., None]
    apart = pairwise_distances(images.reshape(300, -1).astype(float))
    np.fill_diagonal(apart, np.inf)
    odd = int(apart.min(axis=1).argmax())
    others = np.arange(300) != odd
    labels = raw.target[rows][others].astype(np.int64)
    found = channels_first(images)
    return Digits(
        found[torch.from_numpy(others)],
        found[odd].expand(COPIES, -1, -1, -1),
        Images(images[others], labels, np.zeros_like(labels)),
    )


@pytest.fixture(scope="module")
def make(digits: Digits) -> Make:
    """Train from a start, or scratch, on the others, and on the copies where ``copies`` says so."""
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()
    settings = Training()
    accelerator = make_accelerator(settings, "cpu")
    family = families.build(Pixel.Options(family="pixel", timesteps=LEVELS), 8, 1)
    network, _ = classifier.train(digits.reference, Classifier(steps=200), seed=0)
    extractor = ClassifierFeatures.of_network(network, "cpu")
    fid = Fid(ImageFeatures(digits.others, extractor))
    seen = [ImageFeatures(found, Pixels()) for found in (digits.copies[:1], digits.others)]
    occurrence = Occurrence(*seen, within=0.5)

    def make_(
        start: Trained | None, approach: dict[str, object], seed: int, copies: bool
    ) -> Measured:
        entry = Approach.model_validate(approach)
        recipe = Recipe.of_section(entry, family, start, settings)
        objective = build(OBJECTIVES, recipe.objective)
        steps = recipe.count_steps(objective, family.encode(digits.copies))
        retained = torch.cat([digits.others, digits.copies]) if copies else digits.others
        removed = family.encode(digits.copies) if objective.uses_removed else None
        begin = recipe.begin(seed)
        run = Run(recipe, "test", begin, family.encode(retained), removed, steps, seed)
        made = train(run, objective, accelerator).trained
        images = draw(made, Sampling(images=1024, steps=10, batch_size=512), 7, "cpu")
        return Measured(
            made,
            fid(ImageFeatures(images, extractor)),
            float(occurrence(ImageFeatures(images, Pixels()))[0]),
        )

    return make_


@pytest.fixture(scope="module")
def full(make: Make) -> Measured:
    return make(None, SCRATCH, seed=1, copies=True)


@pytest.fixture(scope="module")
def retrained(make: Make) -> Measured:
    return make(None, SCRATCH, seed=2, copies=False)


def unlearning(objective: str, steps: int, learning_rate: float) -> dict[str, object]:
    given = {"objective": objective, "steps": steps, "learning_rate": learning_rate}
    return {"start": "full", **given}


def test_model_has_memorized_what_one_without_does_not_draw(
    full: Measured, retrained: Measured
) -> None:
    assert full.occurrence > 0.005
    assert retrained.occurrence == 0


def test_siss_forgets_as_the_retrained_model_and_keeps_the_fid(
    make: Make, full: Measured, retrained: Measured
) -> None:
    approach = unlearning("siss", 100, 1e-3)
    found = [make(full.trained, approach, seed, copies=False) for seed in (1, 2)]
    assert np.mean([model.fid for model in found]) < 1.1 * full.fid
    assert np.mean([model.occurrence for model in found]) <= retrained.occurrence


def test_negative_gradient_does_not_keep_the_fid(make: Make, full: Measured) -> None:
    found = make(full.trained, unlearning("gradient_ascent", 60, 5e-4), 1, copies=False)
    assert found.occurrence < full.occurrence
    assert found.fid > 3 * full.fid
