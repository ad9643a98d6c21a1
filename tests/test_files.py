"""Files appear whole or not at all; broken ones are told by name."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from diffcredit import files
from diffcredit.errors import UserError
from diffcredit.logs import REFUSALS


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


def _folder(path: Path) -> None:
    with files.resumable(path) as part:
        files.write_tensors({"x": torch.zeros(2)}, part / "0/weights.safetensors")


def _figure(path: Path) -> None:
    from matplotlib.figure import Figure

    from diffcredit.report.style import write_svg

    write_svg(Figure(), path)


def _log(path: Path) -> None:
    from diffcredit.logs import job, logger

    with job(path / "logs" / "data.log", "data"):
        pass
    for handler in list(logger.handlers):
        handler.close()
        logger.removeHandler(handler)


def _whole_folder(path: Path) -> None:
    with files.whole(path) as part:
        (part / "below").mkdir(parents=True)
        np.lib.format.open_memmap(part / "below/0.npy", mode="w+", shape=(2,)).flush()
        # As the writers of some libraries do, for themselves alone.
        os.close(os.open(part / "below/private", os.O_CREAT, 0o600))


def _classifier(path: Path) -> None:
    from diffcredit.behaviors import classifier

    classifier.save(classifier.ClassifierNetwork(1, 2, 3, 2), path, {})


def _cache(path: Path) -> None:
    from diffcredit import contents

    path.mkdir()
    (path / "image").write_bytes(b"x")
    os.utime(path / "image", (0, 0))
    contents.listing(path, lambda head: [path / "image"], path / "caches")


WRITERS: dict[str, Callable[[Path], None]] = {
    "table": lambda path: files.write_table(pd.DataFrame({"x": [1]}), path),
    "csv": lambda path: files.write_csv(pd.DataFrame({"x": [1]}), path),
    "json": lambda path: files.write_json({"x": 1}, path),
    "text": lambda path: files.write_text("x", path),
    "tensors": lambda path: files.write_tensors({"x": torch.zeros(2)}, path),
    "folder": _folder,
    "whole folder": _whole_folder,
    "figure": _figure,
    "log": _log,
    "classifier": _classifier,
    "cache": _cache,
}


@pytest.mark.parametrize("umask", [0o002, 0o022, 0o027, 0o077, 0o007])
@pytest.mark.parametrize("writer", WRITERS)
def test_files_have_the_mode_of_the_umask(tmp_path: Path, writer: str, umask: int) -> None:
    before = os.umask(umask)
    try:
        WRITERS[writer](tmp_path / "made")
    finally:
        os.umask(before)
    made = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert made
    for path in made:
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask, path
    for path in [p for p in tmp_path.rglob("*") if p.is_dir()]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o777 & ~umask, path


def _dangling(folder: Path) -> Path:
    (folder / "link").symlink_to(folder / "gone")
    return folder / "link"


def _file(folder: Path) -> Path:
    (folder / "results").write_text("no folder")
    return folder / "results"


def _below_nothing(folder: Path) -> Path:
    return folder / "gone" / "results"


def _circle(folder: Path) -> Path:
    (folder / "circle").symlink_to(folder / "circle")
    return folder / "circle"


@pytest.mark.parametrize("make", [_dangling, _file, _below_nothing, _circle])
def test_folder_that_takes_no_files_is_told(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    with pytest.raises(UserError, match=r"takes no files: .*\n.*--directory"):
        files.check_writable(make(tmp_path))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EACCES])
def test_folder_that_the_system_refuses_has_a_hint(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files.tempfile, "TemporaryFile", refuse)
    with pytest.raises(UserError) as told:
        files.check_writable(tmp_path)
    assert os.strerror(number) in str(told.value)
    assert REFUSALS[number] in str(told.value)


def test_folder_that_takes_files_stays_empty(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for name in ("link", "new"):
        files.check_writable(tmp_path / name)
        assert listing(tmp_path / name) == []


def flip(path: Path, place: int) -> None:
    """Change a bit, as a failing disk does."""
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("place", [-1, -100, -2000])
def test_flipped_bit_of_tensors_is_noticed(tmp_path: Path, place: int) -> None:
    path = tmp_path / "images.safetensors"
    files.write_tensors({"images": torch.zeros(4, 1, 32, 32, dtype=torch.uint8)}, path)
    flip(path, place)
    with pytest.raises(UserError, match="content has changed"):
        files.read_tensors(path)


@pytest.mark.parametrize("kind", ["uint8", "float32", "float16", "bfloat16", "int64", "bool"])
def test_checksum_is_of_tensors_of_any_kind(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "t.safetensors"
    tensors = {"a": torch.ones(3, 2, dtype=getattr(torch, kind)), "scalar": torch.tensor(2.0)}
    files.write_tensors({**tensors, "turned": torch.arange(6.0).reshape(2, 3).T}, path, {"x": 1})
    found, facts = files.read_tensors(path)
    assert facts == {"x": 1}
    assert torch.equal(found["a"], tensors["a"])
    flip(path, -1)
    with pytest.raises(UserError, match="content has changed"):
        files.read_tensors(path)


def test_flipped_bit_of_a_table_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    files.write_table(pd.DataFrame({"value": np.random.default_rng(0).normal(size=1000)}), path)
    flip(path, 2000)
    with pytest.raises(UserError, match="cannot be read as a Parquet table"):
        files.read_table(path)


BROKEN = {
    "truncated": b"\xff\x00\x00\x00\x00\x00\x00\x00{",
    "empty": b"",
    "no tensors": b"hello",
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_unfinished_work_is_told_and_begun_anew(
    tmp_path: Path, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "checkpoint.safetensors"
    assert files.left_behind(files.read_tensors, path) is None
    assert not caplog.records
    path.write_bytes(BROKEN[case])
    assert files.left_behind(files.read_tensors, path) is None
    assert "begins anew" in caplog.text
    assert str(path) in caplog.text


def test_what_a_killed_process_was_writing_is_removed(tmp_path: Path) -> None:
    partial = tmp_path / "shard.partial"
    (partial / f".000001.4711{files.PART}").mkdir(parents=True)
    (partial / f".000002.safetensors.4711{files.PART}").write_text("half")
    (partial / "000000").mkdir()
    with files.resumable(tmp_path / "shard"):
        pass
    assert listing(tmp_path / "shard") == ["000000"]
