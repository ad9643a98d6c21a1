"""Identities of files: the outputs of a job bear the identity of the job.

So a reader can check that a file is the expected one, even after an interrupted run. Tables and
files of tensors store the identity in their headers, folders in a separate file.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from diffcredit.errors import UserError

KEY = "diffcredit"
FOLDER_FILE = "identity.json"
NOBODYS = "no job of this version of diffcredit has written it"


@dataclass(frozen=True)
class _Job:
    identity: str
    outputs: frozenset[Path]


_job: ContextVar[_Job | None] = ContextVar("job", default=None)


@contextmanager
def writing(identity: str, outputs: Iterable[str | Path]) -> Iterator[None]:
    """Within the block, these outputs bear the identity when they are written."""
    token = _job.set(_Job(identity, frozenset(Path(path).absolute() for path in outputs)))
    try:
        yield
    finally:
        _job.reset(token)


def to_bear(path: str | Path) -> str | None:
    """The identity that a file or folder is to bear; None for what is no output of a job."""
    job = _job.get()
    return job.identity if job and Path(path).absolute() in job.outputs else None


def borne(path: str | Path) -> str | None:
    """The identity that a file or folder bears; None where it bears none, or cannot be read."""
    try:
        return read(path)
    except UserError:
        return None


def read(path: str | Path) -> str:
    """The identity that a file or folder bears.

    Raises:
        UserError: saying what is wrong, where it bears none, cannot be read or is not whole.
    """
    path = Path(path)
    try:
        return _of_folder(path) if path.is_dir() else READERS[path.suffix](path)
    except FileNotFoundError as error:
        missing = FOLDER_FILE if path.is_dir() else "such file"
        raise UserError(f"{path}: there is no {missing}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: truncated or broken ({error})") from error


def can_bear(path: str | Path) -> bool:
    """Whether a path is of a kind of file, or of a folder, that bears an identity."""
    return Path(path).suffix in (*READERS, "")


def bear(folder: Path, identity: str) -> None:
    """Write the identity of a folder into it, and which files are in it."""
    content = {KEY: identity, "sizes": _sizes(folder)}
    (folder / FOLDER_FILE).write_text(json.dumps(content, indent=1) + "\n")


def _sizes(folder: Path) -> dict[str, int]:
    """Bytes of each file of a folder, by its name, but for the file of the identity."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [path.relative_to(folder).as_posix() for path in found]
    sizes = zip(names, found, strict=True)
    return {name: path.stat().st_size for name, path in sizes if name != FOLDER_FILE}


def _of_folder(folder: Path) -> str:
    content = json.loads((folder / FOLDER_FILE).read_text())
    there = _sizes(folder)
    if wrong := [name for name, size in content["sizes"].items() if there.get(name) != size]:
        raise UserError(f"{folder}: {wrong[0]} is missing, or has another size than it had")
    return str(content[KEY])


def _of_table(path: Path) -> str:
    from pyarrow import ArrowException, parquet

    try:
        metadata = parquet.read_metadata(path).metadata or {}
    except ArrowException as error:
        raise ValueError(f"{error}") from error
    if KEY.encode() not in metadata:
        raise UserError(f"{path}: {NOBODYS}")
    return str(metadata[KEY.encode()].decode())


def _of_tensors(path: Path) -> str:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as stored:
            metadata = stored.metadata() or {}
    except SafetensorError as error:
        raise ValueError(f"{error}") from error
    if KEY not in metadata:
        raise UserError(f"{path}: {NOBODYS}")
    return str(json.loads(metadata[KEY]))


READERS = {".parquet": _of_table, ".safetensors": _of_tensors}
