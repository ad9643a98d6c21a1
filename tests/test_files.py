"""Files appear whole or not at all; broken ones are told by name."""

import os
from pathlib import Path

import pandas as pd
import pytest
import torch

from diffcredit import files
from diffcredit.errors import UserError


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def fail_after(done: object, failure: type[BaseException]) -> None:
    raise failure(f"after {done}")


def test_whole_file_replaces_the_old_one_when_the_block_succeeds(tmp_path: Path) -> None:
    target = tmp_path / "new folder" / "table"
    for text in ("first", "second"):
        with files.whole(target) as part:
            part.write_text(text)
            assert not target.exists() or target.read_text() == "first"
        assert target.read_text() == text
    assert listing(target.parent) == ["table"]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, SystemExit])
def test_whole_file_leaves_the_old_one_when_the_block_fails(
    tmp_path: Path, failure: type[BaseException]
) -> None:
    target = tmp_path / "table"
    target.write_text("old")
    with pytest.raises(failure), files.whole(target) as part:
        fail_after(part.write_text("half"), failure)
    assert target.read_text() == "old"
    assert listing(tmp_path) == ["table"]


def test_whole_folder_replaces_and_leaves_nothing_behind(tmp_path: Path) -> None:
    target = tmp_path / "model"
    target.mkdir()
    (target / "old").write_text("old")
    with pytest.raises(ValueError, match="after"), files.whole(target) as part:
        fail_after((part.mkdir(), (part / "half").write_text("half")), ValueError)
    assert listing(target) == ["old"]
    with files.whole(target) as part:
        part.mkdir()
        (part / "new").write_text("new")
    assert listing(target) == ["new"]
    assert listing(tmp_path) == ["model"]


def test_resumable_folder_keeps_what_an_interrupted_block_wrote(tmp_path: Path) -> None:
    target = tmp_path / "shard"
    with pytest.raises(KeyboardInterrupt), files.resumable(target) as partial:
        fail_after((partial / "0").write_text("done"), KeyboardInterrupt)
    assert not target.exists()
    with files.resumable(target) as partial:
        assert (partial / "0").read_text() == "done"
        (partial / "1").write_text("done")
    assert listing(target) == ["0", "1"]
    assert listing(tmp_path) == ["shard"]


def test_resumable_folder_replaces_an_older_one(tmp_path: Path) -> None:
    target = tmp_path / "shard"
    target.mkdir()
    (target / "old").write_text("old")
    with files.resumable(target) as partial:
        (partial / "new").write_text("new")
        assert listing(target) == ["old"]
    assert listing(target) == ["new"]


def test_table_round_trip(tmp_path: Path) -> None:
    table = pd.DataFrame({"index": [0, 1], "mask": [[True, False], [False, True]], "x": [0.1, 2.0]})
    files.write_table(table, tmp_path / "t.parquet")
    back = files.read_table(tmp_path / "t.parquet")
    assert [list(mask) for mask in back["mask"]] == [[True, False], [False, True]]
    pd.testing.assert_frame_equal(back[["index", "x"]], table[["index", "x"]])
    assert list(files.read_table(tmp_path / "t.parquet", ["x"])) == ["x"]


def test_tensors_and_facts_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "t.safetensors"
    tensors = {"a": torch.arange(6.0).reshape(2, 3).T, "b": torch.tensor([1, 255]).byte()}
    facts = {"step": 3, "losses": [0.1, 1e-300], "scaler": None, "name": "über"}
    files.write_tensors(tensors, path, facts)
    back, told = files.read_tensors(path)
    assert told == facts
    assert all(torch.equal(back[name], tensor) for name, tensor in tensors.items())
    assert back["b"].dtype == torch.uint8


def test_json_round_trip(tmp_path: Path) -> None:
    content = {"sizes": {"channels": 3}, "list": [1, 0.1], "none": None}
    files.write_json(content, tmp_path / "c.json")
    assert files.read_json(tmp_path / "c.json") == content


def write(kind: str, path: Path) -> None:
    if kind == "parquet":
        files.write_table(pd.DataFrame({"x": range(100)}), path)
    elif kind == "safetensors":
        files.write_tensors({"x": torch.zeros(100)}, path, {"step": 1})
    else:
        files.write_json({"x": list(range(100))}, path)


READERS = {
    "parquet": files.read_table,
    "safetensors": files.read_tensors,
    "json": files.read_json,
}


@pytest.mark.parametrize("kind", READERS)
def test_truncated_file_is_told_by_name(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"broken.{kind}"
    write(kind, path)
    size = path.stat().st_size
    for kept in (0, 4, size // 2, size - 3):
        os.truncate(path, kept)
        with pytest.raises(UserError, match=r"broken\.[a-z]+ cannot be read"):
            READERS[kind](path)
        write(kind, path)
    READERS[kind](path)


@pytest.mark.parametrize("kind", READERS)
def test_missing_file_and_file_of_another_kind_are_told_by_name(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"broken.{kind}"
    with pytest.raises(UserError, match=r"broken\.[a-z]+ cannot be read"):
        READERS[kind](path)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" * 20)
    with pytest.raises(UserError, match=r"broken\.[a-z]+ cannot be read"):
        READERS[kind](path)


def test_table_without_a_column_is_told_by_name(tmp_path: Path) -> None:
    files.write_table(pd.DataFrame({"x": [1]}), tmp_path / "t.parquet")
    with pytest.raises(UserError, match=r"t\.parquet cannot be read.*y"):
        files.read_table(tmp_path / "t.parquet", ["x", "y"])


def test_json_that_is_no_object_is_told_by_name(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text("[1, 2]")
    with pytest.raises(UserError, match=r"c\.json cannot be read as a JSON object"):
        files.read_json(tmp_path / "c.json")
