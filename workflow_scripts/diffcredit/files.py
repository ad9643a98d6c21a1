"""Atomic writing of files, and reading with errors that name broken files.

Tables are Parquet, tensors are safetensors, arrays that are larger than memory are .npy, small
facts are JSON; nothing is ever unpickled.
"""

import errno
import glob
import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from diffcredit import identities
from diffcredit.errors import UserError
from diffcredit.logs import REFUSALS, logger

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import torch


#: Suffix of files that are being written.
PART = ".part"


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """A path beside ``path`` to write to; renamed to ``path`` if the block succeeds.

    What is written is on the disk before it is renamed, so that a crash of the machine leaves the
    old file or the new one. A kill leaves a hidden file that ends in .part, which nothing reads.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}{PART}")
    try:
        yield beside
        if beside.is_dir() and (identity := identities.to_bear(path)):
            identities.bear(beside, identity)
        _readable_as_usual(beside)
        _sync(beside)
        if path.is_dir() and beside.is_dir():
            shutil.rmtree(path)
        beside.replace(path)
    finally:
        if beside.is_dir():
            shutil.rmtree(beside)
        beside.unlink(missing_ok=True)


def _sync(written: Path) -> None:
    """Bring a file, or all of a folder, to the disk."""
    for path in [*written.rglob("*"), written] if written.is_dir() else [written]:
        place = os.open(path, os.O_RDONLY)
        try:
            os.fsync(place)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # It cannot be synced at all.
                raise
        finally:
            os.close(place)


def remove_parts(folder: Path, name: str = "*") -> None:
    """Remove what killed processes were writing in a folder that this process alone writes to.

    Args:
        folder: where they were writing.
        name: of the file or folder that they were writing; all, by default.
    """
    pattern = name if name == "*" else glob.escape(name)
    for path in folder.glob(f".{pattern}.*{PART}"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def check_writable(folder: str | Path) -> None:
    """Raise `UserError` where a folder takes no files, as on a full disk; one is tried."""
    folder = Path(folder)
    try:
        if folder.is_symlink() and not folder.exists():
            raise OSError(errno.ENOENT, f"it is a link to {folder.readlink()}, which is not there")
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(4096))
    except OSError as error:
        advice = REFUSALS.get(error.errno or 0, "make it, or point it to a folder that is there")
        raise UserError(
            f"The folder {folder.absolute()} takes no files: {error.strerror}\n"
            f"    Hint: {advice}; the option --directory names another folder to work in"
        ) from error


def _readable_as_usual(written: Path) -> None:
    """Give files that a writer made private (mode 600, as safetensors does) the umask's mode."""
    umask = os.umask(0o077)
    os.umask(umask)
    for path in [written, *written.rglob("*")] if written.is_dir() else [written]:
        if path.is_file() and stat.S_IMODE(path.stat().st_mode) == 0o600:
            path.chmod(0o666 & ~umask)


#: Where the header of a table holds facts.
FACTS = "facts"


def write_table(
    table: "pd.DataFrame", path: str | Path, facts: Mapping[str, Any] | None = None
) -> None:
    """Write a table as Parquet, with facts (JSON values) in its header."""
    import pyarrow as pa
    from pyarrow import parquet

    content = pa.Table.from_pandas(table, preserve_index=False)
    told = {FACTS: json.dumps(facts)} if facts else {}
    if identity := identities.to_bear(path):
        told[identities.KEY] = identity
    content = content.replace_schema_metadata({**(content.schema.metadata or {}), **told})
    with whole(path) as part:
        parquet.write_table(content, part, write_page_checksum=True)


def read_table(path: str | Path, columns: list[str] | None = None) -> "pd.DataFrame":
    """Read a Parquet table, or raise `UserError` where it is missing, broken or lacks columns."""
    import pandas as pd
    import pyarrow as pa

    try:
        return pd.read_parquet(path, columns=columns, page_checksum_verification=True)
    except (OSError, pa.ArrowException, ValueError, KeyError) as error:
        raise unreadable(path, "a Parquet table", error) from error


def read_table_facts(path: str | Path) -> dict[str, Any]:
    """Read the facts of a Parquet table alone, or raise `UserError`."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        metadata = parquet.read_metadata(path).metadata or {}
        return dict(json.loads(metadata.get(FACTS.encode(), b"{}")))
    except (OSError, pa.ArrowException, ValueError) as error:
        raise unreadable(path, "a Parquet table", error) from error


def write_csv(table: "pd.DataFrame", path: str | Path) -> None:
    """Write a table as CSV, numbers to 6 digits, for people and spreadsheets."""
    with whole(path) as part:
        table.to_csv(part, index=False, float_format="%.6g")


def write_json(content: Mapping[str, Any], path: str | Path) -> None:
    """Write a dictionary as JSON."""
    with whole(path) as part:
        part.write_text(json.dumps(content, indent=2) + "\n")


def read_json(path: str | Path) -> dict[str, Any]:
    """Read a JSON dictionary, or raise `UserError`."""
    try:
        content = json.loads(Path(path).read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise unreadable(path, "a JSON object", error) from error
    if not isinstance(content, dict):
        raise unreadable(path, "a JSON object", TypeError(type(content).__name__))
    return content


def write_text(text: str, path: str | Path) -> None:
    """Write a text file."""
    with whole(path) as part:
        part.write_text(text)


def write_tensors(
    tensors: Mapping[str, "torch.Tensor"],
    path: str | Path,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Write tensors as safetensors, with facts (JSON values) and checksums in its header."""
    from safetensors.torch import save_file

    written = {name: tensor.contiguous() for name, tensor in tensors.items()}
    sums = {name: tensor_checksum(tensor) for name, tensor in written.items()}
    facts = {**(facts or {}), CHECKSUMS: sums}
    if identity := identities.to_bear(path):
        facts[identities.KEY] = identity
    with whole(path) as part:
        save_file(
            written,
            part,
            metadata={name: json.dumps(fact) for name, fact in facts.items()},
        )


