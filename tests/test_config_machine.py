"""What the device cannot do is told before anything runs."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from diffcredit.config import Config, load
from diffcredit.config.machine import check, machine_problems, may_have_gpu
from diffcredit.errors import UserError

ROOT = Path(__file__).parents[1]


def configured(precision: str = "no", **execution: Any) -> Config:
    raw = yaml.safe_load((ROOT / "config.yaml").read_text())
    raw["execution"] |= execution
    raw["training"]["mixed_precision"] = precision
    return load(raw, ROOT)


@pytest.fixture
def without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The devices of a machine without a GPU."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    (tmp_path / "null").touch()
    return tmp_path


@pytest.mark.parametrize("name", ["nvidia0", "nvidiactl", "kfd", "dxg"])
def test_machine_with_a_gpu_is_asked_for_nothing(name: str, without: Path) -> None:
    (without / name).touch()
    for settings in (configured(device="cuda"), configured("fp16", device="auto")):
        assert machine_problems(settings, without) == []


def test_gpu_that_is_hidden(without: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (without / "nvidia0").touch()
    assert may_have_gpu(without)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert not may_have_gpu(without)


@pytest.mark.parametrize(
    ("named", "there"),
    [
        *(("0", True), ("1", True), ("0,7", True), ("GPU-8932f937", True), ("MIG-1", True)),
        *(("2", False), ("7,0", False), (" 3 ", False), ("-1", False)),
    ],
)
def test_number_of_a_gpu_that_there_is_not(
    named: str, there: bool, without: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("nvidia0", "nvidia1", "nvidiactl"):
        (without / name).touch()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    found = machine_problems(configured(device="cuda"), without)
    assert (found == []) == there
    assert there or f"(CUDA_VISIBLE_DEVICES = {named!r}); accepted: auto or cpu" in found[0]


@pytest.mark.parametrize(
    ("precision", "device", "told"),
    [
        ("no", "cuda", "execution.device = 'cuda': no GPU is visible here; accepted: auto or cpu"),
        ("fp16", "cuda", "execution.device = 'cuda'"),
        ("fp16", "auto", "training.mixed_precision = 'fp16': there is none on the CPU"),
        ("no", "auto", None),
        ("bf16", "auto", None),
        ("bf16", "cpu", None),
    ],
)
def test_machine_without_a_gpu(
    precision: str, device: str, told: str | None, without: Path
) -> None:
    found = machine_problems(configured(precision, device=device), without)
    assert len(found) == (told is not None)
    assert told is None or told in found[0]


def test_half_precision_on_the_cpu_is_refused_everywhere() -> None:
    with pytest.raises(UserError, match=r"mixed_precision = 'fp16'.*accepted: no or bf16"):
        configured("fp16", device="cpu")


def test_where_jobs_are_sent_to_others_they_may_find_a_gpu(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="This machine cannot run"):
        check(configured(device="cuda"))
    (tmp_path / "sbatch").write_text("")
    (tmp_path / "sbatch").chmod(0o755)
    check(configured(device="cuda"))
