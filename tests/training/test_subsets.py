"""Shards of coalitions: who is kept, what is untrained, and what is not made again."""

import gc
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from trainings import FAMILY, encoded

from diffcredit import time_limit
from diffcredit.coalitions.shapley import Shapley
from diffcredit.coalitions.table import table
from diffcredit.config import Approach, Training
from diffcredit.data.images import Images
from diffcredit.errors import UserError
from diffcredit.files import read_json, read_table, write_json, write_table
from diffcredit.models import checkpoints, examples
from diffcredit.models.checkpoints import Trained
from diffcredit.seeds import derive
from diffcredit.training import state
from diffcredit.training.batches import Batch
from diffcredit.training.loop import make_accelerator
from diffcredit.training.objectives.denoise import Denoise
from diffcredit.training.recipe import Recipe
from diffcredit.training.subsets import Coalition, of_table, train_shard

STEPS = 4
TABLE = pd.DataFrame(
    {
        "index": range(4),
        "seed": [11, 12, 13, 14],
        "mask": [[True, False, True], [False, True, False], [True] * 3, [False] * 3],
    }
)


@pytest.fixture
def owned(images: torch.Tensor) -> Images:
    """20 images of 3 contributors; the brighter, the later."""
    owners = np.repeat([0, 1, 2], [7, 7, 6])
    return Images(images.permute(0, 2, 3, 1).numpy(), np.zeros(20, dtype=np.int64), owners)


@pytest.fixture
def make(tmp_path: Path, owned: Images, settings: Training) -> Callable[..., dict[str, Path]]:
    """Train a shard with anything changed by name; returns its models by their names."""

    def make_(
        made: list[Coalition],
        begin: Trained | None = None,
        images: Images = owned,
        steps: int = STEPS,
        folder: str = "shard",
    ) -> dict[str, Path]:
        approach = Approach(
            start="full" if begin else "scratch",
            objective="denoise",
            steps=steps,
            learning_rate=2e-3,
            coalitions={},
        )
        train_shard(
            made,
            encoded(torch.from_numpy(images.pixels).permute(0, 3, 1, 2)),
            images.contributors,
            Recipe.of_section(approach, FAMILY, begin, settings),
            make_accelerator(settings, "cpu"),
            tmp_path / folder,
            checkpoint_steps=2,
            label="sft/shapley",
        )
        return {path.name: path for path in (tmp_path / folder).iterdir()}

    return make_


def shard(first: int, end: int, role: tuple[str, str] = ("sft", "0")) -> list[Coalition]:
    return of_table(TABLE.iloc[first:end], role)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """The clean images of every batch from now on."""
    batches: list[torch.Tensor] = []
    backward = Denoise.backward

    def watched(self, predict, retained: Batch, removed, accumulate):  # type: ignore[no-untyped-def]
        batches.append(retained.clean)
        return backward(self, predict, retained, removed, accumulate)

    monkeypatch.setattr(Denoise, "backward", watched)
    return batches


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return checkpoints.load(folder).network.state_dict()


