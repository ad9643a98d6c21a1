"""Features on disk: interruptions lose nothing and mix nothing, and what is broken is told."""

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from trainings import FAMILY, untrained

from diffcredit.attribution.gradients import store
from diffcredit.attribution.gradients.features import GradientFeatures
from diffcredit.attribution.gradients.settings import GradientSettings
from diffcredit.config import Gradients
from diffcredit.errors import UserError
from diffcredit.files import read_json
from diffcredit.models import checkpoints

IMAGES, DIMENSIONS = 23, 3
FACTS = {"model": "one", "timesteps": ["noise", 10, "uniform"], "dimensions": DIMENSIONS, "seed": 7}


class Computing:
    """Features that tell their image; which were asked for, and a failure at one of the calls."""

    def __init__(self, scale: float = 1.0, fail_at: int | None = None):
        self.scale, self.fail_at = scale, fail_at
        self.asked: list[slice] = []

    def __call__(self, rows: slice) -> GradientFeatures:
        """The features of some images."""
        if len(self.asked) == self.fail_at:
            raise KeyboardInterrupt
        self.asked.append(rows)
        numbers = self.scale * torch.arange(1.0, IMAGES + 1)[rows]
        return GradientFeatures(numbers[:, None] * torch.tensor([1.0, 10, 100]), -numbers)


def rows_of(features: GradientFeatures, rows: slice) -> GradientFeatures:
    return GradientFeatures(features.gradients[rows], features.residuals[rows])


def fill(folder: Path, compute: Computing, block: int = 4, **facts: object) -> None:
    store.fill(folder, FACTS | facts, (IMAGES, DIMENSIONS), compute, block, "features")


def interrupted(folder: Path, blocks: int, block: int = 4) -> None:
    with pytest.raises(KeyboardInterrupt):
        fill(folder, Computing(fail_at=blocks), block)
    assert not folder.exists()


def check_whole(folder: Path, scale: float = 1.0, **facts: object) -> None:
    found = store.read([folder], FACTS | facts)
    every = Computing(scale)(slice(None))
    np.testing.assert_array_equal(found.gradients, every.gradients)
    np.testing.assert_array_equal(found.residuals, every.residuals)
    names = sorted(path.name for path in folder.parent.iterdir())
    assert names == [folder.name]
    assert sorted(path.name for path in folder.iterdir()) == [
        store.FACTS,
        store.GRADIENTS,
        store.RESIDUALS,
    ]


def test_interrupted_job_continues_at_the_block(tmp_path: Path) -> None:
    interrupted(tmp_path / "shard", blocks=3)
    again = Computing()
    fill(tmp_path / "shard", again)
    assert [rows.start for rows in again.asked] == [12, 16, 20]
    check_whole(tmp_path / "shard")


@pytest.mark.parametrize("block", [2, 5, 100])
def test_blocks_of_another_size_leave_no_gap(tmp_path: Path, block: int) -> None:
    """As many images as fit at once may differ when the job is taken up again."""
    interrupted(tmp_path / "shard", blocks=3)
    fill(tmp_path / "shard", Computing(), block)
    check_whole(tmp_path / "shard")


@pytest.mark.parametrize("change", [{"model": "other"}, {"images": "other"}, {"seed": 8}])
def test_other_facts_start_anew(tmp_path: Path, change: dict[str, object]) -> None:
    interrupted(tmp_path / "shard", blocks=3)
    again = Computing(scale=-2.0)
    fill(tmp_path / "shard", again, **change)
    assert again.asked[0].start == 0
    check_whole(tmp_path / "shard", scale=-2.0, **change)


@pytest.mark.parametrize(
    ("key", "value"), [("model", "other"), ("seed", 8), ("dimensions", 4096), ("function", "loss")]
)
def test_features_of_something_else_are_told(tmp_path: Path, key: str, value: object) -> None:
    fill(tmp_path / "shard", Computing())
    with pytest.raises(UserError, match="shard holds features of another") as caught:
        store.read([tmp_path / "shard"], FACTS | {key: value})
    assert f"another {key}: {FACTS.get(key)!r}, not {value!r}" in str(caught.value)


def cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


BROKEN: dict[str, tuple[str, Callable[[Path], None]]] = {
    "missing": (store.GRADIENTS, Path.unlink),
    "cut in its numbers": (store.GRADIENTS, lambda path: cut(path, 200)),
    "cut in its header": (store.RESIDUALS, lambda path: cut(path, 20)),
    "empty": (store.RESIDUALS, lambda path: cut(path, 0)),
    "a pickle": (store.RESIDUALS, lambda path: np.save(path, [None], allow_pickle=True)),
    "facts missing": (store.FACTS, Path.unlink),
}


@pytest.mark.parametrize("how", BROKEN)
def test_broken_file_is_told_by_its_name(tmp_path: Path, how: str) -> None:
    fill(tmp_path / "shard", Computing())
    name, spoil = BROKEN[how]
    spoil(tmp_path / "shard" / name)
    with pytest.raises(UserError, match=f"shard/{name} cannot be read as .*\n.*delete it"):
        store.read([tmp_path / "shard"], FACTS)


@pytest.mark.parametrize("shards", [1, 2, 7, 23])
def test_shards_are_all_images_in_their_order(tmp_path: Path, shards: int) -> None:
    parts = [list(range(IMAGES))[store.shard(IMAGES, shards, n)] for n in range(shards)]
    assert [image for part in parts for image in part] == list(range(IMAGES))
    assert all(parts)
    folders = [tmp_path / str(number) for number in range(shards)]
    every = Computing()(slice(None))
    for folder, part in zip(folders, parts, strict=True):
        compute = partial(rows_of, GradientFeatures(every.gradients[part], every.residuals[part]))
        store.fill(folder, FACTS, (len(part), DIMENSIONS), compute, 4, "features")
    np.testing.assert_array_equal(store.read(folders, FACTS).gradients, every.gradients)


def test_more_shards_than_images() -> None:
    with pytest.raises(UserError, match="shards = 24: must not exceed the 23 training images"):
        store.shard(IMAGES, 24, 0)


def test_memory_that_is_not_there_is_told() -> None:
    """50,000 images in the 35 million dimensions of a network for CIFAR-10: 13 TiB, twice."""
    with pytest.raises(UserError, match="dimensions = 35000000: scores of 50000 images") as caught:
        store.check_memory(50_000, 35_000_000)
    assert "fewer dimensions" in str(caught.value)
    store.check_memory(1000, 4096)


def test_facts_tell_models_and_settings_apart_and_survive_their_way_to_disk(tmp_path: Path) -> None:
    for name in ("one", "other"):
        checkpoints.save(untrained(seed=len(name)), tmp_path / name)
    setting = GradientSettings(Gradients(dimensions="all"), FAMILY, seed=1)
    facts = setting.facts(tmp_path / "one")
    fill(tmp_path / "shard", Computing(), **facts)
    assert facts.items() <= read_json(tmp_path / "shard" / store.FACTS).items()
    others = [
        setting.facts(tmp_path / "other"),
        setting.facts(tmp_path / "one", "journey"),
        dataclasses.replace(setting, seed=2).facts(tmp_path / "one"),
        *(
            dataclasses.replace(setting, gradients=Gradients(**changed)).facts(tmp_path / "one")
            for changed in (
                {"dimensions": 64},
                {"dimensions": "all", "function": "loss"},
                {"dimensions": "all", "timesteps": 5},
                {"dimensions": "all", "at": "cumulative"},
            )
        ),
    ]
    assert facts not in others
    # How many images are computed at a time, or in how many jobs, changes nothing.
    same = Gradients(dimensions="all", batch_size=1, shards=3)
    assert dataclasses.replace(setting, gradients=same).facts(tmp_path / "one") == facts
