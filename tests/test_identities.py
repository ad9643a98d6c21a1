"""What a job writes bears its identity; what else is written bears none."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch

from diffcredit import identities
from diffcredit.errors import UserError
from diffcredit.files import resumable, whole, write_table, write_tensors


def folder_of_files(path: Path) -> None:
    with resumable(path) as partial:
        (partial / "inside.txt").write_text("")


def whole_folder(path: Path) -> None:
    with whole(path) as part:
        part.mkdir()
        (part / "inside.txt").write_text("")


WRITERS = {
    "table.parquet": lambda path: write_table(pd.DataFrame({"a": [1]}), path),
    "images.safetensors": lambda path: write_tensors({"a": torch.ones(2)}, path, {"steps": 3}),
    "shard": folder_of_files,
    "model": whole_folder,
}


@pytest.mark.parametrize("name", WRITERS)
def test_outputs_bear_the_identity(tmp_path: Path, name: str) -> None:
    path, other = tmp_path / name, tmp_path / f"other{Path(name).suffix}"
    assert identities.can_bear(path)
    with identities.writing("abc", [path]):
        WRITERS[name](path)
        WRITERS[name](other)
    assert identities.borne(path) == "abc"
    assert identities.borne(other) is None


@pytest.mark.parametrize("name", WRITERS)
def test_written_again_it_bears_the_new_one(tmp_path: Path, name: str) -> None:
    for identity in ("old", "new"):
        with identities.writing(identity, [tmp_path / name]):
            WRITERS[name](tmp_path / name)
    assert identities.borne(tmp_path / name) == "new"


def test_the_table_is_as_it_was(tmp_path: Path) -> None:
    table = pd.DataFrame({"mask": [[True, False], [False, True]], "name": ["é", "b"]})
    with identities.writing("abc", [tmp_path / "t.parquet"]):
        write_table(table, tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "t.parquet").assign(mask=table["mask"]), table
    )


BROKEN = {
    "a missing table": ("a.parquet", None),
    "a truncated table": ("a.parquet", b"PAR1xx"),
    "a missing folder": ("a", None),
    "truncated tensors": ("a.safetensors", b"\xff\x00"),
    "tensors of nobody": ("a.safetensors", b"\x02\x00\x00\x00\x00\x00\x00\x00{}"),
    "another kind": ("a.csv", b"x"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_be_read_bears_none(tmp_path: Path, case: str) -> None:
    name, content = BROKEN[case]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert identities.borne(tmp_path / name) is None


def test_a_folder_without_its_file_bears_none(tmp_path: Path) -> None:
    for content in ("", "[]", "{}", json.dumps({"other": "x"})):
        (tmp_path / identities.FOLDER_FILE).write_text(content)
        assert identities.borne(tmp_path) is None


HARMS = {
    "a file is deleted": lambda folder: (folder / "sub/a").unlink(),
    "a file is cut": lambda folder: (folder / "sub/a").write_text("x"),
    "all of a folder in it is deleted": lambda folder: shutil.rmtree(folder / "sub"),
}


@pytest.mark.parametrize("harm", HARMS)
def test_a_folder_that_is_not_whole_bears_none(tmp_path: Path, harm: str) -> None:
    shard = tmp_path / "shard"
    with identities.writing("abc", [shard]), resumable(shard) as partial:
        (partial / "sub").mkdir()
        (partial / "sub/a").write_text("content")
    assert identities.borne(shard) == "abc"
    HARMS[harm](shard)
    assert identities.borne(shard) is None
    with pytest.raises(UserError, match="shard: sub/a is missing, or has another size"):
        identities.read(shard)
