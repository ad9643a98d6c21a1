"""Adapters: nothing changes at first, only they learn, and merged they do what they did beside."""

from pathlib import Path

import pytest
import torch
import trainings
from trainings import Plan, encoded, train

from diffcredit.config import Training
from diffcredit.errors import UserError
from diffcredit.files import read_tensors
from diffcredit.models.checkpoints import Trained
from diffcredit.models.pruning.magnitude import Magnitude
from diffcredit.models.pruning.structure import Material
from diffcredit.seeds import derive
from diffcredit.training.loop import make_accelerator
from diffcredit.training.objectives.denoise import Denoise
from diffcredit.training.parameters.lora import LAYERS, Lora
from diffcredit.training.parameters.parameters import Group
from diffcredit.training.recipe import Checkpoint, Outcome

QKV = ["to_q", "to_k", "to_v"]
IMAGES = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
TIMES = torch.tensor([1, 10, 30, 49])


def lora(**changes: object) -> Lora:
    options = {"rank": 4, "alpha": 8, "dropout": 0.5, "layers": QKV, "learning_rate_ratio": 16}
    return Lora(**(options | changes))


def predict(network: torch.nn.Module) -> torch.Tensor:
    with torch.inference_mode():
        return trainings.predict(network.eval(), IMAGES.to(network.dtype), TIMES)


