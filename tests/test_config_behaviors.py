"""The configuration of behaviors and extractors: their options, the weights that they need."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from diffcredit import config
from diffcredit.behaviors.extractors import inception
from diffcredit.config import load
from diffcredit.errors import UserError
from diffcredit.registry import EXTRACTORS, MEASURES

ROOT = Path(__file__).parents[1]


def configured(behavior: dict[str, Any], **sections: Any) -> dict[str, Any]:
    """The default with one behavior, named it, and changed sections."""
    return (
        yaml.safe_load((ROOT / "config.yaml").read_text())
        | {"behaviors": {"it": behavior}}
        | sections
    )


def message(raw: dict[str, Any], base: Path = ROOT) -> str:
    with pytest.raises(UserError) as caught:
        load(raw, base)
    return str(caught.value)


BAD = {
    # measure, key and value that are told, what is accepted
    "name": ({"name": "fud"}, "name = 'fud'", "did you mean 'fid'?"),
    "no name": ({"k": 3}, "name = null", "must be one of: fid, "),
    "option of another": ({"name": "fid", "k": 3}, "k = 3", "unknown key; must be one of: name"),
    "typo": ({"name": "recall", "kk": 3}, "kk = 3", "one of: name, k; did you mean 'k'?"),
    "neighbors": ({"name": "recall", "k": 0}, "k = 0", "1 or more"),
    "many neighbors": ({"name": "recall", "k": 512}, "k = 512", "below sampling.images = 512"),
    "clusters": ({"name": "diversity", "clusters": 1}, "clusters = 1", "2 or more"),
    "distance": ({"name": "diversity", "distance": "cosine"}, "distance = 'cosine'", "euclidean"),
    "window": ({"name": "ssim", "window": "flat"}, "window = 'flat'", "gaussian"),
    "no splits": ({"name": "inception_score", "splits": 0}, "splits = 0", "1 or more"),
    "sampler": ({"name": "reconstruction", "sampler": "ddpm"}, "sampler = 'ddpm'", "ancestral"),
    "quantile 0": ({"name": "aesthetic", "quantile": 0}, "quantile = 0", "above 0"),
    "quantile 1": ({"name": "aesthetic", "quantile": 1}, "quantile = 1", "below 1"),
    "prompt of clip_iqa": (
        {"name": "clip_iqa", "prompt": "a"},
        "prompt = 'a'",
        "unknown key; must be one of: name",
    ),
    "prompt": ({"name": "clip_prompt", "prompt": ""}, "prompt = ''", "1 letter or more"),
    "quantile of a prompt": (
        {"name": "clip_prompt", "prompt": "a", "quantile": 1.5},
        "quantile = 1.5",
        "above 0 and below 1",
    ),
    "queries": ({"name": "mse", "queries": 0}, "queries = 0", "1 to sampling.images"),
    "many queries": ({"name": "ssim", "queries": 513}, "queries = 513", "sampling.images = 512"),
    "many generated": (
        {"name": "denoising_loss", "queries": 513},
        "queries = 513",
        "sampling.images = 512",
    ),
    "more queries than held out": (
        {"name": "denoising_loss", "images": "held_out", "queries": 1},
        "queries = 1",
        "data.held_out = 0",
    ),
    "noises": ({"name": "denoising_loss", "noises": 0}, "noises = 0", "1 or more"),
    "timesteps": (
        {"name": "denoising_loss", "timesteps": 1001},
        "timesteps = 1001",
        "model.timesteps = 1000",
    ),
    "noise levels beyond the last": (
        {"name": "denoising_loss", "timesteps": [50, 1000, 999, 2000]},
        "timesteps = [1000, 2000]",
        "must be below model.timesteps = 1000",
    ),
    "negative noise level": (
        {"name": "denoising_loss", "timesteps": [50, -1]},
        "timesteps.1 = -1",
        "each from 0 and below model.timesteps",
    ),
    "no noise levels": (
        {"name": "denoising_loss", "timesteps": []},
        "timesteps = []",
        "or a list of them",
    ),
    "noise level that is no whole number": (
        {"name": "denoising_loss", "timesteps": [50.5]},
        "timesteps.0 = 50.5",
        "or a list of them",
    ),
    "steps": ({"name": "likelihood", "steps": 0}, "steps = 0", "1 or more"),
    "probes": ({"name": "likelihood", "probes": 0}, "probes = 0", "1 or more; or exact"),
    "named probes": (
        {"name": "likelihood", "probes": "exakt"},
        "probes = 'exakt'",
        "1 or more; or exact",
    ),
    "dequantize": ({"name": "likelihood", "dequantize": 1}, "dequantize = 1", "true draws"),
    "noises of a likelihood": (
        {"name": "likelihood", "noises": 5},
        "noises = 5",
        "one of: name, images, queries, steps, probes, dequantize",
    ),
    "likelihood of too many": (
        {"name": "likelihood", "queries": 513},
        "queries = 513",
        "sampling.images = 512",
    ),
    "likelihood of more than held out": (
        {"name": "likelihood", "images": "held_out", "queries": 1},
        "queries = 1",
        "data.held_out = 0",
    ),
    "likelihood of a folder": (
        {"name": "likelihood", "images": {"folder": "nowhere"}},
        "images.folder = 'nowhere'",
        "existing folder",
    ),
    "images": (
        {"name": "denoising_loss", "images": "tain"},
        "images = 'tain'",
        "train (training images), generated (by the full model)",
    ),
    "folder": (
        {"name": "denoising_loss", "images": {"folder": "nowhere"}},
        "images.folder = 'nowhere'",
        "existing folder",
    ),
    "typo of a folder": (
        {"name": "denoising_loss", "images": {"fodler": "x"}},
        "images.fodler = 'x'",
        "did you mean 'folder'?",
    ),
}


@pytest.mark.parametrize("mistake", BAD)
def test_wrong_options_are_told(mistake: str) -> None:
    measure, place, accepted = BAD[mistake]
    told = message(configured({"measure": measure}))
    assert f"behaviors.it.measure.{place}" in told
    assert accepted in told


def test_missing_option_is_told_where_only_the_name_is_given() -> None:
    assert "behaviors.it.measure.prompt is missing" in message(
        configured({"measure": "clip_prompt"})
    )


def test_many_training_queries_are_no_matter_of_sampling() -> None:
    measure = {"name": "denoising_loss", "images": "train", "queries": 1000}
    load(configured({"measure": measure}), ROOT)


def test_noise_levels_may_be_a_list() -> None:
    measure = {"name": "denoising_loss", "timesteps": [999, 50, 0]}
    loaded = load(configured({"measure": measure}), ROOT).behaviors["it"]
    assert loaded.measure.timesteps == (999, 50, 0)
    assert config.Behavior(**loaded.model_dump()) == loaded
    assert hash(loaded.measure) is not None


@pytest.mark.parametrize("probes", [1, 16, "exact"])
def test_likelihood_has_a_value_for_each_query(probes: int | str) -> None:
    measure = {"name": "likelihood", "images": "train", "queries": 1000, "probes": probes}
    loaded = load(configured({"measure": measure}), ROOT).behaviors["it"]
    assert loaded.queried
    assert loaded.compares == "queries"


def test_queries_may_be_all_images_held_out() -> None:
    measure = {"name": "denoising_loss", "images": "held_out", "queries": 20}
    raw = configured({"measure": measure})
    raw["data"]["held_out"] = 20
    load(raw, ROOT)
    raw["data"]["held_out"] = 19
    assert "measure.queries = 20: must not exceed data.held_out = 19" in message(raw)


def test_images_too_small_for_structural_similarity() -> None:
    """Every window says which of the others takes such images."""
    for side, window, least, hint in (
        (4, "gaussian", 6, "mse, nrmse or similarity"),
        (4, "uniform", 7, "mse, nrmse or similarity"),
        (6, "uniform", 7, "window: gaussian"),
    ):
        raw = configured({"measure": {"name": "ssim", "window": window}})
        raw["data"]["image_size"] = side
        told = message(raw)
        assert f"behaviors.it.measure.window = {window!r}: needs images of {least} pixels" in told
        assert f"Hint: {hint}" in told
    for side, window in ((6, "gaussian"), (8, "uniform")):
        raw = configured({"measure": {"name": "ssim", "window": window}})
        raw["data"]["image_size"] = side
        load(raw, ROOT)


@pytest.mark.parametrize("images", [2, 5, 20, 100, 512])
def test_splits_have_two_samples_or_more(images: int) -> None:
    raw = configured({"measure": {"name": "inception_score", "splits": images // 2}})
    raw["sampling"]["images"] = images
    load(raw, ROOT)
    raw["behaviors"]["it"]["measure"]["splits"] += 1
    told = message(raw)
    assert (
        f"behaviors.it.measure.splits = {images // 2 + 1}: each needs 2 of sampling.images" in told
    )
    assert f"accepted: 1 to {images // 2}" in told


@pytest.mark.parametrize("name", MEASURES)
def test_every_measure_has_its_options_and_knows_what_it_sees(name: str) -> None:
    options = {"prompt": "a cat"} if name == "clip_prompt" else {}
    behavior = config.Behavior.model_validate({"measure": {"name": name, **options}})
    assert behavior.compares == MEASURES[name].compares
    assert (behavior.sees is None) == (MEASURES[name].needs is None)
    assert config.Behavior(**behavior.model_dump()) == behavior


BAD_EXTRACTORS = {
    "kind": ({"kind": "klip"}, "extractors.mine.kind = 'klip'", "did you mean 'clip'?"),
    "no kind": (
        {"path": "x"},
        "extractors.mine.kind = null",
        "must be one of: classifier, inception",
    ),
    "typo": ({"kind": "clip", "modle": "a"}, "mine.modle = 'a'", "did you mean 'model'?"),
    "typo of sscd": ({"kind": "sscd", "pth": "a"}, "mine.pth = 'a'", "did you mean 'path'?"),
    "path of sscd": ({"kind": "sscd", "path": 3}, "mine.path = 3", "sscd_disc_mixup"),
    "path of the classifier": ({"kind": "classifier", "path": "x"}, "mine.path = 'x'", "unknown"),
    "model": ({"kind": "blip", "model": "a/../b"}, "mine.model = 'a/../b'", "owner/model"),
}


@pytest.mark.parametrize("mistake", BAD_EXTRACTORS)
def test_wrong_extractors_are_told(mistake: str) -> None:
    entry, place, accepted = BAD_EXTRACTORS[mistake]
    told = message(configured({"measure": "fid"}, extractors={"mine": entry}))
    assert place in told
    assert accepted in told


OWN = {"classifier": {"kind": "classifier"}, "pixels": {"kind": "pixels"}}


@pytest.mark.parametrize(
    ("behavior", "accepted"),
    [
        (
            {"measure": "entropy", "extractor": "pixels"},
            "kind classifier or inception; must be one",
        ),
        ({"measure": "aesthetic"}, "behaviors.it.extractor = null: aesthetic needs"),
        ({"measure": "aesthetic", "extractor": "pixels"}, "aesthetic needs an entry of extractors"),
        ({"measure": "clip_iqa"}, "clip_iqa needs an entry of extractors of kind clip"),
        ({"measure": "clip_iqa", "extractor": "pixels"}, "clip_iqa needs an entry of extractors"),
        ({"measure": "fid", "extractor": "clasifier"}, "did you mean 'classifier'?"),
        ({"measure": "mse", "extractor": "pixels"}, "mse uses no extractor; leave it out"),
        ({"measure": "denoising_loss", "extractor": "pixels"}, "uses no extractor"),
        ({"measure": "likelihood", "extractor": "pixels"}, "uses no extractor"),
    ],
)
def test_extractor_that_does_not_fit(behavior: dict[str, Any], accepted: str) -> None:
    assert accepted in message(configured(behavior, extractors=OWN))


def test_the_classifier_is_the_default_where_an_extractor_is_needed() -> None:
    loaded = load(configured({"measure": "fid"}), ROOT)
    assert loaded.behaviors["it"].sees == "classifier"
    told = message(configured({"measure": "fid"}, extractors={"other": {"kind": "pixels"}}))
    assert "behaviors.it.extractor = null: fid needs an entry of extractors" in told


def hub_folder(folder: Path, *files: str) -> str:
    folder.mkdir(parents=True)
    for file in files:
        (folder / file).touch()
    return str(folder)


WHOLE = ("config.json", "model.safetensors", "vocab.json", "merges.txt")
PROMPT = {"measure": {"name": "clip_prompt", "prompt": "a cat"}, "extractor": "mine"}


def with_path(path: str, behavior: dict[str, Any], kind: str = "clip") -> dict[str, Any]:
    return configured(behavior, extractors={**OWN, "mine": {"kind": kind, "path": path}})


def test_complete_folders_are_accepted(tmp_path: Path) -> None:
    old = hub_folder(tmp_path / "old", *WHOLE, "flax_model.msgpack")
    loaded = load(with_path(old, PROMPT), ROOT)
    assert loaded.extractors["mine"].files() == [Path(old) / name for name in WHOLE]
    assert loaded.extractors["classifier"].files() == []
    new = hub_folder(tmp_path / "new", "config.json", "model.safetensors", "tokenizer.json")
    load(with_path(new, PROMPT), ROOT)


def test_paths_are_relative_to_where_the_workflow_runs(tmp_path: Path) -> None:
    hub_folder(tmp_path / "weights" / "clip", *WHOLE)
    load(with_path("weights/clip", PROMPT), tmp_path)


def test_missing_files_are_told_with_their_place_and_source(tmp_path: Path) -> None:
    fid = {"measure": "fid", "extractor": "mine"}
    folder = hub_folder(tmp_path / "clip", "config.json")
    told = message(with_path(folder, fid))
    assert f"extractors.mine.path = '{folder}': model.safetensors must be in that folder" in told
    assert "https://huggingface.co/openai/clip-vit-large-patch14" in told
    blip = message(with_path(str(tmp_path / "nowhere"), fid, kind="blip"))
    assert "config.json, model.safetensors must be in" in blip
    assert "https://huggingface.co/Salesforce/blip-vqa-base" in blip


def test_tokenizer_is_needed_for_texts_alone(tmp_path: Path) -> None:
    folder = hub_folder(tmp_path / "clip", "config.json", "model.safetensors", "vocab.json")
    load(with_path(folder, {"measure": "fid", "extractor": "mine"}), ROOT)
    assert "tokenizer.json must be in that folder" in message(with_path(folder, PROMPT))


def test_clip_iqa_needs_weights_and_a_tokenizer(tmp_path: Path) -> None:
    behavior = {"measure": "clip_iqa", "extractor": "mine"}
    told = message(with_path(str(tmp_path / "nowhere"), behavior))
    assert "config.json, model.safetensors, tokenizer.json must be in that folder" in told
    load(with_path(hub_folder(tmp_path / "clip", *WHOLE), behavior), ROOT)


def test_extractors_that_no_behavior_uses_need_no_weights() -> None:
    load(with_path("nowhere", {"measure": "fid"}), ROOT)


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def test_model_is_found_in_the_hub_cache(hub_cache: Path) -> None:
    behavior = {"measure": "fid", "extractor": "mine"}
    raw = configured(behavior, extractors={"mine": {"kind": "clip", "model": "some/clip"}})
    told = message(raw)
    assert "extractors.mine.model = 'some/clip': config.json, model.safetensors must be in" in told
    assert str(hub_cache / "models--some--clip") in told
    assert "hf download some/clip" in told
    repository = hub_cache / "models--some--clip"
    snapshot = hub_folder(repository / "snapshots" / "abc", "config.json", "model.safetensors")
    hub_folder(repository / "refs")
    (repository / "refs" / "main").write_text("abc")
    entry = load(raw, ROOT).extractors["mine"]
    assert entry.place() == Path(snapshot)


def test_inception_is_read_where_clean_fid_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = tmp_path / "inception-2015-12-05.pt"
    monkeypatch.setattr(inception, "USUAL", usual)
    behavior = {"measure": "inception_score", "extractor": "mine"}
    raw = configured(behavior, extractors={"mine": {"kind": "inception"}})
    told = message(raw)
    assert f"extractors.mine.path = null: the file {usual} does not exist" in told
    assert "https://nvlabs-fi-cdn.nvidia.com/" in told
    usual.touch()
    assert load(raw, ROOT).extractors["mine"].place() == usual
    # A program that somebody else has put into a folder of everybody's is not run unasked.
    if os.getuid() == 0:
        os.chown(usual, 4242, -1)
    else:
        monkeypatch.setattr(os, "getuid", lambda: 4242)
    assert f"{usual} belongs to another user" in message(raw)
    raw["extractors"]["mine"]["path"] = str(usual)
    load(raw, ROOT)


def test_inception_of_a_path_that_does_not_exist() -> None:
    told = message(with_path("nowhere.pt", {"measure": "fid", "extractor": "mine"}, "inception"))
    assert "extractors.mine.path = 'nowhere.pt'" in told
    assert "does not exist" in told


def test_sscd_is_where_the_user_says(tmp_path: Path) -> None:
    fid = {"measure": "fid", "extractor": "mine"}
    nowhere = message(configured(fid, extractors={"mine": {"kind": "sscd"}}))
    assert "extractors.mine.path = null: must name sscd_disc_mixup.torchscript.pt" in nowhere
    wrong = message(with_path("nowhere.pt", fid, "sscd"))
    assert f"extractors.mine.path = 'nowhere.pt': the file {ROOT}/nowhere.pt does not" in wrong
    source = "https://dl.fbaipublicfiles.com/sscd-copy-detection/sscd_disc_mixup.torchscript.pt"
    assert source in nowhere
    assert source in wrong
    (tmp_path / "sscd.pt").touch()
    entry = load(with_path("sscd.pt", fid, "sscd"), tmp_path).extractors["mine"]
    assert entry.place(tmp_path) == tmp_path / "sscd.pt"
    given = entry.model_copy(update={"path": str(tmp_path / "sscd.pt")})
    assert given.files() == [tmp_path / "sscd.pt"]


def test_head_is_told_with_its_place_and_source(tmp_path: Path) -> None:
    folder = hub_folder(tmp_path / "clip", *WHOLE)
    measure = {"name": "aesthetic", "head": str(tmp_path / "head.pth")}
    raw = with_path(folder, {"measure": measure, "extractor": "mine"})
    told = message(raw)
    assert f"behaviors.it.measure.head = '{tmp_path}/head.pth'" in told
    assert "https://github.com/LAION-AI/aesthetic-predictor" in told
    (tmp_path / "head.pth").touch()
    load(raw, ROOT)


def test_default_extractors_are_one_of_each_kind() -> None:
    raw = configured({"measure": "fid"})
    raw.pop("extractors", None)
    found = load(raw, ROOT).extractors
    assert {name: entry.kind for name, entry in found.items()} == {
        kind: kind for kind in EXTRACTORS
    }
