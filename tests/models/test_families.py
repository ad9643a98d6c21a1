"""A second family, of one class: models that noise a fixed linear transform of the pixels."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from accelerate.state import AcceleratorState, GradientState
from overlays import overlaid
from pydantic import Field
from scipy.fft import dct

from diffcredit import config, sampling
from diffcredit.attribution.gradients.features import gradient_features
from diffcredit.attribution.gradients.functions import loss
from diffcredit.attribution.gradients.projection import Projection
from diffcredit.attribution.gradients.settings import GradientSettings
from diffcredit.behaviors.denoising_loss import DenoisingLoss
from diffcredit.behaviors.extractors.pixels import Pixels
from diffcredit.behaviors.model_behaviors import measure_shard
from diffcredit.behaviors.query_settings import QuerySettings
from diffcredit.behaviors.reconstruction import Reconstruction, reconstructed
from diffcredit.config import Approach, Behavior, Full, Gradients, Sampling, Training
from diffcredit.errors import UserError
from diffcredit.files import read_json, write_json
from diffcredit.models import checkpoints, examples, families
from diffcredit.models.diffusion import NoiseSchedule
from diffcredit.models.examples import Examples
from diffcredit.models.families import Family, FamilyOptions, Structure
from diffcredit.registry import FAMILIES
from diffcredit.training import full_models
from diffcredit.training.loop import make_accelerator
from diffcredit.training.make_model import model_facts
from diffcredit.training.recipe import Recipe
from diffcredit.training.subsets import Coalition, train_shard
from diffcredit.training.unlearning import Output, Split, unlearn

SIDE = 8
SETTINGS = Training(batch_size=8, warmup_steps=2)


class Layers(torch.nn.Module):
    """Predicts the clean coefficients from the noised ones, the timestep and a number."""

    def __init__(self, width: int):
        super().__init__()
        self.first = torch.nn.Linear(SIDE**2 + 2, width)
        self.last = torch.nn.Linear(width, SIDE**2)

    def forward(
        self, noised: torch.Tensor, times: torch.Tensor, number: torch.Tensor
    ) -> torch.Tensor:
        """(n, 1, 8, 8)."""
        more = torch.stack([times, number], 1)
        hidden = torch.tanh(self.first(torch.cat([noised.flatten(1), more], 1)))
        return self.last(hidden).view_as(noised)


class Cosines(Family):
    """Noises the cosine transform of gray images, as Stable Diffusion's schedule says.

    What a network predicts is x_0; its condition is the number of letters of a caption.
    """

    traits = frozenset({"conditional"})

    class Options(FamilyOptions):
        """How wide the network is."""

        width: int = Field(16, description="of the hidden layer")

    def prepare(self, image_size: int, channels: int) -> None:
        """Take the size of the images."""
        super().prepare(image_size, channels)
        self.shape = (channels, image_size, image_size)
        self.schedule = NoiseSchedule("scaled_linear", self.options.timesteps)
        self.structure = Structure({"width": self.options.width})
        self.matrix = torch.tensor(dct(np.eye(image_size), norm="ortho"), dtype=torch.float32)
        self.conditions: list[int] = []

    def encode(
        self, images: torch.Tensor, captions: Sequence[str | None] | None = None
    ) -> Examples:
        """Coefficients in half precision."""
        seen = images.float() / 127.5 - 1
        found = self.matrix.T @ seen @ self.matrix
        told = captions or [None] * len(images)
        letters = [len(caption or "") for caption in told]
        return Examples(found.half().numpy(), np.array(letters, dtype=np.int64))

    def clean(self, examples: Examples) -> torch.Tensor:
        """As they are stored."""
        return examples.stored.float()

    def decode(self, clean: torch.Tensor) -> torch.Tensor:
        """Back."""
        matrix = self.matrix.to(clean.device)
        seen = matrix @ clean @ matrix.T
        return ((seen.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)

    def build(self, structure: Structure, seed: int) -> torch.nn.Module:
        """Two layers."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return Layers(**structure.architecture)

    def predict(
        self,
        network: torch.nn.Module,
        noised: torch.Tensor,
        timesteps: torch.Tensor,
        condition: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The noise between x_t and the predicted x_0."""
        times = timesteps.expand(len(noised))
        number = torch.zeros(len(noised)) if condition is None else condition.float()
        self.conditions += number.int().tolist()
        alpha, sigma = self.schedule.at(times, noised)
        return (noised - alpha * network(noised, times / 40, number / 10)) / sigma

    def trainable(self, network: torch.nn.Module) -> dict[str, torch.Tensor]:
        """Everything."""
        return dict(network.state_dict())

    def differences(self, structure: Structure) -> list[str]:
        """Nobody asks."""
        return []


MODEL = Cosines.Options(family="cosines", timesteps=40)


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FAMILIES._targets, "cosines", Cosines)
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()


@pytest.fixture
def family() -> Family:
    return families.build(MODEL, SIDE, 1)


@pytest.fixture
def images() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    smooth = torch.linspace(0, 200, SIDE).expand(1, SIDE, SIDE)
    return (smooth + torch.randint(0, 50, (20, 1, SIDE, SIDE), generator=generator)).byte()


@pytest.fixture
def encoded(tmp_path: Path, family: Family, images: torch.Tensor) -> Examples:
    """Written and read again."""
    captions = ["a" * row for row in range(20)]
    examples.write(family.encode(images, captions), tmp_path / "examples")
    return examples.read(tmp_path / "examples")


@pytest.fixture
def full(tmp_path: Path, family: Family, encoded: Examples) -> checkpoints.Trained:
    target, execution = tmp_path / "full", full_models.TrainingResources("cpu", 1, 100)
    settings = Full(steps=100, learning_rate=0.01)
    full_models.full(encoded, family, settings, SETTINGS, 0, target, execution)
    return checkpoints.load(target)


def queried(family: Family) -> QuerySettings:
    return QuerySettings(family, steps=5, batch_size=8, seed=0, device="cpu")


def test_decoding_undoes_encoding(family: Family, images: torch.Tensor) -> None:
    found = family.decode(family.clean(family.encode(images)))
    assert (found.int() - images.int()).abs().max() <= 1


def test_family_of_a_model_is_the_one_that_it_was_trained_by(
    full: checkpoints.Trained, family: Family
) -> None:
    assert type(full.family).__name__ == "Cosines"
    assert full.family.settings == family.settings
    assert full.family.schedule == family.schedule


def test_trained_model_knows_the_images_better_and_draws_their_like(
    full: checkpoints.Trained, family: Family, images: torch.Tensor
) -> None:
    measure = DenoisingLoss(images[:4], queried(family), noises=2)
    untrained = checkpoints.fresh(family, seed=0)
    assert (measure(full) < measure(untrained)).all()
    drawn = sampling.draw(full, Sampling(images=6, steps=10, batch_size=4), 0, "cpu")
    assert drawn.shape == (6, 1, SIDE, SIDE)
    assert (drawn.float().mean(0) - images.float().mean(0)).abs().mean() < 20


def test_conditions_of_the_images_reach_the_network(
    family: Family, encoded: Examples, tmp_path: Path
) -> None:
    execution = full_models.TrainingResources("cpu", 1, 100)
    full_models.full(
        encoded, family, Full(steps=5), SETTINGS, 0, tmp_path / "conditional", execution
    )
    assert set(family.conditions[:40]) == set(range(20))  # type: ignore[attr-defined]


def test_everything_is_measured(
    full: checkpoints.Trained, family: Family, images: torch.Tensor, tmp_path: Path
) -> None:
    checkpoints.save(
        full, tmp_path / "models" / "000000", {**model_facts(0, 0), "step": 5, "seconds": 1.0}
    )
    behaviors = {
        "loss": Behavior.model_validate({"measure": {"name": "denoising_loss", "queries": 3}})
    }
    table = measure_shard(
        tmp_path / "models", {"loss": images[:3]}, queried(family), {}, behaviors, "test"
    )
    assert len(table) == 3
    made = reconstructed(full, images[:3], queried(family), 20, 10, 2)
    assert made.shape == (2, 3, 1, SIDE, SIDE)
    alike = Reconstruction(images[:3], queried(family), Pixels(), timestep=5, steps=10, noises=2)(
        full
    )
    assert (alike > 0.5).all()


def test_gradients_are_taken(full: checkpoints.Trained, family: Family, encoded: Examples) -> None:
    setting = GradientSettings(Gradients(timesteps=4, dimensions=32), family, seed=0)
    states = setting.noised(encoded[:6])
    found = gradient_features(full.network, loss, states, Projection(32, 0), batch_size=8)
    assert found.gradients.shape == (6, 32)
    assert (found.gradients.norm(dim=1) > 0).all()
    assert setting.journey(full, 3, 5, seed=1).clean.shape == (3, 5, 1, SIDE, SIDE)


@pytest.mark.parametrize("objective", ["denoise", "gradient_ascent", "erase_diff", "influence"])
def test_subsets_and_unlearned_models_are_made(
    full: checkpoints.Trained, family: Family, encoded: Examples, tmp_path: Path, objective: str
) -> None:
    given: dict[str, Any] = {"start": "full", "objective": objective, "coalitions": {}}
    if objective == "influence":
        given["objective"] = {"name": "influence", "batches": 2}
    else:
        given |= {"steps": 3, "learning_rate": 1e-3}
    recipe = Recipe.of_section(Approach.model_validate(given), family, full, SETTINGS)
    accelerator = make_accelerator(SETTINGS, "cpu")
    owners, made = np.repeat([0, 1], 10), [Coalition(4, np.array([True, False]), 5, 1)]
    train_shard(made, encoded, owners, recipe, accelerator, tmp_path / "shard", 2, "shard")
    facts = checkpoints.facts(tmp_path / "shard" / "000004")
    assert (facts["coalition"], facts["training_seed"]) == (4, 1)
    assert facts["step"] == (1 if objective == "influence" else 3)
    folder = tmp_path / "unlearned"
    folder.mkdir()
    split = Split(encoded[:15], encoded[15:])
    unlearn(split, recipe, 0, 7, accelerator, Output(folder, 2, None, 2), "unlearn")
    for path in checkpoints.folders(folder):
        assert {"coalition", "training_seed", "step", "seconds", "loss"} <= set(
            checkpoints.facts(path)
        )


def test_model_of_a_family_that_nobody_knows_is_told(
    full: checkpoints.Trained, tmp_path: Path
) -> None:
    path = tmp_path / "full" / checkpoints.CONFIG
    stored = read_json(path)
    stored["family"]["model"]["family"] = "sines"
    write_json(stored, path)
    with pytest.raises(UserError, match=r"not describe a model: there is no model family 'sines'"):
        checkpoints.load(tmp_path / "full")


def config_of(family: str, changes: dict[str, Any]) -> dict[str, Any]:
    """The default configuration with models of a family."""
    raw = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text())
    raw["model"] = {"family": family}
    return overlaid(raw, changes)


def test_what_a_family_lacks_is_told_before_any_work() -> None:
    likelihood = {"behaviors": {"nll": {"measure": {"name": "likelihood", "images": "train"}}}}
    config.load(config_of("pixel", likelihood))
    with pytest.raises(UserError) as caught:
        config.load(config_of("cosines", likelihood))
    told = str(caught.value)
    assert "behaviors.nll.measure = 'likelihood': likelihood needs pixel_density" in told
    assert "which models of family cosines lack; model.family must be one of: pixel" in told
    assert "approaches.sft.start = 'pruned': magnitude needs channels" in told
