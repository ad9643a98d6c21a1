"""Models survive their files; broken files are told by name; nothing is ever unpickled."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from trainings import encoded, predict

import diffcredit
from diffcredit.errors import UserError
from diffcredit.models import checkpoints
from diffcredit.models.checkpoints import Trained
from diffcredit.models.pruning.magnitude import Magnitude
from diffcredit.models.pruning.structure import Material

MATERIAL = Material(encoded(torch.zeros(2, 1, 8, 8, dtype=torch.uint8)), seed=0, device="cpu")
SCRIPTS = Path(diffcredit.__file__).parents[1]


def predicted(trained: Trained) -> torch.Tensor:
    images = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        return predict(trained.network.eval(), images, torch.tensor([3, 40]))


def test_full_model_round_trip(tmp_path: Path, network: Trained) -> None:
    checkpoints.save(network, tmp_path / "full", {"seconds": 1.5})
    back = checkpoints.load(tmp_path / "full")
    assert torch.equal(predicted(back), predicted(network))
    assert back.structure == network.structure
    assert json.loads((tmp_path / "full" / "config.json").read_text())["facts"] == {"seconds": 1.5}
    assert sorted(p.name for p in (tmp_path / "full").iterdir()) == [
        "config.json",
        "weights.safetensors",
    ]


@pytest.mark.parametrize("ratio", [0.2, 0.5, 0.7])
def test_pruned_model_round_trip(tmp_path: Path, network: Trained, ratio: float) -> None:
    pruned, _ = Magnitude().prune(network, ratio, MATERIAL)
    checkpoints.save(pruned, tmp_path / "pruned")
    back = checkpoints.load(tmp_path / "pruned")
    assert torch.equal(predicted(back), predicted(pruned))
    shapes = [[tuple(p.shape) for p in t.network.parameters()] for t in (back, pruned)]
    assert shapes[0] == shapes[1]


def test_model_pruned_twice_round_trip(tmp_path: Path, network: Trained) -> None:
    once, _ = Magnitude().prune(network, 0.25, MATERIAL)
    checkpoints.save(once, tmp_path / "once")
    twice, _ = Magnitude().prune(checkpoints.load(tmp_path / "once"), 0.5, MATERIAL)
    checkpoints.save(twice, tmp_path / "twice")
    assert torch.equal(predicted(checkpoints.load(tmp_path / "twice")), predicted(twice))


def test_saving_replaces_the_older_model(
    tmp_path: Path, network: Trained, other_network: Trained
) -> None:
    checkpoints.save(network, tmp_path / "full")
    checkpoints.save(other_network, tmp_path / "full")
    assert torch.equal(predicted(checkpoints.load(tmp_path / "full")), predicted(other_network))


def test_copy_is_independent(network: Trained) -> None:
    expected = predicted(network)
    copied = network.copy()
    with torch.no_grad():
        for parameter in copied.network.parameters():
            parameter.zero_()
    assert torch.equal(predicted(network), expected)


@pytest.mark.parametrize("kept", [0, 7, 1000, -1])
def test_truncated_weights_are_told_by_name(tmp_path: Path, network: Trained, kept: int) -> None:
    checkpoints.save(network, tmp_path / "full")
    path = tmp_path / "full" / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UserError, match=r"full/weights\.safetensors cannot be read"):
        checkpoints.load(tmp_path / "full")


@pytest.mark.parametrize("file", ["config.json", "weights.safetensors"])
def test_missing_file_is_told_by_name(tmp_path: Path, network: Trained, file: str) -> None:
    checkpoints.save(network, tmp_path / "full")
    (tmp_path / "full" / file).unlink()
    with pytest.raises(UserError, match=f"full/{file}"):
        checkpoints.load(tmp_path / "full")


def test_weights_of_another_architecture_are_told_by_name(
    tmp_path: Path, network: Trained, wider_network: Trained
) -> None:
    """Also the full model's weights beside the description of the pruned one."""
    checkpoints.save(network, tmp_path / "full")
    for name, other in (
        ("wider", wider_network),
        ("pruned", Magnitude().prune(network, 0.5, MATERIAL)[0]),
    ):
        checkpoints.save(other, tmp_path / name)
        weights = (tmp_path / "full" / "weights.safetensors").read_bytes()
        (tmp_path / name / "weights.safetensors").write_bytes(weights)
        with pytest.raises(UserError, match=rf"{name}/weights\.safetensors holds the weights of"):
            checkpoints.load(tmp_path / name)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("architecture", None),
        ("architecture", {"colour": "red"}),
        ("architecture", {"down_block_types": ["DownBlock2D"]}),
        ("architecture", {"norm_num_groups": 7}),
        ("pruning", [["no such layer", True, [0]]]),
    ],
)
def test_config_that_describes_no_model_is_told_by_name(
    tmp_path: Path, network: Trained, key: str, value: object
) -> None:
    checkpoints.save(network, tmp_path / "full")
    path = tmp_path / "full" / "config.json"
    config = json.loads(path.read_text())
    structure = config["structure"]
    structure[key] = {**structure[key], **value} if isinstance(value, dict) else value
    path.write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"full/config\.json"):
        checkpoints.load(tmp_path / "full")