def same_bits(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(("ratio", "told"), [(0.5, 0), (1, 0), (1.5, 1), (2, 1), (9.0, 2)])
def test_coalitions_without_a_step_are_told(
    tmp_path: Path,
    owned: Images,
    images: torch.Tensor,
    start: Trained,
    settings: Training,
    caplog: pytest.LogCaptureFixture,
    ratio: float,
    told: int,
) -> None:
    """Of 7 removed images, which are one batch, and of 13, which are two."""
    objective = {"name": "gradient_ascent", "ga_ratio": ratio}
    approach = Approach(start="full", objective=objective, learning_rate=2e-3, coalitions={})
    recipe = Recipe.of_section(approach, FAMILY, start, settings)
    accelerator = make_accelerator(settings, "cpu")
    with caplog.at_level("WARNING", logger="diffcredit"):
        given = (encoded(images), owned.contributors, recipe, accelerator)
        train_shard(shard(0, 4), *given, tmp_path / "ga", 2, "ga/shapley")
    assert caplog.text.count("makes no step") == told
    assert len(list((tmp_path / "ga").iterdir())) == 4


def test_seeds_depend_on_coalition_approach_and_training_seed_but_not_on_the_shard() -> None:
    whole = shard(0, 4)
    parts = shard(0, 2) + shard(2, 4)
    assert [c.seed for c in whole] == [c.seed for c in parts]
    assert [c.index for c in whole] == [c.index for c in parts] == [0, 1, 2, 3]
    others = [*shard(0, 4, ("sft", "1")), *shard(0, 4, ("retrain", "0"))]
    assert len({c.seed for c in [*whole, *others]}) == 12


def test_coalitions_survive_their_table(tmp_path: Path) -> None:
    drawn = table(Shapley(distribution="shapley", count=4), 5, 0, range(4))
    write_table(drawn, tmp_path / "c.parquet")
    for coalition, mask in zip(
        of_table(read_table(tmp_path / "c.parquet"), ("sft", "0")), drawn["mask"], strict=True
    ):
        assert coalition.mask.dtype == bool
        np.testing.assert_array_equal(coalition.mask, mask)


def test_each_model_sees_the_images_of_its_contributors_alone(
    make: Callable[..., dict[str, Path]], seen: list[torch.Tensor], owned: Images
) -> None:
    models = make(shard(0, 3), steps=3)  # 3 batches of 8: every image at least once
    assert sorted(models) == ["000000", "000001", "000002"]
    level = torch.from_numpy(owned.pixels).float().mean((1, 2, 3)) / 127.5 - 1
    for number, mask in enumerate(TABLE["mask"][:3]):
        found = torch.cat(seen[3 * number : 3 * number + 3]).mean((1, 2, 3))
        nearest = (found[:, None] - level).abs().argmin(1)
        assert set(owned.contributors[nearest.unique()]) == set(np.flatnonzero(mask))


def test_nobody_is_the_untrained_network_whatever_the_start(
    make: Callable[..., dict[str, Path]],
    seen: list[torch.Tensor],
    start: Trained,
) -> None:
    (nobody,) = shard(3, 4)
    model = make([nobody], begin=start)["000003"]
    fresh = FAMILY.build(FAMILY.structure, derive(nobody.seed, "weights")).state_dict()
    assert same_bits(weights(model), fresh)
    assert not same_bits(weights(model), start.network.state_dict())
    assert seen == []
    assert read_json(model / "config.json")["facts"]["seconds"] == 0


def test_models_begin_from_the_start_and_leave_it_alone(
    make: Callable[..., dict[str, Path]], start: Trained
) -> None:
    before = {name: weight.clone() for name, weight in start.network.state_dict().items()}
    models = make(shard(0, 2), begin=start, steps=1)
    assert same_bits(start.network.state_dict(), before)
    for model in models.values():
        after = weights(model)
        moved = [(after[name] - before[name]).abs().max() for name in before]
        assert 0 < max(moved) < 0.01
    assert not same_bits(weights(models["000000"]), weights(models["000001"]))


def test_models_from_scratch_have_weights_of_their_own(
    make: Callable[..., dict[str, Path]],
) -> None:
    models = make(shard(0, 2), steps=1)
    first, second = (weights(models[name]) for name in ("000000", "000001"))
    assert (first["conv_in.weight"] - second["conv_in.weight"]).abs().max() > 0.05


def test_interrupted_shard_keeps_finished_models_and_continues_the_other(
    make: Callable[..., dict[str, Path]],
    monkeypatch: pytest.MonkeyPatch,
    seen: list[torch.Tensor],
    tmp_path: Path,
) -> None:
    expected = {name: weights(path) for name, path in make(shard(0, 3), folder="other").items()}
    watched = Denoise.backward
    calls = len(seen)

    def interrupted(self, *arguments):  # type: ignore[no-untyped-def]
        if len(seen) == calls + STEPS + 3:
            raise KeyboardInterrupt
        return watched(self, *arguments)

    monkeypatch.setattr(Denoise, "backward", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make(shard(0, 3))
    finished = tmp_path / "shard" / "000000" / "weights.safetensors"
    written = finished.stat().st_mtime_ns
    monkeypatch.setattr(Denoise, "backward", watched)
    calls = len(seen)
    models = make(shard(0, 3))
    assert len(seen) - calls == 2 * STEPS - 2  # from the checkpoint of step 2
    assert finished.stat().st_mtime_ns == written
    assert sorted(models) == ["000000", "000001", "000002"]  # no checkpoint is left
    assert all(same_bits(weights(path), expected[name]) for name, path in models.items())


def test_nothing_stays_frozen_after_a_shard(make: Callable[..., dict[str, Path]]) -> None:
    """Objects that are frozen when the interpreter ends make extension modules complain."""
    before = gc.get_freeze_count()
    make(shard(0, 1), steps=1)
    assert gc.get_freeze_count() == before == 0


def test_models_of_other_inputs_are_made_again(
    make: Callable[..., dict[str, Path]], owned: Images, seen: list[torch.Tensor]
) -> None:
    make(shard(0, 2))
    assert len(seen) == 2 * STEPS
    make(shard(0, 2))
    assert len(seen) == 2 * STEPS  # nothing was made again
    pixels = owned.pixels.copy()
    pixels[owned.contributors == 1] //= 2
    changed = Images(pixels, owned.labels, owned.contributors)
    make(shard(0, 2), images=changed)
    assert len(seen) == 3 * STEPS  # only the model that sees contributor 1


def test_models_of_a_larger_shard_are_removed(make: Callable[..., dict[str, Path]]) -> None:
    """As where an interrupted run had another shard_size, or a larger count."""
    first = {name: path.stat().st_ino for name, path in make(shard(0, 4)).items()}
    left = {name: path.stat().st_ino for name, path in make(shard(1, 3)).items()}
    assert left == {name: first[name] for name in ("000001", "000002")}


def change_digest(model: Path, digest: str | None) -> None:
    path = model / checkpoints.CONFIG
    write_json({**read_json(path), "digest": digest}, path)


HARMS = {
    "a truncated config.json": lambda folder: (folder / "000001/config.json").write_text("{"),
    "a config.json without facts": lambda folder: (folder / "000001/config.json").write_text("{}"),
    "a config.json without a digest": lambda folder: change_digest(folder / "000001", None),
    "a config.json of another digest": lambda folder: change_digest(folder / "000001", "00" * 16),
    "weights of another model": lambda folder: shutil.copy(
        folder / "000000/weights.safetensors", folder / "000001/weights.safetensors"
    ),
    "a truncated checkpoint": lambda folder: (
        shutil.rmtree(folder / "000001"),
        (folder / "checkpoint.safetensors").write_bytes(b"xx"),
    ),
    "a folder that was being written": lambda folder: (folder / ".000001.17.part").mkdir(),
}


@pytest.mark.parametrize("harm", HARMS)
def test_broken_unfinished_work_begins_anew(
    make: Callable[..., dict[str, Path]], tmp_path: Path, harm: str
) -> None:
    expected = {name: weights(path) for name, path in make(shard(0, 2)).items()}
    HARMS[harm](tmp_path / "shard")
    make(shard(0, 2))
    models = checkpoints.folders(tmp_path / "shard")
    assert [path.name for path in models] == ["000000", "000001"]
    assert all(same_bits(weights(path), expected[path.name]) for path in models)


def test_coalitions_are_known_by_digests_that_are_there(
    make: Callable[..., dict[str, Path]],
    tmp_path: Path,
    start: Trained,
    owned: Images,
    settings: Training,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither the weights of the start nor the images are read for them."""
    checkpoints.save(start, tmp_path / "full")
    pixels = torch.from_numpy(owned.pixels).permute(0, 3, 1, 2)
    examples.write(encoded(pixels), tmp_path / "examples")
    full, images = checkpoints.load(tmp_path / "full"), examples.read(tmp_path / "examples")

    def computed(*_: object) -> None:
        raise AssertionError("a digest was computed")

    monkeypatch.setattr(examples, "_digests", computed)
    monkeypatch.setattr(checkpoints, "tensor_checksum", computed)
    for begin in (full, None):
        approach = Approach(
            start="full" if begin else "scratch",
            objective="denoise",
            steps=1,
            learning_rate=1e-3,
            coalitions={},
        )
        recipe = Recipe.of_section(approach, FAMILY, begin, settings)
        given = (images, owned.contributors, recipe, make_accelerator(settings, "cpu"))
        train_shard(shard(0, 2), *given, tmp_path / approach.start, 2, "shard")
        assert len(checkpoints.folders(tmp_path / approach.start)) == 2


def test_facts_name_the_model(make: Callable[..., dict[str, Path]]) -> None:
    made = make(shard(0, 4, ("sft", "3")))
    for number, path in enumerate(made[name] for name in sorted(made)):
        facts = checkpoints.facts(path)
        assert (facts["coalition"], facts["training_seed"]) == (number, 3)
        assert facts["step"] == (0 if number == 3 else STEPS)
        assert {"seconds", "loss", "fingerprint"} <= set(facts)


def test_order_of_the_shard_does_not_change_its_models(
    make: Callable[..., dict[str, Path]],
) -> None:
    together = make(shard(0, 2), folder="together")
    alone = make(shard(1, 2), folder="alone")
    assert same_bits(weights(together["000001"]), weights(alone["000001"]))


def test_failing_training_is_told_with_its_coalition(
    make: Callable[..., dict[str, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    backward = Denoise.backward
    monkeypatch.setattr(
        Denoise, "backward", lambda self, *given: backward(self, *given) * float("nan")
    )
    with pytest.raises(UserError, match="sft/shapley coalition 1: the loss is nan at step 0"):
        make(shard(1, 2))


def test_a_try_near_its_time_limit_makes_one_more_model(
    make: Callable[..., dict[str, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Models that are there already do not count, or a job would be queued again forever."""
    made = shard(0, 4)
    with monkeypatch.context() as cluster:
        cluster.setattr(time_limit, "is_near", lambda: True)
        cluster.setattr(state.TrainingState, "stop_if_time_is_up", lambda *_: None)
        for _ in made:
            with pytest.raises(time_limit.TimeIsUp):
                make(made)
    assert len(make(made)) == len(made)
