"""What a message says is accepted: followed to the letter, the configuration can be used."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from overlays import overlaid

from diffcredit.coalitions.distribution import of_settings
from diffcredit.config import load
from diffcredit.config.coalition_checks import different
from diffcredit.errors import UserError

ROOT = Path(__file__).parents[1]
RULES = [
    # what a line says, and what is written instead of the value
    (r"Hint: (?:[\w.]*\.)?(\w+): (\S+)$", lambda m: yaml.safe_load(m[2])),
    (r"alpha [<>]= ([\d.]+)", lambda m: float(m[1])),
    (r"(\d+) (?:coalitions )?or more$", lambda m: int(m[1])),
    (r"leave it out|it may be left out", lambda m: GONE),
    (r"did you mean '(.*?)'\?", lambda m: m[1]),
    (r"must be at least ([\d.]+)", lambda m: yaml.safe_load(m[1])),
    (r"at most ([\d.]+)", lambda m: yaml.safe_load(m[1])),
    (r"must be one of the \d+ .*, 0 to (\d+)", lambda m: int(m[1])),
    (r"must be one of: (\w[\w/]*)", lambda m: m[1]),
    (r"must not exceed (?:the )?(?:[\w.]+ = )?(\d+)", lambda m: int(m[1])),
    (r"must not be fewer than the (\d+)", lambda m: int(m[1])),
    (r"must not be (?:more|larger) than (\d+)", lambda m: int(m[1])),
    (r"must be below (?:the )?(?:[\w.]+ = )?(\d+)", lambda m: int(m[1]) - 1),
    (r"must not exceed (\d+): there are", lambda m: int(m[1])),
    (r"must be divisible by (\d+)", lambda m: 4 * int(m[1])),
    (r"must leave some of the (\d+)", lambda m: int(m[1]) - 20),
    (r"must divide .*= (\d+)", lambda m: int(m[1])),
    (r"accepted: (\w+) or \w+$", lambda m: m[1]),
    (r"accepted: (\w+)$", lambda m: m[1]),
]
GONE = object()
#: A folder with files in subfolders: what is in them is not looked at yet.
OWN = {
    "source": "folder",
    "path": "tests",
    "image_size": 8,
    "channels": 1,
    "contributors": 3,
}

LATE: dict[str, tuple[str, dict[str, Any]]] = {
    # the overlay, and what is changed in it: key -> value
    "one contributor": ("", {"data.contributors": 1, "data.planted.contributors": 0}),
    "more contributors than images": ("", {"data.contributors": 1798}),
    "more contributors than images drawn": ("", {"data.images": 5}),
    "more planted than contributors": ("", {"data.planted.contributors": 13}),
    "all held out": ("", {"data.held_out": 1797}),
    "all of two classes held out": ("", {"data.labels": [0, 1], "data.held_out": 360}),
    "more images than there are": ("", {"data.images": 1798}),
    "more images than of two classes": ("", {"data.labels": [0, 1], "data.images": 361}),
    "alpha that keeps nobody": ("", {"coalitions.datamodel.alpha": 0.05}),
    "alpha that keeps nobody of 7": (
        "",
        {"coalitions.datamodel.alpha": 0.1, "data.contributors": 7},
    ),
    "alpha that keeps everybody": ("", {"coalitions.datamodel.alpha": 1 - 1e-12}),
    "a level of one pixel": (
        "",
        {"model.channels": [16, 16, 16, 16], "model.attention": [False] * 4},
    ),
    "pixels that cannot be halved": ("", {"data.image_size": 9}),
    "half precision on the CPU": (
        "",
        {"execution.device": "cpu", "training.mixed_precision": "fp16"},
    ),
    "GPUs that do not share a batch": ("", {"execution.gpus": 7}),
    "half precision of one approach on the CPU": (
        "",
        {"execution.device": "cpu", "approaches.sft.training": {"mixed_precision": "fp16"}},
    ),
    "warm-up that never ends": ("", {"training.warmup_steps": 81}),
    "warm-up of the full model": ("", {"training.warmup_steps": 401}),
    "warm-up of one approach": ("", {"approaches.sft.training": {"warmup_steps": 81}}),
    "warm-ups of all models and of one approach": (
        "",
        {"training.warmup_steps": 201, "approaches.sft.training": {"warmup_steps": 81}},
    ),
    "more snapshots than steps": ("", {"full.snapshots": 401}),
    "more sampling steps than noise levels": ("", {"sampling.steps": 1001}),
    "a network pruned to nothing": ("", {"pruned.ratio": 0.9}),
    "ranks of two": ("", {"coalitions.datamodel.count": 1}),
    "more jobs than can be planned": ("", {"coalitions.shapley.count": 10**9}),
    "a number beyond all": ("", {"full.steps": 10**12}),
    "more neighbors than samples": (
        "",
        {"behaviors.near": {"measure": {"name": "recall", "k": 600}}},
    ),
    "more neighbors than images": (
        "",
        {"behaviors.near": {"measure": {"name": "recall", "k": 30}}, "data.images": 30},
    ),
    "more clusters than images": (
        "",
        {"behaviors.spread": {"measure": {"name": "diversity", "clusters": 1800}}},
    ),
    "more queries than samples": (
        "",
        {"behaviors.error": {"measure": {"name": "mse", "queries": 513}}},
    ),
    "more queries than training images": (
        "",
        {
            "behaviors.loss": {
                "measure": {"name": "denoising_loss", "images": "train", "queries": 1798}
            }
        },
    ),
    "more noise levels than there are": (
        "",
        {"behaviors.loss": {"measure": {"name": "denoising_loss", "timesteps": 1001}}},
    ),
    "a warm-up of one approach that never ends": (
        "",
        {"approaches.sft.training": {"warmup_steps": 81}},
    ),
    "two contributors, whose coalitions have no ranks": (
        "",
        {"data.contributors": 2, "data.planted.contributors": 0},
    ),
    "more dimensions than parameters": ("digits_images", {"gradients.loss.dimensions": 10**8}),
    "more query images than files": (
        "",
        {
            "behaviors.loss": {
                "measure": {"name": "denoising_loss", "images": {"folder": "profiles/local"}}
            }
        },
    ),
    "more images than files": ("", {"data": OWN | {"images": 10**6}}),
    "more contributors than files": ("", {"data": OWN | {"contributors": 10**6}}),
    "more images held out than files": ("", {"data": OWN | {"held_out": 10**6}}),
    "more images than files that are not held out": (
        "",
        {"data": OWN | {"held_out": 2, "images": 10**6}},
    ),
    "more shards than images": ("digits_images", {"gradients.loss.shards": 401}),
    "more snapshots of gradients than are kept": (
        "digits_images",
        {"gradients.loss.snapshots": 5},
    ),
    "an image that there is not": (
        "digits_unlearning",
        {"data.injected.image": 600},
    ),
    "more clusters than samples": (
        "digits_unlearning",
        {"unlearning.remove": {"cluster": {"clusters": 513}}},
    ),
    "a cluster that there is not": (
        "digits_unlearning",
        {"unlearning.remove": {"cluster": {"number": 10}}},
    ),
    "a class that there is not": ("digits_unlearning", {"unlearning.remove": {"label": 10}}),
    "everything unlearned": (
        "digits_unlearning",
        {"data.images": 20, "data.injected": None, "unlearning.remove": {"images": [*range(20)]}},
    ),
    "the only contributor unlearned": (
        "digits_unlearning",
        {
            "data.injected": None,
            "data.contributors": 1,
            "unlearning.remove": {"contributor": 0},
        },
    ),
    "a pass over the removed images without a step": (
        "digits_unlearning",
        {
            "data.injected": None,
            "unlearning.remove": {"images": [*range(65)]},
            "unlearning.approaches": ["ascent"],
            "approaches.ascent": {
                "start": "full",
                "objective": {"name": "gradient_ascent", "ga_ratio": 2.5},
                "learning_rate": 0.001,
            },
        },
    ),
    "the only class unlearned": (
        "digits_unlearning",
        {"data.labels": [1, 2], "data.injected": None, "unlearning.remove": {"label": 2}},
    ),
    "a word with a slip": ("", {"data.contributors": "lable"}),
    "a name with a slip": ("", {"attributions.datamodel.method": "datamodel_rigde"}),
    "coalitions that nobody makes": ("", {"evaluation.lds.truth": "retrain/datamodl"}),
    "steps of one computed step": (
        "",
        {"approaches.sft.objective": "influence"},
    ),
    "unlearning from nothing": ("", {"approaches.retrain.objective": "siss"}),
}


def read(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


def put(raw: Any, key: str, value: Any) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        raw = raw[parent]
    if value is GONE:
        del raw[last]
    else:
        raw[last] = value


def followed(raw: Any, told: str) -> None:
    """Write what each line of a message asks for."""
    for entry in re.split(r"\n(?=  \w)", told)[1:]:
        key = re.match(r"  ([\w.]+)", entry)
        assert key, entry
        if hint := re.search(r"Hint: ([\w.]+\.\w+): (\S.*)$", entry):
            put(raw, hint[1], yaml.safe_load(hint[2]))
            continue
        new = next((make(found) for rule, make in RULES if (found := re.search(rule, entry))), None)
        assert new is not None, f"nothing to follow: {entry}"
        put(raw, key[1], new)


@pytest.mark.parametrize("mistake", LATE)
def test_what_is_told_is_accepted(mistake: str) -> None:
    overlay, changes = LATE[mistake]
    raw = overlaid(read("config.yaml"), read(f"experiments/{overlay}.yaml") if overlay else {})
    for key, value in changes.items():
        put(raw, key, value)
    with pytest.raises(UserError) as first:
        load(raw, ROOT)
    told = str(first.value)
    for _ in range(3):
        followed(raw, told)
        try:
            load(raw, ROOT)
        except UserError as error:
            told = str(error)
        else:
            return
    pytest.fail(f"still refused: {told}")


def test_folder_above_that_of_the_contributors_is_told(tmp_path: Path) -> None:
    for name in ("anna", "bert"):
        (tmp_path / "gallery" / name).mkdir(parents=True)
        for number in range(8):
            (tmp_path / "gallery" / name / f"{number}.png").touch()
    raw = read("config.yaml")
    raw["data"] = OWN | {"path": str(tmp_path), "contributors": "subfolder"}
    with pytest.raises(UserError) as told:
        load(raw, ROOT)
    first, *_ = re.findall(r"Hint: (\S+): (\S+)$", str(told.value), re.MULTILINE)
    assert first == ("data.path", str(tmp_path / "gallery"))


@pytest.mark.parametrize("overlay", sorted(path.stem for path in ROOT.glob("experiments/*.yaml")))
def test_experiments_lack_nothing_but_files(overlay: str) -> None:
    """Those that need data or weights, which are not here, are refused for these alone."""
    missing = r"must be an existing f|does not exist|must be in the local hub cache"
    try:
        load(overlaid(read("config.yaml"), read(f"experiments/{overlay}.yaml")), ROOT)
    except UserError as error:
        for told in re.split(r"\n(?=  \w)", str(error))[1:]:
            assert re.search(missing, told), told


@pytest.mark.parametrize("contributors", [65, 10_000, 10**9, 10**18, 2**200])
@pytest.mark.parametrize("distribution", ["datamodel", "shapley", "uniform", "leave_one_out"])
def test_coalitions_of_any_number_of_contributors_are_many(
    contributors: int, distribution: str
) -> None:
    """Counted exactly, those of a billion would take hours."""
    entry = of_settings({"distribution": distribution}).options
    assert different(entry, contributors) == contributors
    assert (different(entry, 10) or 0) >= 10


OLD_KEYS = {
    "scores": ({"scores": {"trak": {"method": "trak"}}}, "attributions"),
    "estimator of an attribution": (
        {"attributions": {"datamodel": {"estimator": "datamodel_ridge"}}},
        "new name: method",
    ),
    "patches of an attribution": (
        {"attributions": {"nda": {"method": "patches", "behaviors": ["fid"], "patches": {}}}},
        "{name: patches",
    ),
}


@pytest.mark.parametrize("key", OLD_KEYS)
def test_an_old_key_is_told_with_its_new_name(key: str) -> None:
    overlay, expected = OLD_KEYS[key]
    with pytest.raises(UserError, match="this key has a new name") as caught:
        load(overlaid(yaml.safe_load((ROOT / "config.yaml").read_text()), overlay), ROOT)
    assert expected in str(caught.value)