def test_digest_is_of_the_weights_and_told_where_it_is_wrong(
    tmp_path: Path, network: Trained, other_network: Trained
) -> None:
    """It is there without reading the weights, and never that of others."""
    for name, model in (("one", network), ("other", other_network), ("again", network)):
        checkpoints.save(model, tmp_path / name)
    digests = [checkpoints.digest(tmp_path / name) for name in ("one", "other", "again")]
    assert digests[0] == digests[2] != digests[1]
    assert checkpoints.load(tmp_path / "one").digest == digests[0] == network.digest
    path = tmp_path / "one" / "config.json"
    config = json.loads(path.read_text())
    for digest in (None, digests[1]):
        path.write_text(json.dumps(config | {"digest": digest}))
        for read in (checkpoints.digest, checkpoints.load):
            with pytest.raises(UserError, match=r"one/config\.json does not belong to weights"):
                read(tmp_path / "one")


def test_copy_has_a_digest_of_its_own(tmp_path: Path, network: Trained) -> None:
    checkpoints.save(network, tmp_path / "one")
    loaded = checkpoints.load(tmp_path / "one")
    copied = loaded.copy()
    assert copied.digest == loaded.digest
    with torch.no_grad():
        next(copied.network.parameters()).zero_()
    assert copied.digest != loaded.digest


def test_model_folder_says_what_it_is(tmp_path: Path, network: Trained) -> None:
    checkpoints.save(network, tmp_path / "full")
    config = json.loads((tmp_path / "full" / "config.json").read_text())
    assert config["family"]["model"]["family"] == "pixel"
    assert config["base"] is None
    assert set(config["structure"]) == {"architecture", "pruning"}
    assert set(config) == {"family", "structure", "base", "digest", "averaged", "facts"}
    config["base"] = "another"
    (tmp_path / "full" / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match="describes a model of another base: another"):
        checkpoints.load(tmp_path / "full")


PICKLERS = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def unpickling(source: str) -> Iterator[str]:
    """What in a source may unpickle."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [alias.name for alias in node.names]
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            yield from (m for m in modules if m.split(".")[0] in PICKLERS)
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            given = {k.arg: ast.unparse(k.value) for k in node.keywords}
            if called == "torch.load" and given.get("weights_only") != "True":
                yield "torch.load"
            if called.endswith(("read_pickle", "to_pickle", "torch.save")):
                yield called
            if given.get("allow_pickle") == "True":
                yield "allow_pickle"


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "import torch\ntorch.load('a')",
        "import torch\ntorch.load('a', weights_only=False)",
        "import numpy as np\nnp.load('a', allow_pickle=True)",
        "pd.read_pickle('a')",
    ],
)
def test_search_for_unpickling_finds_it(source: str) -> None:
    assert list(unpickling(source))


def test_nothing_unpickles() -> None:
    files = sorted(SCRIPTS.rglob("*.py"))
    assert len(files) > 40
    found = {str(file): list(unpickling(file.read_text())) for file in files}
    assert {file: what for file, what in found.items() if what} == {}