def learn(groups: list[Group]) -> None:
    """Anything but 0 for B."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for group in groups:
            for parameter in group.parameters:
                parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))


def test_configuration_knows_the_layers(start: Trained) -> None:
    layers = [
        name
        for name, module in start.network.named_modules()
        if isinstance(module, torch.nn.Linear | torch.nn.Conv2d)
    ]
    assert all(any(name.endswith(ending) for name in layers) for ending in LAYERS)
    assert all(any(name.endswith(ending) for ending in LAYERS) for name in layers)


@pytest.fixture(params=["full", "pruned"])
def trained(request: pytest.FixtureRequest, start: Trained, images: torch.Tensor) -> Trained:
    if request.param == "full":
        return start.copy()
    return Magnitude().prune(start, 0.5, Material(encoded(images), 0, "cpu"))[0]


@pytest.mark.parametrize("layers", [QKV, ["to_out.0"], ["conv1", "time_emb_proj", "to_q"]])
def test_merged_equals_unmerged(trained: Trained, layers: list[str]) -> None:
    adapters = lora(layers=layers)
    network, before = trained.network, predict(trained.network)
    names = [name for name, _ in network.named_parameters()]
    groups = adapters.attach(network, seed=0)
    torch.testing.assert_close(predict(network), before, rtol=0, atol=1e-6)
    # In double precision: what is left is the merging's error, not that of the sums.
    network.double()
    learn(groups)
    unmerged = predict(network)
    assert (unmerged - before).abs().max() > 1e-3
    adapters.merge(network)
    torch.testing.assert_close(predict(network), unmerged, rtol=0, atol=1e-6)
    assert [name for name, _ in network.named_parameters()] == names
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_only_adapters_of_the_named_layers_learn(start: Trained) -> None:
    network = start.copy().network
    groups = lora().attach(network, seed=0)
    learned = {id(p) for group in groups for p in group.parameters}
    assert [group.scale for group in groups] == [1, 16]
    for name, parameter in network.named_parameters():
        assert parameter.requires_grad == (".lora_" in name) == (id(parameter) in learned)
        assert ".lora_" not in name or any(f".{layer}." in name for layer in QKV)
    first, second = groups
    assert all(p.shape[0] == 4 for p in first.parameters)
    assert all(p.shape[1] == 4 and not p.any() for p in second.parameters)


def test_adapters_begin_from_their_seed_and_from_nothing_else(start: Trained) -> None:
    begun = []
    for seed in (3, 3, 4):
        torch.rand(1)
        before = torch.get_rng_state()
        begun.append(lora().attach(start.copy().network, seed)[0].parameters[0])
        assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(begun[0], begun[1])
    assert not torch.equal(begun[0], begun[2])


@pytest.mark.parametrize("wanted", [["to_x"], ["to_q", "o_k"], ["norm1"], ["to_out"]])
def test_layers_that_are_not_there_are_told_with_those_that_are(
    start: Trained, wanted: list[str]
) -> None:
    """Also a part of a name, and what is neither linear nor a convolution."""
    with pytest.raises(UserError, match=rf"{wanted[-1]}'; there are: .*to_k, to_out\.0, to_q"):
        lora(layers=wanted).attach(start.copy().network, seed=0)


def run(
    start: Trained,
    images: torch.Tensor,
    settings: Training,
    checkpoint: Checkpoint | None = None,
    objective: Denoise | None = None,
    **changes: object,
) -> Outcome:
    options = {"rank": 4, "alpha": 8, "dropout": 0.5, "layers": QKV, "learning_rate_ratio": 16}
    parameters = {"name": "lora"} | options | changes
    plan = Plan("lora", {"name": "denoise"}, 6, 1e-3, seed=7, parameters=parameters)
    accelerator = make_accelerator(settings, "cpu")
    given = objective or Denoise()
    return train(start, given, images, None, plan, settings, accelerator, checkpoint)


def test_frozen_weights_do_not_move(
    trained: Trained, images: torch.Tensor, settings: Training
) -> None:
    before = trained.network.state_dict()
    after = run(trained, images, settings).trained.network.state_dict()
    assert list(after) == list(before)
    for name, weight in before.items():
        adapted = any(name.endswith(f"{layer}.weight") for layer in QKV)
        assert torch.equal(weight, after[name]) != adapted, name


def test_first_step_is_that_of_adam_at_the_rate_of_lora_plus(
    start: Trained, images: torch.Tensor
) -> None:
    """A has no gradient while B is 0; B moves by its rate, 16 times that of the plan."""
    once = Training(batch_size=8, warmup_steps=6, gradient_clip=1e6)  # the first of 6: 1e-3 / 6
    accelerator = make_accelerator(once, "cpu")
    options = {"rank": 2, "alpha": 8, "dropout": 0.0, "layers": QKV, "learning_rate_ratio": 16}
    plan = Plan("lora", {"name": "denoise"}, 1, 1e-3, 7, {"name": "lora", **options})
    after = train(start, Denoise(), images, None, plan, once, accelerator).trained.network
    beside = start.copy().network
    Lora(**options).attach(beside, derive(7, "adapters"))
    checked = 0
    for name, module in beside.named_modules():
        if name.endswith((".to_q", ".to_v")):
            weight = start.network.get_submodule(name).weight
            moved = after.get_submodule(name).weight - weight
            learned = moved.detach() @ torch.linalg.pinv(module.lora_A["default"].weight) / (8 / 2)
            rates = learned.abs().median()
            assert rates.item() == pytest.approx(16 * 1e-3 / 6, rel=0.02)
            checked += 1
    assert checked >= 4


def test_dropout_draws_from_the_seed_of_the_step(
    start: Trained, images: torch.Tensor, settings: Training
) -> None:
    """Whatever was drawn before; and it does drop."""
    outcomes = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        outcomes.append(run(start, images, settings).trained.network.state_dict())
    assert all(torch.equal(outcomes[0][name], outcomes[1][name]) for name in outcomes[0])
    without = run(start, images, settings, dropout=0.0).trained.network.state_dict()
    assert not all(torch.equal(outcomes[0][name], without[name]) for name in without)


def test_interrupted_training_ends_with_the_same_bits(
    tmp_path: Path, start: Trained, images: torch.Tensor, settings: Training, helpers
) -> None:
    """Dropout included; the checkpoint holds the adapters and their averages alone."""
    checkpoint = Checkpoint(tmp_path / "checkpoint.safetensors", 3)
    with pytest.raises(KeyboardInterrupt):
        run(start, images, settings, checkpoint, helpers.Watching(fail_at=4))
    stored, _ = read_tensors(checkpoint.path)
    groups = lora().attach(start.copy().network, seed=0)
    sizes = [parameter.shape for group in groups for parameter in group.parameters]
    for kind in ("weight", "average"):
        found = {name: t for name, t in stored.items() if name.startswith(f"{kind}.")}
        assert [found[f"{kind}.{i}"].shape for i in range(len(found))] == sizes
    rest = helpers.Watching()
    torch.manual_seed(5)
    resumed = run(start, images, settings, checkpoint, rest).trained.network.state_dict()
    assert len(rest.batches) == 3
    whole = run(start, images, settings).trained.network.state_dict()
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)


def test_training_learns(start: Trained, images: torch.Tensor, settings: Training) -> None:
    conv = ["conv1", "conv2", "time_emb_proj"]
    plan = Plan("lora", {"name": "denoise"}, 60, 2e-3, 7)
    options = {"rank": 8, "alpha": 16, "dropout": 0.0, "layers": conv, "learning_rate_ratio": 4}
    adapted = Plan(**(vars(plan) | {"parameters": {"name": "lora", **options}}))
    first = Plan(**(vars(adapted) | {"steps": 1}))
    accelerator = make_accelerator(settings, "cpu")
    losses = [
        train(start, Denoise(), images, None, p, settings, accelerator).loss
        for p in (first, adapted)
    ]
    assert losses[1] < 0.8 * losses[0]
