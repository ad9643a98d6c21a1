"""Every approach from every start: a shard of it, resumed, repeated, at its ends."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from trainings import FAMILY, encoded

from diffcredit.config import Approach, Training
from diffcredit.errors import UserError
from diffcredit.files import read_json
from diffcredit.models import checkpoints
from diffcredit.models.checkpoints import Trained
from diffcredit.models.families.pixel import Pixel
from diffcredit.models.pruning.magnitude import Magnitude
from diffcredit.models.pruning.structure import Material
from diffcredit.registry import OBJECTIVES
from diffcredit.seeds import derive
from diffcredit.training.loop import make_accelerator
from diffcredit.training.recipe import Recipe
from diffcredit.training.subsets import Coalition, of_table, train_shard

#: A step more than there are between checkpoints.
LOOP = {"steps": 3, "learning_rate": 2e-3}
LORA = {"name": "lora", "rank": 2, "dropout": 0.3}
APPROACHES = {
    "fine-tuning": {"objective": "denoise", **LOOP},
    "gradient ascent": {"objective": "gradient_ascent", **LOOP},
    "gradient ascent by ratio": {
        "objective": {"name": "gradient_ascent", "ga_ratio": 0.3},
        "learning_rate": 2e-3,
    },
    "NegGrad": {
        "objective": {"name": "gradient_ascent", "superfactor": 2, "superfactor_decay": 0.9},
        **LOOP,
    },
    "SISS": {"objective": "siss", **LOOP},
    "SISS of removed noise": {
        "objective": {"name": "siss", "mixture": 1, "scaling_norm": 0.1},
        **LOOP,
    },
    "SISS in two passes": {"objective": "siss_two_pass", **LOOP},
    "SISS by coins": {"objective": "siss_bernoulli", **LOOP},
    "EraseDiff": {"objective": "erase_diff", **LOOP},
    "LoRA": {"objective": "denoise", "parameters": LORA, **LOOP},
    "LoRA ascent": {"objective": "gradient_ascent", "parameters": LORA, **LOOP},
    "LoRA SISS": {"objective": "siss", "parameters": LORA, **LOOP},
    "influence": {"objective": {"name": "influence", "batches": 2}},
}
EACH = [("scratch", "fine-tuning")]
EACH += [(start, name) for start in ("full", "pruned") for name in APPROACHES]
# 20 images of 3 contributors: 14, then 13, then all, then none of them are kept.
TABLE = pd.DataFrame(
    {
        "index": range(4),
        "seed": [11, 12, 13, 14],
        "mask": [[True, True, False], [True, False, True], [True] * 3, [False] * 3],
    }
)


@pytest.fixture(scope="session")
def starts(start: Trained, images: torch.Tensor) -> dict[str, Trained | None]:
    pruned, _ = Magnitude().prune(start, 0.5, Material(encoded(images), 0, "cpu"))
    return {"scratch": None, "full": start, "pruned": pruned}


@pytest.fixture
def make(
    tmp_path: Path,
    images: torch.Tensor,
    starts: dict[str, Trained | None],
    settings: Training,
) -> Callable[..., dict[str, Path]]:
    """Make a shard of an approach; returns its models by their names."""
    owners = np.repeat([0, 1, 2], [7, 7, 6])

    def make_(
        begin: str, name: str, made: list[Coalition], folder: str = "shard"
    ) -> dict[str, Path]:
        approach = Approach(start=begin, **APPROACHES[name], coalitions={})
        recipe = Recipe.of_section(approach, FAMILY, starts[begin], settings)
        accelerator = make_accelerator(settings, "cpu")
        given = (encoded(images), owners, recipe, accelerator)
        train_shard(made, *given, tmp_path / folder, 2, f"{name}/some")
        return {path.name: path for path in (tmp_path / folder).iterdir()}

    return make_


def shard(first: int, end: int, replicate: str = "0") -> list[Coalition]:
    return of_table(TABLE.iloc[first:end], ("approach", replicate))


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return checkpoints.load(folder).network.state_dict()


def same_bits(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return list(first) == list(second) and all(torch.equal(first[n], second[n]) for n in first)


def test_every_objective_is_tried() -> None:
    tried = {
        Approach(start="full", **approach, coalitions={}).objective.name
        for approach in APPROACHES.values()
    }
    assert tried == set(OBJECTIVES)


@pytest.mark.slow
@pytest.mark.parametrize(("begin", "name"), EACH)
def test_interrupted_shard_ends_with_the_same_bits(
    make: Callable[..., dict[str, Path]],
    monkeypatch: pytest.MonkeyPatch,
    begin: str,
    name: str,
) -> None:
    """Interrupted at the last call of the network; what is finished is not made again."""
    predict, calls, stop = Pixel.predict, [], []

    def counted(*arguments: object) -> torch.Tensor:
        calls.append(1)
        if len(calls) in stop:
            raise KeyboardInterrupt
        return predict(*arguments)

    monkeypatch.setattr(Pixel, "predict", counted)
    models = make(begin, name, shard(0, 2), folder="whole")
    expected = {model: weights(path) for model, path in models.items()}
    total = len(calls)
    stop.append(2 * total)
    with pytest.raises(KeyboardInterrupt):
        make(begin, name, shard(0, 2))
    torch.manual_seed(9)
    calls.clear()
    models = make(begin, name, shard(0, 2))
    assert sorted(models) == ["000000", "000001"]  # no checkpoint is left
    assert 0 < len(calls) <= total / 2
    assert all(same_bits(weights(path), expected[model]) for model, path in models.items())


@pytest.mark.slow
@pytest.mark.parametrize(("begin", "name"), EACH)
def test_models_differ_by_coalition_and_training_seed_and_from_their_start(
    make: Callable[..., dict[str, Path]],
    starts: dict[str, Trained | None],
    begin: str,
    name: str,
) -> None:
    first, other = (weights(path) for path in make(begin, name, shard(0, 2)).values())
    again = weights(make(begin, name, shard(0, 1, replicate="1"), folder="again")["000000"])
    assert not same_bits(first, other)
    assert not same_bits(first, again)
    if known := starts[begin]:
        before = known.network.state_dict()
        moved = {n: (first[n] - before[n]).abs().max().item() for n in before}
        assert max(moved.values()) > 0
        assert list(first) == list(before)


@pytest.mark.parametrize(("begin", "name"), EACH)
def test_nobody_is_the_untrained_network(
    make: Callable[..., dict[str, Path]], begin: str, name: str
) -> None:
    (nobody,) = shard(3, 4)
    model = make(begin, name, [nobody])["000003"]
    fresh = FAMILY.build(FAMILY.structure, derive(nobody.seed, "weights")).state_dict()
    assert same_bits(weights(model), fresh)
    assert read_json(model / checkpoints.CONFIG)["facts"]["seconds"] == 0


@pytest.mark.parametrize(("begin", "name"), EACH)
def test_everybody_is_the_start_where_nothing_is_to_be_unlearned(
    make: Callable[..., dict[str, Path]],
    starts: dict[str, Trained | None],
    begin: str,
    name: str,
) -> None:
    """Fine-tuning goes on with all images; what unlearns has none to unlearn."""
    model = make(begin, name, shard(2, 3))["000002"]
    unlearns = name not in ("fine-tuning", "LoRA")
    if known := starts[begin]:
        assert same_bits(weights(model), known.network.state_dict()) == unlearns
    assert (read_json(model / checkpoints.CONFIG)["facts"]["seconds"] == 0) == unlearns


def test_steps_by_ratio_follow_the_number_of_removed_images(
    make: Callable[..., dict[str, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One pass divided by 0.3, in steps of 8: of 6 images 3, of 7 images 3, of 13 images 6."""
    predict, calls = Pixel.predict, []
    monkeypatch.setattr(Pixel, "predict", lambda *given: calls.append(1) or predict(*given))
    counts = []
    more = [Coalition(5, np.array([True, False, False]), 3)]
    for made in (shard(0, 1), shard(1, 2), more):
        calls.clear()
        make("full", "gradient ascent by ratio", made)
        counts.append(len(calls))
    assert counts == [3, 3, 6]


def test_options_are_part_of_what_decides_the_outcome(
    make: Callable[..., dict[str, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A finished model of other options is made again."""
    models = make("full", "influence", shard(0, 1))
    before = weights(models["000000"])
    changed = {"objective": {"name": "influence", "batches": 2, "ratio": 0.7}}
    monkeypatch.setitem(APPROACHES, "influence", changed)
    assert not same_bits(weights(make("full", "influence", shard(0, 1))["000000"]), before)


def test_layers_that_are_not_there_are_told_in_the_job(
    make: Callable[..., dict[str, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = APPROACHES["LoRA"] | {"parameters": {"name": "lora", "layers": ["to_z"]}}
    monkeypatch.setitem(APPROACHES, "LoRA", changed)
    with pytest.raises(UserError, match=r"parameters\.layers.*'to_z'; there are: conv, "):
        make("full", "LoRA", shard(0, 1))