def read_tensors(
    path: str | Path, names: Iterable[str] | None = None
) -> tuple[dict[str, "torch.Tensor"], dict[str, Any]]:
    """Read tensors and facts of a safetensors file, or raise `UserError`.

    Args:
        path: the file.
        names: of the tensors to read; None for all.
    """
    tensors, facts = _stored(path, names)
    sums = facts.pop(CHECKSUMS, {})
    if any(name in sums and sums[name] != tensor_checksum(t) for name, t in tensors.items()):
        raise unreadable(path, "a safetensors file", ValueError("its content has changed"))
    return tensors, facts


def read_facts(path: str | Path) -> dict[str, Any]:
    """Read the facts of a safetensors file alone, or raise `UserError`."""
    facts = _stored(path, ())[1]
    facts.pop(CHECKSUMS, None)
    return facts


#: Where the header of a file of tensors tells the checksum of each.
CHECKSUMS = "checksums"


def _stored(
    path: str | Path, names: Iterable[str] | None
) -> tuple[dict[str, "torch.Tensor"], dict[str, Any]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as stored:
            wanted = stored.keys() if names is None else names
            tensors = {name: stored.get_tensor(name) for name in wanted}
            return tensors, {k: json.loads(v) for k, v in (stored.metadata() or {}).items()}
    except (OSError, SafetensorError, ValueError, RecursionError) as error:
        raise unreadable(path, "a safetensors file", error) from error


def read_tensor_checksums(path: str | Path) -> dict[str, str]:
    """Name -> checksum of each tensor of a safetensors file, from its header; or `UserError`."""
    return dict(_stored(path, ())[1].get(CHECKSUMS, {}))


def tensor_checksum(tensor: "torch.Tensor") -> str:
    """A digest of a tensor's entries."""
    import torch

    content = tensor.cpu().reshape(-1).view(torch.uint8).numpy().data
    return hashlib.blake2b(content, digest_size=16).hexdigest()


Content = TypeVar("Content")


def left_behind(read: Callable[[Path], Content], path: Path) -> Content | None:
    """What an interrupted run left in a file; None where it is not there, or broken, which is told.

    Args:
        read: reads the file, or raises `UserError`.
        path: of the file.
    """
    if not path.exists():
        return None
    try:
        return read(path)
    except UserError as error:
        reason = str(error).split("\n")[0]
        logger.warning("unfinished work is broken, and this piece of it begins anew: %s", reason)
        return None


def read_array(path: str | Path) -> "np.ndarray":
    """Map a .npy file into memory, or raise `UserError`."""
    import numpy as np

    try:
        return np.lib.format.open_memmap(Path(path), mode="r")
    except (OSError, ValueError) as error:
        raise unreadable(path, "an array", error) from error


def unreadable(path: str | Path, kind: str, error: Exception) -> UserError:
    """What to say of a file that is not what it should be."""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return UserError(
        f"{path} cannot be read as {kind}: {reason}\n"
        "    Hint: it is missing, truncated or of another kind; delete it and run again."
    )


@contextmanager
def resumable(folder: str | Path) -> Iterator[Path]:
    """A folder to fill step by step; renamed to ``folder`` once the block succeeds.

    Unlike `whole`, what an interrupted block has written is there when it is entered again.
    """
    folder = Path(folder)
    partial = _partial(folder)
    yield partial
    if identity := identities.to_bear(folder):
        identities.bear(partial, identity)
    if folder.exists():
        shutil.rmtree(folder)
    partial.replace(folder)


@contextmanager
def pieces(path: str | Path) -> Iterator[Path]:
    """A folder for the pieces of a file; removed once the block has written the file.

    What an interrupted block has written is there when it is entered again.
    """
    partial = _partial(Path(path))
    yield partial
    shutil.rmtree(partial)


def _partial(path: Path) -> Path:
    """The folder of unfinished work beside a path, with what an interrupted try left there."""
    partial = path.with_name(f"{path.name}.partial")
    partial.mkdir(parents=True, exist_ok=True)
    remove_parts(partial)
    remove_parts(path.parent, path.name)
    return partial
