"""The table of a shard keeps what was measured before, and nothing else."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from diffcredit import identities
from diffcredit.behaviors import measured
from diffcredit.behaviors.table import model_rows
from diffcredit.files import read_table, write_tensors
from diffcredit.logs import logger

Measure = Callable[[list[str]], pd.DataFrame]


@pytest.fixture
def models(tmp_path: Path) -> Callable[[str], Path]:
    """Writes the samples of two models with an identity."""

    def write(identity: str) -> Path:
        path = tmp_path / "samples.safetensors"
        with identities.writing(identity, [path]):
            write_tensors({"images": torch.zeros(1)}, path)
        return path

    return write


MODELS: list[dict[str, int | None]] = [
    {"coalition": None, "training_seed": 3, "step": step} for step in (7, 8)
]


class Counting:
    """Measures two models, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def __call__(self, names: list[str]) -> pd.DataFrame:
        """Two queries of each behavior."""
        self.asked.append(names)
        for name in names:
            logger.warning("%s is doubtful", name)
        costs = {"seconds_training": 1.0, "seconds_sampling": 2.0, "seconds_scoring": 4.0}
        values = {name: np.array([len(name), len(self.asked)], float) for name in names}
        return pd.concat([model_rows(model, values, costs) for model in MODELS])


def run(path: Path, models: Path, marks: dict[str, str]) -> list[list[str]]:
    measure = Counting()
    measured.complete(path, models, marks, measure)
    return measure.asked


FIRST = {"fid": "a", "entropy": "b"}
CHANGES = {
    "nothing": (FIRST, []),
    "another order": ({"entropy": "b", "fid": "a"}, []),
    "a behavior more": (FIRST | {"recall": "c"}, ["recall"]),
    "a behavior less": ({"fid": "a"}, []),
    "another setting of one": (FIRST | {"fid": "other"}, ["fid"]),
    "one renamed": ({"distance": "a", "entropy": "b"}, ["distance"]),
    "all others": ({"recall": "c", "precision": "d"}, ["recall", "precision"]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_measured_again(tmp_path: Path, models: Callable[[str], Path], change: str) -> None:
    marks, expected = CHANGES[change]
    path = tmp_path / "table.parquet"
    assert run(path, models("one"), FIRST) == [["fid", "entropy"]]
    assert run(path, models("one"), marks) == ([expected] if expected else [])
    table = read_table(path)
    # As if all had been measured now: models first, then behaviors in their order, then queries.
    rows = list(zip(table["step"], table["behavior"], table["query"], strict=True))
    assert rows == [(model, name, query) for model in (7, 8) for name in marks for query in (0, 1)]
    assert list(table["value"][table["query"] == 0]) == [len(name) for name in marks] * 2


def test_seconds_of_both_times_add_up(tmp_path: Path, models: Callable[[str], Path]) -> None:
    path = tmp_path / "table.parquet"
    run(path, models("one"), FIRST)
    run(path, models("one"), FIRST | {"recall": "c"})
    table = read_table(path)
    assert (table["seconds_scoring"] == 8).all()
    assert (table["seconds_training"] == 1).all()


def test_values_of_other_models_are_not_kept(tmp_path: Path, models: Callable[[str], Path]) -> None:
    path = tmp_path / "table.parquet"
    run(path, models("one"), FIRST)
    assert run(path, models("another"), FIRST) == [["fid", "entropy"]]


@pytest.mark.parametrize("content", [b"", b"no table", b"PAR1 and no more PAR1"])
def test_broken_table_is_made_again(
    tmp_path: Path, models: Callable[[str], Path], content: bytes
) -> None:
    path = tmp_path / "table.parquet"
    path.write_bytes(content)
    assert run(path, models("one"), FIRST) == [["fid", "entropy"]]


def test_table_without_marks_is_made_again(tmp_path: Path, models: Callable[[str], Path]) -> None:
    """As earlier versions wrote it."""
    path = tmp_path / "table.parquet"
    Counting()(["fid", "entropy"]).to_parquet(path)
    assert run(path, models("one"), FIRST) == [["fid", "entropy"]]


def test_warnings_stay_with_the_values_that_they_are_of(
    tmp_path: Path, models: Callable[[str], Path], caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "table.parquet"
    run(path, models("one"), FIRST)
    for marks in (FIRST | {"recall": "c"}, FIRST, {"fid": "a"}):
        caplog.clear()
        run(path, models("one"), marks)
        told = [record.message for record in caplog.records if record.levelname == "WARNING"]
        assert told[:2] == ["fid is doubtful", "entropy is doubtful"]  # They were told together.
        assert ("recall is doubtful" in told) == ("recall" in marks)
    caplog.clear()
    run(path, models("one"), {"recall": "c"})
    assert [r.message for r in caplog.records if r.levelname == "WARNING"] == ["recall is doubtful"]
