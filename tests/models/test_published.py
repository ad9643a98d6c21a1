"""Models that were trained elsewhere, in the formats in which they are published."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import trainings
from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel
from safetensors.torch import load_file, save_file
from trainings import FAMILY, encoded

from diffcredit.errors import UserError
from diffcredit.files import read_json
from diffcredit.models import checkpoints, pretrained
from diffcredit.models.checkpoints import Trained
from diffcredit.models.families import unet_folders
from diffcredit.models.pruning.magnitude import Magnitude
from diffcredit.models.pruning.structure import Material
from diffcredit.training import full_models

#: In the way of google/ddpm-celebahq-256.
NETWORK: dict[str, Any] = {
    "sample_size": 8,
    "in_channels": 1,
    "out_channels": 1,
    "layers_per_block": 1,
    "block_out_channels": (8, 8, 16),
    "down_block_types": ("DownBlock2D", "AttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
    "norm_num_groups": 4,
    "norm_eps": 1e-6,
    "attention_head_dim": None,
    "downsample_padding": 0,
    "flip_sin_to_cos": False,
    "freq_shift": 1,
}
MATERIAL = Material(encoded(torch.zeros(2, 1, 8, 8, dtype=torch.uint8)), seed=0, device="cpu")
SAFE, PICKLED = unet_folders.WEIGHTS[1:]


@pytest.fixture
def network() -> UNet2DModel:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return UNet2DModel(**NETWORK).eval()


def predict(network: torch.nn.Module) -> torch.Tensor:
    images = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        return trainings.predict(network.eval(), images, torch.tensor([3, 40]))


def old_names(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """As the first DDPMs in diffusers' format have them."""
    renamed = {}
    for name, tensor in weights.items():
        for new, old in (
            (".to_q.", ".query."),
            (".to_k.", ".key."),
            (".to_v.", ".value."),
            (".to_out.0.", ".proj_attn."),
        ):
            name = name.replace(new, old)
        renamed[name] = tensor
    return renamed


@pytest.mark.parametrize("safe", [True, False])
def test_folder_of_diffusers(tmp_path: Path, network: UNet2DModel, safe: bool) -> None:
    network.save_pretrained(tmp_path / "model", safe_serialization=safe)
    assert (tmp_path / "model" / (SAFE if safe else PICKLED)).is_file()
    assert torch.equal(
        predict(pretrained.read(tmp_path / "model", FAMILY).network), predict(network)
    )


@pytest.mark.parametrize("part", ["", "unet"])
def test_pipeline(tmp_path: Path, network: UNet2DModel, part: str) -> None:
    DDPMPipeline(network, DDPMScheduler()).save_pretrained(tmp_path / "pipeline")
    folder = tmp_path / "pipeline" / part
    assert torch.equal(predict(pretrained.read(folder, FAMILY).network), predict(network))
    scheduler = tmp_path / "pipeline" / "scheduler" / "scheduler_config.json"
    assert unet_folders.find(folder).scheduler == scheduler


def test_safetensors_come_before_the_other_file(tmp_path: Path, network: UNet2DModel) -> None:
    network.save_pretrained(tmp_path)
    (tmp_path / PICKLED).write_bytes(b"never read")
    assert unet_folders.find(tmp_path).weights == tmp_path / SAFE
    assert torch.equal(predict(pretrained.read(tmp_path, FAMILY).network), predict(network))


@pytest.mark.parametrize("safe", [True, False])
def test_attentions_by_their_old_names(tmp_path: Path, network: UNet2DModel, safe: bool) -> None:
    network.save_pretrained(tmp_path, safe_serialization=safe)
    renamed = old_names(network.state_dict())
    assert len(set(renamed) - set(network.state_dict())) >= 8
    if safe:
        save_file(renamed, tmp_path / SAFE)
    else:
        torch.save(renamed, tmp_path / PICKLED)
    assert torch.equal(predict(pretrained.read(tmp_path, FAMILY).network), predict(network))


def test_weights_of_half_precision_become_float32(tmp_path: Path, network: UNet2DModel) -> None:
    network.save_pretrained(tmp_path)
    save_file({k: v.half() for k, v in network.state_dict().items()}, tmp_path / SAFE)
    found = pretrained.read(tmp_path, FAMILY).network
    assert all(p.dtype == torch.float32 for p in found.parameters())
    torch.testing.assert_close(predict(found), predict(network), atol=1e-2, rtol=0)


