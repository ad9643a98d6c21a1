"""The networks of published experiments: as diffusers makes them, read, pruned, differentiated."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
import trainings
import yaml
from diffusers import UNet2DModel
from trainings import FAMILY, encoded, untrained

from diffcredit.attribution.gradients import functions
from diffcredit.attribution.gradients.features import gradient_features
from diffcredit.attribution.gradients.projection import Exact
from diffcredit.attribution.gradients.states import States
from diffcredit.files import write_json
from diffcredit.models import checkpoints, families, pretrained
from diffcredit.models.checkpoints import Trained
from diffcredit.models.families import Structure, unet_folders
from diffcredit.models.families.pixel import Pixel, architecture
from diffcredit.models.pruning.structure import Material
from diffcredit.registry import PRUNERS, build
from diffcredit.training import full_models

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


def blocks(widths: list[int], attends: list[int]) -> dict[str, Any]:
    """Channels and blocks of a config.json, from the resolutions that have attention."""
    kinds = ["Attn" * (level in attends) for level in range(len(widths))]
    return {
        "block_out_channels": widths,
        "down_block_types": [f"{kind}DownBlock2D" for kind in kinds],
        "up_block_types": [f"{kind}UpBlock2D" for kind in reversed(kinds)],
        "layers_per_block": 2,
        "norm_num_groups": 32,
    }


#: What the networks of Ho et al. 2020 have in common in diffusers' format.
HO = {
    "act_fn": "silu",
    "attention_head_dim": None,
    "center_input_sample": False,
    "downsample_padding": 0,
    "flip_sin_to_cos": False,
    "freq_shift": 1,
    "mid_block_scale_factor": 1,
    "norm_eps": 1e-06,
    "time_embedding_type": "positional",
}
COLOR, GRAY = ({"in_channels": count, "out_channels": count} for count in (3, 1))
#: The published config.json, and our `model` for it.
OURS = {
    "layers_per_block": 2,
    "norm_groups": 32,
    "head_dim": "channels",
    "freq_shift": 1,
    "flip_sin_to_cos": False,
    "downsample_padding": 0,
    "norm_eps": 1e-6,
}
SISS_MNIST = {"layers_per_block": 2, "norm_groups": 32}
PUBLISHED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "ddpm-cifar10-32": (
        {"sample_size": 32, **COLOR, **HO, **blocks([128, 256, 256, 256], [1])},
        {**OURS, "channels": [128, 256, 256, 256], "attention": [False, True, False, False]},
    ),
    "d-trak cifar2": (
        {
            **{"sample_size": 32, **COLOR, **HO, **blocks([128, 256, 256, 256], [1])},
            **{"resnet_time_scale_shift": "scale_shift", "dropout": 0.1},
        },
        {
            **{**OURS, "scale_shift": True, "dropout": 0.1},
            **{"channels": [128, 256, 256, 256], "attention": [False, True, False, False]},
        },
    ),
    "d-trak celeba": (
        {
            "sample_size": 64,
            **{**COLOR, **HO, **blocks([128, 128, 256, 256, 512, 512], [4])},
            **{"attention_head_dim": 8, "downsample_padding": 1, "flip_sin_to_cos": True},
            **{"freq_shift": 0, "norm_eps": 1e-05},
        },
        {
            **SISS_MNIST,
            **{"channels": [128, 128, 256, 256, 512, 512]},
            "attention": [False] * 4 + [True, False],
        },
    ),
    "ddpm-celebahq-256": (
        {"sample_size": 256, **COLOR, **HO, **blocks([128, 128, 256, 256, 512, 512], [4])},
        {
            **{**OURS, "channels": [128, 128, 256, 256, 512, 512]},
            "attention": [False] * 4 + [True, False],
        },
    ),
    "siss mnist": (
        {"sample_size": 28, **GRAY, **blocks([64, 128, 256], [1])},
        {**SISS_MNIST, "channels": [64, 128, 256], "attention": [False, True, False]},
    ),
    "ddpm-church-256": (
        {"sample_size": 256, **COLOR, **HO, **blocks([128, 128, 256, 256, 512, 512], [4])}
        | {"norm_num_groups": 16, "freq_shift": 0},
        {
            **{**OURS, "norm_groups": 16, "freq_shift": 0},
            **{"channels": [128, 128, 256, 256, 512, 512]},
            "attention": [False] * 4 + [True, False],
        },
    ),
}


def small(config: dict[str, Any], model: dict[str, Any]) -> tuple[dict[str, Any], Pixel.Options]:
    """The same at a quarter of the channels and groups and at most 32 pixels, to be quick."""
    size, widths = config["sample_size"], [width // 4 for width in model["channels"]]
    groups = config["norm_num_groups"] // 4
    cut = {"sample_size": min(size, 32), "block_out_channels": widths, "norm_num_groups": groups}
    return config | cut, Pixel.Options(
        family="pixel", **model | {"channels": widths, "norm_groups": groups}
    )


def predict(network: torch.nn.Module, config: dict[str, Any]) -> torch.Tensor:
    shape = (2, config["in_channels"], config["sample_size"], config["sample_size"])
    images = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        return trainings.predict(network.eval(), images, torch.tensor([3, 801]))


def of_ours(config: dict[str, Any], model: Pixel.Options) -> torch.nn.Module:
    arguments = architecture(model, config["sample_size"], config["in_channels"])
    return FAMILY.build(Structure(arguments), seed=1)


@pytest.mark.parametrize("name", PUBLISHED)
def test_outputs_are_those_of_the_published_network(name: str) -> None:
    """Of the same weights, which defaults would take for another network's."""
    config, model = small(*PUBLISHED[name])
    ours, theirs = of_ours(config, model), UNet2DModel(**config)
    theirs.load_state_dict(ours.state_dict())
    expected = predict(theirs, config)
    assert torch.equal(predict(ours, config), expected)
    if config.get("freq_shift", 0) or not config.get("flip_sin_to_cos", True):
        keys = ("channels", "attention", "layers_per_block", "norm_groups", "scale_shift")
        plain = of_ours(
            config, Pixel.Options(family="pixel", **{key: getattr(model, key) for key in keys})
        )
        plain.load_state_dict(ours.state_dict())
        assert (predict(plain, config) - expected).abs().max() > 1e-3


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_folders_are_read(tmp_path: Path, name: str) -> None:
    config, _ = small(*PUBLISHED[name])
    with torch.random.fork_rng():
        torch.manual_seed(2)
        theirs = UNet2DModel(**config)
    theirs.save_pretrained(tmp_path)
    found = pretrained.read(tmp_path, FAMILY)
    assert torch.equal(predict(found.network, config), predict(theirs, config))
    assert found.averaged is None


