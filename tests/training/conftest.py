"""A tiny training, and an objective that watches it."""

import gc
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
import torch
from accelerate.state import AcceleratorState, GradientState
from trainings import FAMILY, MODEL, Plan, drawing, train, untrained

from diffcredit.config import Training
from diffcredit.models.checkpoints import Trained
from diffcredit.models.families import Family
from diffcredit.models.families.pixel import Pixel
from diffcredit.training.batches import Batch
from diffcredit.training.loop import make_accelerator
from diffcredit.training.objectives.denoise import Denoise

torch.set_num_threads(1)


class Watching(Denoise):
    """Keeps the batches that it sees; fails, or spoils what it returns, at one of them."""

    def __init__(self, fail_at: int | None = None, spoil_at: int | None = None):
        self.fail_at, self.spoil_at = fail_at, spoil_at
        self.batches: list[Batch] = []

    def backward(
        self,
        predict: Callable[[Batch], torch.Tensor],
        retained: Batch,
        removed: Batch | None,
        accumulate: Callable[[torch.Tensor], None],
    ) -> torch.Tensor:
        """As the denoising objective, but for what was asked for."""
        if len(self.batches) == self.fail_at:
            raise KeyboardInterrupt
        self.batches.append(retained)
        loss = super().backward(predict, retained, removed, accumulate)
        return loss * torch.nan if len(self.batches) - 1 == self.spoil_at else loss


def batch(clean: torch.Tensor, noise: torch.Tensor, noised: torch.Tensor) -> Batch:
    """For objectives that do not ask how it was noised."""
    unknown = torch.full((len(clean), 1, 1, 1), torch.nan)
    return Batch(clean, noise, noised, torch.arange(len(clean)), unknown, unknown)


@pytest.fixture(scope="session", autouse=True)
def _short_collections() -> Iterator[None]:
    """Every training ends with a garbage collection, which need not walk all of torch here."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _accelerate_afresh() -> None:
    """Accelerate keeps the settings of the first Accelerator of a process."""
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()


@pytest.fixture(scope="session")
def helpers() -> SimpleNamespace:
    """What is above, which test files cannot import from here."""
    return SimpleNamespace(Watching=Watching, batch=batch)


@pytest.fixture(scope="session")
def model() -> Pixel.Options:
    return MODEL


@pytest.fixture(scope="session")
def family() -> Family:
    return FAMILY


@pytest.fixture(scope="session")
def start() -> Trained:
    return untrained()


@pytest.fixture(scope="session")
def images() -> torch.Tensor:
    """20 images, each with a mean of its own."""
    generator = torch.Generator().manual_seed(0)
    detail = torch.randint(0, 12, (20, 1, 8, 8), generator=generator)
    return (detail + 12 * torch.arange(20).view(20, 1, 1, 1)).to(torch.uint8)


@pytest.fixture(scope="session")
def settings() -> Training:
    return Training(batch_size=8, warmup_steps=3)


@pytest.fixture(scope="session")
def learned(start: Trained, images: torch.Tensor, settings: Training) -> Trained:
    """A network that has learned the images, for tests that let it forget some."""
    plan = Plan("full", {"name": "denoise"}, 60, 3e-3, seed=1)
    accelerator = make_accelerator(settings, "cpu")
    return train(start, Denoise(), images, None, plan, settings, accelerator).trained


@pytest.fixture
def rises(
    images: torch.Tensor, settings: Training
) -> Callable[[Trained, Trained], dict[str, float]]:
    """How much more the first 10 and the last 10 images cost one model than the one before."""
    draw = drawing(images[:10], images[10:], 3, settings, make_accelerator(settings, "cpu"))

    def loss(trained: Trained, role: str) -> float:
        total = 0.0
        with torch.inference_mode():
            for step in range(20):
                (batch,) = draw.of(role, step)
                predicted = trained.network(batch.noised, batch.timesteps).sample
                total += (predicted - batch.noise).square().mean().item() / 20
        return total

    def rises_(before: Trained, after: Trained) -> dict[str, float]:
        return {role: loss(after, role) - loss(before, role) for role in ("retained", "removed")}

    return rises_


@pytest.fixture(scope="session")
def plan() -> Plan:
    return Plan("the training", {"name": "denoise"}, 10, 2e-3, seed=7)