def test_full_model_is_a_copy_that_cost_nothing(tmp_path: Path, network: UNet2DModel) -> None:
    network.save_pretrained(tmp_path / "model")
    full_models.pretrained(tmp_path / "model", FAMILY, tmp_path / "full")
    back = checkpoints.load(tmp_path / "full")
    assert torch.equal(predict(back.network), predict(network))
    facts = read_json(tmp_path / "full" / "config.json")["facts"]
    assert facts == {
        "coalition": None,
        "training_seed": 0,
        "step": 0,
        "seconds": 0.0,
        "loss": None,
    }
    assert sorted(p.name for p in (tmp_path / "full").iterdir()) == [
        "config.json",
        "weights.safetensors",
    ]


def test_model_of_diffcredit(tmp_path: Path, other_network: Trained) -> None:
    """Also one that was pruned."""
    smaller, _ = Magnitude().prune(other_network, 0.5, MATERIAL)
    for name, model in (("whole", other_network), ("smaller", smaller)):
        checkpoints.save(model, tmp_path / name, {"seconds": 3.0})
        full_models.pretrained(tmp_path / name, FAMILY, tmp_path / "full")
        back = checkpoints.load(tmp_path / "full")
        assert torch.equal(predict(back.network), predict(model.network))
        assert back.structure.pruning == model.structure.pruning
        assert read_json(tmp_path / "full" / "config.json")["facts"]["seconds"] == 0


def test_pruned_it_survives_its_files(tmp_path: Path, network: UNet2DModel) -> None:
    network.save_pretrained(tmp_path / "model")
    trained = pretrained.read(tmp_path / "model", FAMILY)
    smaller, size = Magnitude().prune(trained, 0.5, MATERIAL)
    assert size["parameters_after"] < size["parameters_before"]
    checkpoints.save(smaller, tmp_path / "pruned")
    back = checkpoints.load(tmp_path / "pruned")
    assert torch.equal(predict(back.network), predict(smaller.network))
    assert torch.equal(predict(trained.network), predict(network))


class Trap:
    """Unpickled, it would leave a file behind."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def test_nothing_is_unpickled(tmp_path: Path, network: UNet2DModel) -> None:
    network.save_pretrained(tmp_path, safe_serialization=False)
    torch.save({"conv_in.weight": Trap(tmp_path / "trapped")}, tmp_path / PICKLED)
    with pytest.raises(UserError, match=rf"{PICKLED} cannot be read as tensors alone"):
        pretrained.read(tmp_path, FAMILY)
    assert not (tmp_path / "trapped").exists()


def broken_config(folder: Path, **keys: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | keys))


def without_a_tensor(folder: Path) -> None:
    weights = load_file(folder / SAFE)
    del weights["conv_in.bias"]
    save_file(weights, folder / SAFE)


FAULTS = {
    "no folder": (lambda f: f.rename(f.with_name("other")), "must be an existing folder"),
    "no config": (lambda f: (f / "config.json").unlink(), "must hold config.json, or unet/config"),
    "no weights": (lambda f: (f / SAFE).unlink(), "must hold one of weights.safetensors"),
    "config of something else": (
        lambda f: (f / "config.json").write_text("[1]"),
        "config.json cannot be read as a JSON object",
    ),
    "another class": (
        lambda f: broken_config(f, _class_name="UNet2DConditionModel"),
        "describes a 'UNet2DConditionModel'; accepted: a UNet2DModel",
    ),
    "unknown block": (
        lambda f: broken_config(f, down_block_types=["A", "B", "C"]),
        "config.json does not describe a model",
    ),
    "unknown key": (lambda f: broken_config(f, flavor=3), "config.json does not describe a model"),
    "truncated weights": (
        lambda f: (f / SAFE).write_bytes((f / SAFE).read_bytes()[:-1]),
        f"{SAFE} cannot be read as a safetensors file",
    ),
    "weights of another network": (
        lambda f: broken_config(f, block_out_channels=[8, 8, 24]),
        f"{SAFE} holds the weights of another network",
    ),
    "a tensor is missing": (without_a_tensor, f"{SAFE} holds the weights of another network"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_told(tmp_path: Path, network: UNet2DModel, fault: str) -> None:
    change, said = FAULTS[fault]
    network.save_pretrained(tmp_path / "model")
    change(tmp_path / "model")
    with pytest.raises(UserError) as caught:
        pretrained.read(tmp_path / "model", FAMILY)
    assert str(tmp_path / "model") in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no archive", [1, 2]])
def test_pickled_file_of_something_else_is_told(
    tmp_path: Path, network: UNet2DModel, content: bytes | list[int]
) -> None:
    network.save_pretrained(tmp_path, safe_serialization=False)
    if isinstance(content, bytes):
        (tmp_path / PICKLED).write_bytes(content)
    else:
        torch.save(content, tmp_path / PICKLED)
    with pytest.raises(UserError, match=rf"{PICKLED} cannot be read as tensors alone"):
        pretrained.read(tmp_path, FAMILY)