@pytest.mark.parametrize(
    ("overlay", "name"),
    [
        ("cifar2", "d-trak cifar2"),
        ("mnist_tshirt", "siss mnist"),
        ("celeba_faces", "ddpm-celebahq-256"),
    ],
)
def test_overlays_have_the_published_networks(overlay: str, name: str) -> None:
    text = (EXPERIMENTS / f"{overlay}.yaml").read_text()
    config = yaml.safe_load(text)
    model, data = config["model"], config["data"]
    family = families.build(
        Pixel.Options(family="pixel", **model), data["image_size"], data["channels"]
    )
    assert family.differences(Structure(PUBLISHED[name][0])) == []


def test_differences_name_key_and_both_values() -> None:
    config, _ = PUBLISHED["ddpm-cifar10-32"]
    found = families.build(Pixel.Options(family="pixel"), 8, 1).differences(Structure(config))
    assert "freq_shift 1 and not 0" in found
    assert "norm_eps 1e-06 and not 1e-05" in found
    assert "attention_head_dim None and not 8" in found
    assert not any("dropout" in line for line in found)


def test_full_model_of_another_network_is_told(
    tmp_path: Path, network: Trained, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoints.save(network, tmp_path / "full")
    alike = Pixel.Options(
        family="pixel",
        channels=[8, 16],
        attention=[True, True],
        norm_groups=2,
        head_dim=4,
        timesteps=50,
    )
    with caplog.at_level(logging.WARNING, logger="diffcredit"):
        full_models.pretrained(tmp_path / "full", families.build(alike, 8, 1), tmp_path / "same")
        assert caplog.text == ""
        unlike = families.build(alike.model_copy(update={"freq_shift": 1}), 8, 1)
        full_models.pretrained(tmp_path / "full", unlike, tmp_path / "copy")
    assert "it has freq_shift 0 and not 1" in caplog.text


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"encoder_hid_dim": 3}, "a UNet2DModel has no encoder_hid_dim = 3"),
        ({"cross_attention_dim": 768}, "has no cross_attention_dim = 768"),
        ({"freq_shift": "1"}, "freq_shift = '1'; accepted: a number, 0 or more"),
        ({"flip_sin_to_cos": "no"}, "flip_sin_to_cos = 'no'; accepted: true or false"),
        ({"downsample_padding": -1}, "downsample_padding = -1; accepted: a whole number"),
        ({"norm_eps": 0}, "norm_eps = 0; accepted: a number above 0"),
        ({"attention_head_dim": 0}, "attention_head_dim = 0; accepted: a whole number, 1 or more"),
        ({"down_block_types": ["DownBlock2D"]}, "1 down_block_types, not 4"),
        ({"dropout": 1.5}, "dropout = 1.5; accepted"),
    ],
)
def test_networks_that_cannot_be_read_are_told(
    tmp_path: Path, change: dict[str, Any], told: str
) -> None:
    from diffcredit.config import Config
    from diffcredit.models.families.unet_folders import pretrained_problems

    config, _ = PUBLISHED["ddpm-cifar10-32"]
    write_json({"_class_name": "UNet2DModel"} | config | change, tmp_path / "config.json")
    (tmp_path / unet_folders.WEIGHTS[1]).touch()
    asked = Config.model_construct(
        **{
            name: field.get_default(call_default_factory=True)
            for name, field in Config.model_fields.items()
        }
        | {"approaches": {}},
    )
    data = asked.data.model_copy(update={"image_size": 32, "channels": 3})
    full = asked.full.model_copy(update={"pretrained": str(tmp_path)})
    found = pretrained_problems(asked.model_copy(update={"data": data, "full": full}), Path())
    assert len(found) == 1
    assert told in found[0]


