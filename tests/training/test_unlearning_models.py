"""Models along a training that unlearns: at which steps, from which seeds, early, interrupted."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from trainings import FAMILY, Plan, encoded, train

from diffcredit.config import Approach, Training
from diffcredit.errors import UserError
from diffcredit.files import read_json
from diffcredit.models import checkpoints
from diffcredit.models.checkpoints import Trained
from diffcredit.training import loop, unlearning
from diffcredit.training.loop import make_accelerator
from diffcredit.training.objectives.denoise import Denoise
from diffcredit.training.recipe import Recipe, Stop

Unlearn = Callable[..., dict[tuple[int, int], Path]]


@pytest.fixture
def unlearn(
    tmp_path: Path,
    start: Trained,
    images: torch.Tensor,
    settings: Training,
) -> Unlearn:
    """Unlearn the last five images, with anything changed by name; returns models by their step."""

    def unlearn_(
        folder: str = "models",
        begin: Trained | None = start,
        every: int | None = 2,
        stop: Stop | None = None,
        seeds: tuple[int, ...] = (7, 8),
        **approach: object,
    ) -> dict[tuple[int, int], Path]:
        given = {"start": "full", "objective": "siss", "steps": 5, "learning_rate": 1e-3}
        recipe = Recipe.of_section(
            Approach.model_validate(given | approach), FAMILY, begin, settings
        )
        made = {}
        for number, seed in enumerate(seeds):
            output = unlearning.Output(tmp_path / folder / f"{number}", every, stop, 1)
            output.folder.mkdir(exist_ok=True, parents=True)
            unlearning.unlearn(
                unlearning.Split(encoded(images[:15]), encoded(images[15:])),
                recipe,
                number,
                seed,
                make_accelerator(settings, "cpu"),
                output,
                "test",
            )
            models = [path for path in output.folder.iterdir() if path.is_dir()]
            keys = map(checkpoints.model_key, models)
            made |= {(number, key["step"]): path for key, path in zip(keys, models, strict=True)}
        return made

    return unlearn_


def weights(path: Path) -> dict[str, torch.Tensor]:
    return checkpoints.load(path).network.state_dict()


def same(first: Path, second: Path) -> bool:
    pairs = zip(weights(first).values(), weights(second).values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_models_know_their_training_seed_and_step(unlearn: Unlearn) -> None:
    for (number, step), path in unlearn().items():
        expected = {"coalition": None, "training_seed": number, "step": step}
        assert checkpoints.model_key(path) == expected


def test_folders_are_in_the_order_of_the_steps() -> None:
    steps = [0, 9, 10, 99_999, 1_000_000, 25_000_000]
    names = [unlearning.model_name(step) for step in steps]
    assert sorted(names) == names


def test_pretrained_model_is_that_of_step_zero(start: Trained, tmp_path: Path) -> None:
    unlearning.write_pretrained(start, tmp_path)
    (folder,) = checkpoints.folders(tmp_path)
    expected = {"coalition": None, "training_seed": 0, "step": 0}
    assert checkpoints.model_key(folder) == expected
    assert checkpoints.facts(folder)["seconds"] == 0
    for name, value in weights(folder).items():
        assert torch.equal(start.network.state_dict()[name], value)


def test_model_that_does_not_say_whose_it_is_is_told(start: Trained, tmp_path: Path) -> None:
    checkpoints.save(start, tmp_path / "model", {"coalition": 3, "step": 2})
    with pytest.raises(UserError, match=r"config\.json lacks the fact 'training_seed'"):
        checkpoints.model_key(tmp_path / "model")


def test_models_are_left_at_every_so_many_steps_and_at_the_end(unlearn: Unlearn) -> None:
    made = unlearn()
    assert sorted(made) == [(seed, step) for seed in (0, 1) for step in (2, 4, 5)]
    assert not same(made[0, 2], made[0, 4])
    assert not same(made[0, 5], made[1, 5])
    facts = [read_json(made[0, step] / checkpoints.CONFIG)["facts"] for step in (2, 4, 5)]
    assert [fact["step"] for fact in facts] == [2, 4, 5]
    assert 0 < facts[0]["seconds"] < facts[1]["seconds"] < facts[2]["seconds"]


@pytest.mark.slow
def test_model_at_the_end_is_that_of_the_plain_loop(
    unlearn: Unlearn, start: Trained, images: torch.Tensor, settings: Training
) -> None:
    made = unlearn(objective="denoise", seeds=(7,))
    plan = Plan("plain", {"name": "denoise"}, 5, 1e-3, seed=7)
    accelerator = make_accelerator(settings, "cpu")
    plain = train(start, Denoise(), images[:15], None, plan, settings, accelerator)
    for key, value in plain.trained.network.state_dict().items():
        assert torch.equal(weights(made[0, 5])[key], value)


def test_retrained_model_is_left_at_its_end(unlearn: Unlearn) -> None:
    made = unlearn(begin=None, start="scratch", objective="denoise", every=None)
    assert sorted(made) == [(0, 5), (1, 5)]
    assert not same(made[0, 5], made[1, 5])


def test_computed_step_is_one(unlearn: Unlearn) -> None:
    objective = {"name": "influence", "batches": 2}
    made = unlearn(objective=objective, steps=None, learning_rate=None)
    assert sorted(made) == [(0, 1), (1, 1)]


def test_adapters_are_merged_on_the_way(unlearn: Unlearn, start: Trained) -> None:
    """Each model is a plain one, and the training goes on as if none had been left."""
    lora = {"objective": "denoise", "parameters": {"name": "lora", "rank": 2}}
    often, once = unlearn(**lora), unlearn("once", every=9, **lora)
    assert weights(often[0, 2]).keys() == start.network.state_dict().keys()
    assert not same(often[0, 2], often[0, 5])
    assert same(often[0, 5], once[0, 5])


def test_number_of_steps_may_come_from_the_objective(unlearn: Unlearn) -> None:
    objective = {"name": "gradient_ascent", "ga_ratio": 0.25}
    made = unlearn(objective=objective, steps=None, seeds=(7,))
    assert sorted(made) == [(0, 2), (0, 4)]  # 5 images in a batch of 8, times 4


@pytest.mark.parametrize("ratio", [1.01, 2, 3, 7.5, 100])
def test_no_step_is_told(unlearn: Unlearn, ratio: float) -> None:
    objective = {"name": "gradient_ascent", "ga_ratio": ratio}
    with pytest.raises(UserError, match=rf"ga_ratio = {ratio}.* 1 batches; accepted: at most 1"):
        unlearn(objective=objective, steps=None, seeds=(7,))
    assert unlearn(objective=objective | {"ga_ratio": 1}, steps=None, seeds=(7,))


@pytest.mark.slow
def test_training_ends_early_where_enough_is_forgotten(unlearn: Unlearn) -> None:
    seen: list[str] = []

    def reached(folder: Path) -> bool:
        seen.append(folder.name)
        return len(seen) == 2

    made = unlearn(stop=Stop(reached, {"level": 1}))
    assert sorted(made) == [(0, 2), (0, 4), (1, 2), (1, 4), (1, 5)]
    whole = unlearn("whole")
    assert all(same(path, whole[key]) for key, path in made.items())


@pytest.mark.slow
@pytest.mark.parametrize("fail_at", [1, 3, 4, 7, 9])
def test_interrupted_unlearning_ends_with_the_same_bits(
    fail_at: int, unlearn: Unlearn, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = unlearn("whole")
    calls = SimpleNamespace(steps=0)
    step = loop._step

    def failing(*arguments: object) -> float:
        calls.steps += 1
        if calls.steps == fail_at + 1:
            raise KeyboardInterrupt
        return step(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "_step", failing)
    with pytest.raises(KeyboardInterrupt):
        unlearn()
    made = unlearn()
    assert calls.steps == 11  # 10, and the one that failed
    assert made.keys() == whole.keys()
    assert all(same(path, whole[key]) for key, path in made.items())


@pytest.mark.slow
def test_finished_seeds_are_kept_and_those_of_other_settings_go(unlearn: Unlearn) -> None:
    made = unlearn(seeds=(7,))
    before = {key: path.stat().st_mtime_ns for key, path in made.items()}
    again = unlearn()
    assert {key: again[key].stat().st_mtime_ns for key in before} == before
    assert sorted(unlearn(every=3)) == [(0, 3), (0, 5), (1, 3), (1, 5)]
    assert sorted(unlearn(every=3, seeds=(7,))) == [(0, 3), (0, 5)]
    assert sorted(unlearn(every=3, stop=Stop(lambda _: True, {}))) == [(0, 3), (1, 3)]
