"""The denoising loss of query images: its definition, and the models of a shard."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import trainings
from diffusers import DDIMScheduler
from PIL import Image
from trainings import family_of

from diffcredit.behaviors import queries
from diffcredit.behaviors.denoising_loss import DenoisingLoss
from diffcredit.behaviors.model_behaviors import measure_shard
from diffcredit.behaviors.query_settings import QuerySettings
from diffcredit.config import Behavior
from diffcredit.config.behaviors import QueryFolder
from diffcredit.data.images import Images, to_table, with_origin
from diffcredit.errors import UserError
from diffcredit.files import write_table, write_tensors
from diffcredit.models import checkpoints
from diffcredit.models.betas import betas
from diffcredit.models.checkpoints import Trained
from diffcredit.models.families.pixel import Pixel
from diffcredit.sampling import initial_noise
from diffcredit.training.make_model import model_facts

SETTING = QuerySettings(family=family_of(40), steps=4, batch_size=16, seed=7, device="cpu")
MODEL = Pixel.Options(
    family="pixel", channels=[4, 8], attention=[False, False], norm_groups=2, timesteps=40
)


@pytest.fixture
def query_images(digits: Images) -> torch.Tensor:
    return torch.from_numpy(digits.pixels[:3]).permute(0, 3, 1, 2)


@pytest.fixture
def untrained() -> Callable[[int], Trained]:
    def make(seed: int) -> Trained:
        return trainings.untrained(MODEL, seed)

    return make


def test_loss_is_the_mean_over_noises_and_timesteps(
    query_images: torch.Tensor, untrained: Callable[[int], Trained]
) -> None:
    model = untrained(0)
    found = DenoisingLoss(query_images, SETTING, noises=5)(model)
    noises = initial_noise((1, 8, 8), 5, SETTING.seed)
    sampler = DDIMScheduler(40, **betas(40))
    sampler.set_timesteps(4)
    schedule = SETTING.family.schedule
    for image, loss in zip(query_images, found, strict=True):
        clean = image.float()[None] / 127.5 - 1
        expected = []
        for noise in noises:
            for timestep in sampler.timesteps:
                noised = schedule.add_noise(clean, noise[None], timestep[None])
                with torch.no_grad():
                    predicted = model.network(noised, timestep).sample
                expected.append(((predicted - noise[None]) ** 2).mean().item())
        assert loss == pytest.approx(np.mean(expected), rel=1e-5)
    assert len(set(found)) == 3


def test_loss_does_not_depend_on_the_batch(
    query_images: torch.Tensor, untrained: Callable[[int], Trained]
) -> None:
    model = untrained(0)
    whole = DenoisingLoss(query_images, SETTING, noises=3)(model)
    parts = QuerySettings(**vars(SETTING) | {"batch_size": 7})
    np.testing.assert_allclose(
        DenoisingLoss(query_images, parts, noises=3)(model), whole, rtol=1e-5
    )


def test_loss_of_all_noise_levels(
    query_images: torch.Tensor, untrained: Callable[[int], Trained]
) -> None:
    every = DenoisingLoss(query_images, SETTING, noises=1, timesteps=40)
    assert sorted(every.timesteps.tolist()) == list(range(40))
    assert every(untrained(0)).shape == (3,)


def test_loss_of_given_noise_levels(
    query_images: torch.Tensor, untrained: Callable[[int], Trained]
) -> None:
    """The loss of a list is the mean of those of its levels."""
    model = untrained(0)
    one, other, both = (
        DenoisingLoss(query_images, SETTING, noises=2, timesteps=levels)(model)
        for levels in ((5,), (30,), (5, 30))
    )
    np.testing.assert_allclose(both, (one + other) / 2, rtol=1e-6)
    assert (one != other).all()
    noise = initial_noise((1, 8, 8), 2, SETTING.seed)
    level = torch.tensor([30])
    clean = query_images[:1].float() / 127.5 - 1
    noised = SETTING.family.schedule.add_noise(clean, noise, level)
    with torch.no_grad():
        error = model.network(noised, level).sample - noise
    assert other[0] == pytest.approx(error.square().mean().item(), rel=1e-5)


class Oracle(torch.nn.Module):
    """Knows the one clean image, and so the noise."""

    def __init__(self, clean: torch.Tensor):
        super().__init__()
        self.clean = clean

    def forward(self, noised: torch.Tensor, timesteps: torch.Tensor) -> SimpleNamespace:
        """The noise that was added."""
        signal = SETTING.family.schedule.alphas_cumprod[timesteps].reshape(-1, 1, 1, 1)
        return SimpleNamespace(sample=(noised - signal.sqrt() * self.clean) / (1 - signal).sqrt())


def test_loss_is_zero_where_the_noise_is_known(
    query_images: torch.Tensor, untrained: Callable[[int], Trained]
) -> None:
    oracle = Oracle(query_images[:1].float() / 127.5 - 1)
    measure = DenoisingLoss(query_images, SETTING, noises=4)
    found = measure(replace(untrained(0), network=oracle))
    assert found[0] == pytest.approx(0, abs=1e-6)
    assert found[1] > 0.1


def test_shard_has_a_row_for_each_model_behavior_and_query(
    tmp_path: Path, query_images: torch.Tensor, untrained: Callable[[int], Trained]
) -> None:
    for index, seed in ((3, 0), (12, 1), (7, 0)):
        checkpoints.save(
            untrained(seed),
            tmp_path / f"{index:06d}",
            {**model_facts(0, index), "step": 5, "seconds": float(index)},
        )
    few, more = (
        DenoisingLoss.Options(name="denoising_loss", queries=3, noises=noises) for noises in (2, 4)
    )
    levels = DenoisingLoss.Options(name="denoising_loss", queries=3, noises=2, timesteps=[3, 20])
    table = measure_shard(
        tmp_path,
        dict.fromkeys(("loss", "log_loss", "loss_4", "loss_of_levels"), query_images),
        SETTING,
        {},
        {
            "loss": Behavior(measure=few),
            "log_loss": Behavior(measure=few, transform="log"),
            "loss_4": Behavior(measure=more),
            "loss_of_levels": Behavior(measure=levels),
        },
        "test",
    )
    wide = table.pivot(index="coalition", columns=["behavior", "query"], values="value")
    assert wide.shape == (3, 12)
    # Identical models have identical losses; others do not.
    np.testing.assert_array_equal(wide.loc[3], wide.loc[7])
    assert (wide.loc[3] != wide.loc[12]).all()
    np.testing.assert_allclose(wide["log_loss"], np.log(wide["loss"]))
    np.testing.assert_allclose(
        wide.loc[12, "loss"], DenoisingLoss(query_images, SETTING, noises=2)(untrained(1))
    )
    assert (table["seconds_training"] == table["coalition"]).all()
    assert (table["seconds_sampling"] == 0).all()
    assert (table["seconds_scoring"] > 0).all()


@pytest.fixture
def train(tmp_path: Path, digits: Images) -> Path:
    few = Images(digits.pixels[:30], digits.labels[:30], digits.contributors[:30])
    path = tmp_path / "train.parquet"
    captions = [f"number {row}" for row in range(30)]
    write_table(with_origin(to_table(few, "train"), range(30), captions), path)
    return path


def test_training_queries_are_drawn_by_the_seed(train: Path, digits: Images) -> None:
    few, more, other = (
        queries.read(
            DenoisingLoss.Options(name="denoising_loss", images="train", queries=count),
            {"train": train},
            seed,
        )
        for count, seed in ((4, 0), (9, 0), (4, 1))
    )
    assert few.pixels.shape == (4, 8, 8, 1)
    np.testing.assert_array_equal(few.pixels, more.pixels[:4])
    assert not np.array_equal(few.pixels, other.pixels)
    known = {image.tobytes() for image in digits.pixels[:30]}
    assert {image.tobytes() for image in more.pixels} <= known
    assert len({image.tobytes() for image in more.pixels}) == 9
    np.testing.assert_array_equal(more.pixels, digits.pixels[more.rows])
    assert more.captions == [f"number {row}" for row in more.rows]


def test_generated_queries_are_the_first_samples(tmp_path: Path, train: Path) -> None:
    samples = torch.arange(5 * 64, dtype=torch.uint8).reshape(5, 1, 8, 8)
    write_tensors({"images": samples}, tmp_path / "full.safetensors")
    measure = DenoisingLoss.Options(name="denoising_loss", images="generated", queries=2)
    found = queries.read(measure, {"train": train, "generated": tmp_path / "full.safetensors"}, 0)
    np.testing.assert_array_equal(found.pixels, samples[:2].permute(0, 2, 3, 1))
    assert found.rows == found.captions == [None, None]


def test_held_out_queries_are_the_first_of_those_held_out(
    tmp_path: Path, train: Path, digits: Images
) -> None:
    rows = np.arange(50, 55)
    apart = Images(digits.pixels[rows], digits.labels[rows], np.full(5, -1))
    places = {"train": train, "held_out": tmp_path / "held_out.parquet"}
    write_table(to_table(apart, "held_out"), places["held_out"])
    measure = DenoisingLoss.Options(name="denoising_loss", images="held_out", queries=3)
    found = queries.read(measure, places, seed=9)
    np.testing.assert_array_equal(found.pixels, digits.pixels[50:53])
    many = DenoisingLoss.Options(name="denoising_loss", images="held_out", queries=6)
    with pytest.raises(UserError, match=r"6 queries are asked for, but .*held_out.parquet holds 5"):
        queries.read(many, places, seed=9)


def test_queries_of_a_folder_have_the_size_of_the_training_images(
    tmp_path: Path, train: Path
) -> None:
    folder = tmp_path / "held_out"
    (folder / "inner").mkdir(parents=True)
    for name in ("a.png", "b.jpg", "inner/c.png"):
        Image.new("RGB", (20, 16), "gray").save(folder / name)
    (folder / "notes.txt").write_text("no image")
    measure = DenoisingLoss.Options(
        name="denoising_loss", images=QueryFolder(folder=str(folder)), queries=3
    )
    assert queries.read(measure, {"train": train}, 0).pixels.shape == (3, 8, 8, 1)


def test_too_few_queries(tmp_path: Path, train: Path) -> None:
    measure = DenoisingLoss.Options(name="denoising_loss", images="train", queries=31)
    with pytest.raises(UserError, match=r"31 queries are asked for, but .*train.parquet holds 30"):
        queries.read(measure, {"train": train}, 0)
    empty = DenoisingLoss.Options(
        name="denoising_loss", images=QueryFolder(folder=str(tmp_path)), queries=1
    )
    with pytest.raises(UserError, match="holds 0 images"):
        queries.read(empty, {"train": train}, 0)
