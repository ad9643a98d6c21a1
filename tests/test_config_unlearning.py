"""The configuration of unlearning: each mistake is told by its key."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from diffcredit.config import Removal, load
from diffcredit.config.unlearning import ABOUT_APPROACHES, JUDGED
from diffcredit.errors import UserError

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "config.yaml").read_text()

UNLEARNING = {
    "remove": {"contributor": 3},
    "approaches": ["siss", "neggrad"],
    "retrain": "retrain",
    "forgetting": "occurrence",
}


def configured(**sections: dict[str, Any]) -> dict[str, Any]:
    """The default with a section that unlearns, and keys and entries changed by section."""
    raw: dict[str, Any] = yaml.safe_load(TEXT)
    own = {"start": "full", "steps": 10, "learning_rate": 1e-3}
    raw["approaches"] |= {
        "siss": own | {"objective": "siss"},
        "neggrad": own | {"objective": "gradient_ascent"},
    }
    raw["behaviors"] |= {
        "occurrence": {"measure": {"name": "occurrence", "images": "removed"}},
        "loss": {"measure": {"name": "denoising_loss", "images": "removed"}},
    }
    raw["unlearning"] = UNLEARNING
    for section, changes in sections.items():
        raw[section] = raw[section] | changes
    return raw


def removing(**removal: Any) -> dict[str, Any]:
    return {"unlearning": {"remove": removal}}


def behaving(measure: str, **options: Any) -> dict[str, Any]:
    return {"behaviors": {"it": {"measure": {"name": measure, "images": "removed", **options}}}}


def message(raw: dict[str, Any], base: Path = ROOT) -> str:
    with pytest.raises(UserError) as caught:
        load(raw, base)
    return str(caught.value)


INJECTED = {"image": 5, "copies": 10}
GOOD: dict[str, dict[str, Any]] = {
    "a contributor by number": {},
    "a contributor by name": removing(contributor="contributor 11"),
    "the contributor of an injected image": removing(contributor="injected")
    | {"data": {"injected": INJECTED}},
    "the same by number": removing(contributor=12) | {"data": {"injected": INJECTED}},
    "a class that is a contributor": removing(contributor="digit 7")
    | {"data": {"contributors": "label", "labels": [1, 7], "planted": {"contributors": 0}}},
    "the last image": removing(images=[1796, 0]),
    "an image by its file": removing(images=["ann/1.png", 3]),
    "the last copy": removing(images=[208]) | {"data": {"images": 200, "injected": INJECTED}},
    "the last image of two classes": removing(images=[360]) | {"data": {"labels": [1, 7]}},
    "a class": removing(label=9),
    "a cluster": removing(cluster={"clusters": 512, "number": 511, "extractor": "pixels"}),
    "no model from scratch": {"unlearning": {"retrain": None}},
    "a training that ends early": {"unlearning": {"forgetting": "loss", "until": "1e-3"}},
    "names that are those of columns in part": {
        "behaviors": {"x_low": {"measure": "fid"}, "steps_high": {"measure": "fid"}}
    },
}


@pytest.mark.parametrize("name", GOOD)
def test_section_is_accepted_and_survives_its_way_into_a_job(name: str) -> None:
    loaded = load(configured(**GOOD[name]), ROOT)
    assert loaded.unlearning is not None
    assert load(loaded.model_dump(), ROOT) == loaded
    assert Removal(**loaded.unlearning.remove.model_dump()) == loaded.unlearning.remove


def test_nothing_needs_to_be_attributed() -> None:
    raw = configured(attributions=dict.fromkeys(yaml.safe_load(TEXT)["attributions"]))
    raw["evaluation"] = {"lds": None}
    raw["coalitions"] = {}
    for approach in ("sft", "retrain"):
        raw["approaches"][approach]["coalitions"] = {}
    assert load(raw, ROOT).attributed == []


UNKNOWN = "must be one of: contributor 00, contributor 01"
BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    # changed sections, key and value that are told, what is accepted
    "nothing removed": (removing(), "unlearning.remove = {}", "exactly one of: images, contr"),
    "two kinds of removal": (
        removing(images=[1], cluster={"number": 2}),
        "unlearning.remove = {images: [1], cluster: {clusters: 10, number: 2,",
        "exactly one of: images, contributor, label, cluster",
    ),
    "no key of removal": (
        {"unlearning": {"remove": None}},
        "unlearning.remove = null",
        "one of {images: [...]}, {contributor: ...}, {label: ...}, {cluster: {...}}",
    ),
    "no images": (
        removing(images=[]),
        "unlearning.remove.images = []",
        "a list of training images",
    ),
    "one image, not a list": (removing(images=3), "unlearning.remove.images = 3", "a list of"),
    "image by a list": (removing(images=[[3]]), "unlearning.remove.images.0 = [3]", "or by file"),
    "image below 0": (removing(images=[-1]), "unlearning.remove.images.0 = -1", "from 0"),
    "image twice": (removing(images=[4, 2, 4]), "unlearning.remove.images = [4, 2, 4]", "twice"),
    "image beyond the last": (
        removing(images=[3, 1797]),
        "unlearning.remove.images = 1797",
        "must be one of the 1797 images of the training set, 0 to 1796",
    ),
    "image beyond those drawn": (
        removing(images=[200]) | {"data": {"images": 200}},
        "unlearning.remove.images = 200",
        "one of the 200 images",
    ),
    "image held out": (
        removing(images=[1700]) | {"data": {"held_out": 97}},
        "unlearning.remove.images = 1700",
        "one of the 1700 images",
    ),
    "image beyond the last copy": (
        removing(images=[209]) | {"data": {"images": 200, "injected": INJECTED}},
        "unlearning.remove.images = 209",
        "one of the 209 images",
    ),
    "contributor beyond the last": (
        removing(contributor=12),
        "unlearning.remove.contributor = 12",
        "or a number, 0 to 11",
    ),
    "contributor below 0": (
        removing(contributor=-1),
        "unlearning.remove.contributor = -1",
        "by name or by number from 0",
    ),
    "contributor of no name": (
        removing(contributor="contributor 12"),
        "unlearning.remove.contributor = 'contributor 12'",
        UNKNOWN,
    ),
    "contributor of an image that is not injected": (
        removing(contributor="injected"),
        "unlearning.remove.contributor = 'injected'",
        UNKNOWN,
    ),
    "contributor of a class that is not kept": (
        removing(contributor="digit 3")
        | {"data": {"contributors": "label", "labels": [1, 7], "planted": {"contributors": 0}}},
        "unlearning.remove.contributor = 'digit 3'",
        "must be one of: digit 1, digit 7",
    ),
    "image that is a contributor, beyond the last": (
        removing(contributor=50) | {"data": {"contributors": "image", "images": 50}},
        "unlearning.remove.contributor = 50",
        "one of the 50 contributors",
    ),
    "class beyond the last": (
        removing(label=10),
        "unlearning.remove.label = 10",
        "must be one of: digit 0, digit 1",
    ),
    "class beyond those kept": (
        removing(label=7) | {"data": {"labels": [1, 7]}},
        "unlearning.remove.label = 7",
        "must be one of: digit 1, digit 7",
    ),
    "class below 0": (removing(label=-1), "unlearning.remove.label = -1", "number from 0"),
    "class by a number in quotes": (removing(label="7"), "unlearning.remove.label = '7'", "a name"),
    "class of no name": (
        removing(label="digt 7"),
        "unlearning.remove.label = 'digt 7'",
        "did you mean 'digit 7'",
    ),
    "cluster beyond the last": (
        removing(cluster={"clusters": 4, "number": 4}),
        "unlearning.remove.cluster.number = 4",
        "must be below unlearning.remove.cluster.clusters = 4",
    ),
    "one cluster": (
        removing(cluster={"clusters": 1}),
        "unlearning.remove.cluster.clusters = 1",
        "2 or more",
    ),
    "more clusters than images": (
        removing(cluster={"clusters": 513}),
        "unlearning.remove.cluster.clusters = 513",
        "must not exceed sampling.images = 512",
    ),
    "unknown extractor": (
        removing(cluster={"extractor": "pixel"}),
        "unlearning.remove.cluster.extractor = 'pixel'",
        "did you mean 'pixels'?",
    ),
    "typo of a cluster": (
        removing(cluster={"cluster": 4}),
        "unlearning.remove.cluster.cluster = 4",
        "did you mean 'clusters'?",
    ),
    "no approaches": ({"unlearning": {"approaches": []}}, "unlearning.approaches = []", "or more"),
    "unknown approach": (
        {"unlearning": {"approaches": ["sis"]}},
        "unlearning.approaches = 'sis'",
        "must be one of: siss, neggrad; did you mean 'siss'?",
    ),
    "approach twice": (
        {"unlearning": {"approaches": ["siss", "siss"]}},
        "unlearning.approaches = ['siss', 'siss']",
        "names an entry twice",
    ),
    "approach from scratch": (
        {"unlearning": {"approaches": ["retrain"]}},
        "unlearning.approaches = 'retrain'",
        "approaches.retrain.start = 'scratch'; must be full",
    ),
    "approach from the pruned model": (
        {"unlearning": {"approaches": ["sft"]}},
        "unlearning.approaches = 'sft'",
        "approaches.sft.start = 'pruned'; must be full",
    ),
    "retrained from the full model": (
        {"unlearning": {"retrain": "siss"}},
        "unlearning.retrain = 'siss'",
        "approaches.siss.start = 'full'; must be scratch",
    ),
    "unknown retraining": (
        {"unlearning": {"retrain": "retrian"}},
        "unlearning.retrain = 'retrian'",
        "did you mean 'retrain'?",
    ),
    "unknown quality": (
        {"unlearning": {"quality": "fdi"}},
        "unlearning.quality = 'fdi'",
        "did you mean 'fid'?",
    ),
    "unknown forgetting": (
        {"unlearning": {"forgetting": "ocurrence"}},
        "unlearning.forgetting = 'ocurrence'",
        "did you mean 'occurrence'?",
    ),
    "forgetting of other images": (
        {"unlearning": {"forgetting": "fid", "quality": "log_fid"}},
        "unlearning.forgetting = 'fid'",
        "must be a behavior of removed images; must be one of: occurrence, loss",
    ),
    "forgetting that is quality": (
        {"unlearning": {"quality": "occurrence"}},
        "unlearning.quality = 'occurrence'",
        "tells of the removed images; must be another behavior",
    ),
    "samples on the way": (
        {"unlearning": {"until": 0.1}},
        "unlearning.until = 0.1",
        "occurrence needs samples; a training ends early by a measure of the model itself",
    ),
    "no level": ({"unlearning": {"until": "low"}}, "unlearning.until = 'low'", "ends early; null"),
    "models at no step": ({"unlearning": {"every": 0}}, "unlearning.every = 0", "1 or more"),
    "no seeds": ({"unlearning": {"seeds": 0}}, "unlearning.seeds = 0", "1 or more"),
    "whole confidence": ({"unlearning": {"confidence": 1}}, "unlearning.confidence = 1", "below 1"),
    "unknown key": ({"unlearning": {"seed": 3}}, "unlearning.seed = 3", "did you mean 'seeds'?"),
    "noise level of a reconstruction": (
        behaving("reconstruction", timestep=1000),
        "behaviors.it.measure.timestep = 1000",
        "must be below model.timesteps = 1000",
    ),
    "steps of a reconstruction": (
        behaving("reconstruction", steps=1001),
        "behaviors.it.measure.steps = 1001",
        "must not exceed model.timesteps = 1000",
    ),
    "distance of an occurrence": (
        behaving("occurrence", within=0),
        "behaviors.it.measure.within = 0",
        "above 0",
    ),
    "mixture": (
        {"approaches": {"it": {"start": "full", "objective": {"name": "siss", "mixture": 1.5}}}},
        "approaches.it.objective.mixture = 1.5",
        "from 0 to 1",
    ),
    "mixture of the coin": (
        {
            "approaches": {
                "it": {"start": "full", "objective": {"name": "siss_bernoulli", "mixture": 1}}
            }
        },
        "approaches.it.objective.mixture = 1",
        "above 0 and below 1",
    ),
    "the name of the full model": (
        {
            "approaches": {
                "pretrained": {"start": "full", "objective": {"name": "influence", "batches": 2}}
            }
        },
        "approaches.pretrained",
        "this name is taken",
    ),
    "the name of the models that unlearn": (
        {"coalitions": {"unlearning": {"distribution": "full"}}},
        "coalitions.unlearning",
        "this name is taken",
    ),
    "attributions without an LDS": (
        {"evaluation": {"lds": None}},
        "evaluation.lds is null",
        "attributions need test models; name truth",
    ),
}


@pytest.mark.parametrize("mistake", BAD)
def test_mistake_is_told_in_one_line(mistake: str) -> None:
    sections, told, accepted = BAD[mistake]
    found = message(configured(**sections))
    assert f"  {told}" in found
    assert accepted in found
    assert "validation error" not in found
    assert len(found.splitlines()) == 2, found


def of_folder(folder: Path, removal: dict[str, Any]) -> dict[str, Any]:
    for name in ("ann", "bob"):
        (folder / "pictures" / name).mkdir(parents=True)
        (folder / "pictures" / name / "1.png").touch()
    data = {"source": "folder", "path": "pictures", "contributors": "subfolder"}
    return configured(data=data | {"image_size": 8, "channels": 1}, **removing(**removal))


@pytest.mark.parametrize("removal", [{"images": [5000]}, {"label": "bob"}, {"contributor": 1}])
def test_what_files_alone_tell_is_left_to_the_job(removal: dict[str, Any], tmp_path: Path) -> None:
    assert load(of_folder(tmp_path, removal), tmp_path).unlearning is not None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("label", 50),
        ("label", "Bob"),
        ("contributor", "nobody"),
        ("contributor", 2),
        ("contributor", "1"),
        ("contributor", "ann/1.png"),
    ],
)
def test_names_that_subfolders_tell_are_checked_early(
    key: str, value: int | str, tmp_path: Path
) -> None:
    found = message(of_folder(tmp_path, {key: value}), tmp_path)
    assert f"unlearning.remove.{key} = {value!r}: must be one of: ann, bob" in found


def test_nothing_that_could_be_named_is_told() -> None:
    raw = configured(unlearning={"approaches": ["x"], "retrain": "x", "forgetting": "fid"})
    raw["approaches"] |= dict.fromkeys(["siss", "neggrad", "retrain"])
    raw["behaviors"] = {"fid": {"measure": "fid"}}
    found = message(raw)
    for expected in (
        "unlearning.approaches = 'x': no entry of approaches has start full",
        "unlearning.retrain = 'x': no entry of approaches has start scratch",
        "unlearning.forgetting = 'fid': must be a behavior of removed images; there is none",
    ):
        assert expected in found


@pytest.mark.parametrize("images", ["removed", "retained"])
def test_behavior_of_removed_images_needs_the_section(images: str) -> None:
    raw = configured()
    raw["unlearning"] = None
    raw["behaviors"] = {"it": {"measure": {"name": "likelihood", "images": images}}}
    told = f"behaviors.it.measure.images = '{images}': the section unlearning, which removes them"
    assert told in message(raw)


@pytest.mark.parametrize("name", [*ABOUT_APPROACHES, *JUDGED, "fid_low", "loss_high"])
def test_behavior_with_the_name_of_a_column_of_the_outcomes(name: str) -> None:
    behaviors = {name: {"measure": "entropy"}}
    found = message(configured(behaviors=behaviors))
    assert f"  behaviors.{name}: the table of outcomes has this column" in found
    assert len(found.splitlines()) == 2
    raw = configured(behaviors=behaviors | {"occurrence": None, "loss": None})
    assert load(raw | {"unlearning": None}, ROOT)


@pytest.mark.parametrize("kind", ["sscd", "clip"])
def test_weights_are_looked_for_wherever_an_extractor_is_named(kind: str) -> None:
    extractors = {"mine": {"kind": kind, "path": "nowhere"}}
    measured = {"measure": {"name": "reconstruction", "images": "removed"}, "extractor": "mine"}
    until = {"forgetting": "it", "until": 0.5}
    cluster = {"remove": {"cluster": {"extractor": "mine"}}}
    load(configured(extractors=extractors), ROOT)
    for behaviors, unlearning in (
        ({"it": measured}, until),
        ({}, cluster),
        ({"it": measured}, until | cluster),
    ):
        found = message(
            configured(extractors=extractors, behaviors=behaviors, unlearning=unlearning)
        )
        assert found.count("  extractors.mine.path = 'nowhere': ") == 1