def test_averages_of_diffusers_say_how_far_they_have_come(tmp_path: Path) -> None:
    """What EMAModel.save_pretrained leaves, beside keys of its own."""
    config, _ = small(*PUBLISHED["siss mnist"])
    network = UNet2DModel(**config)
    network.save_pretrained(tmp_path)
    stored = network.config | {"optimization_step": 117500, "decay": 0.9999, "inv_gamma": 1.0}
    write_json(dict(stored), tmp_path / "config.json")
    found = pretrained.read(tmp_path, FAMILY)
    assert found.averaged == 117500
    checkpoints.save(found, tmp_path / "full")
    assert checkpoints.load(tmp_path / "full").averaged == 117500


TINY = Pixel.Options(
    family="pixel",
    **OURS
    | {"channels": [8, 16], "attention": [False, True], "layers_per_block": 1, "norm_groups": 4},
)


def test_gradients_of_a_published_network_are_those_of_autograd() -> None:
    """One head, and halving that pads below and to the right alone."""
    network = FAMILY.build(Structure(architecture(TINY, 8, 1)), seed=0).eval()
    generator = torch.Generator().manual_seed(0)
    images, noise = (torch.randn(n, 1, 8, 8, generator=generator) for n in (3, 2))
    timesteps = torch.tensor([0, 20])
    size = sum(p.numel() for p in network.parameters())
    states = States(FAMILY, images[:, None], timesteps, noise)
    found = gradient_features(network, functions.loss, states, Exact(size), 3).gradients
    schedule = FAMILY.schedule
    for row, image in zip(found, images, strict=True):
        network.zero_grad()
        noised = schedule.add_noise(image.expand(2, 1, 8, 8), noise, timesteps)
        loss = (trainings.predict(network, noised, timesteps) - noise).square().mean()
        loss.backward()
        expected = sum((p.grad**2).sum() for p in network.parameters() if p.grad is not None)
        torch.testing.assert_close(row.square().sum(), expected, rtol=1e-4, atol=0)


@pytest.mark.parametrize("pruner", PRUNERS)
def test_published_networks_are_pruned(tmp_path: Path, pruner: str) -> None:
    trained = untrained(TINY)
    material = Material(encoded(torch.zeros(4, 1, 8, 8, dtype=torch.uint8)), seed=0, device="cpu")
    options = {"taylor": {"images": 4}, "diff_pruning": {"images": 4, "threshold": 0.05}}
    settings = {"name": pruner} | options.get(pruner, {})
    smaller, size = build(PRUNERS, settings).prune(trained, 0.5, material)
    assert size["parameters_after"] < 0.5 * size["parameters_before"]
    checkpoints.save(smaller, tmp_path / "smaller")
    back = checkpoints.load(tmp_path / "smaller")
    config = {"in_channels": 1, "sample_size": 8}
    assert torch.equal(predict(back.network, config), predict(smaller.network, config))
    assert back.network.down_blocks[0].downsamplers[0].conv.padding == (0, 0)


def test_network_of_the_default_run_is_what_it_was() -> None:
    """Every key at diffusers' own default."""
    found = architecture(Pixel.Options(family="pixel"), 8, 1)
    before = {
        key: found[key]
        for key in found
        if key not in ("freq_shift", "flip_sin_to_cos", "downsample_padding", "norm_eps", "dropout")
    }
    first, second = (FAMILY.build(Structure(arguments), seed=3) for arguments in (found, before))
    config = {"in_channels": 1, "sample_size": 8}
    assert torch.equal(predict(first, config), predict(second, config))
