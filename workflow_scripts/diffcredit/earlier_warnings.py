"""Warnings of the earlier attempts of a job, which are still valid when it continues.

Snakemake deletes the log of a job when it begins. So warnings are also kept in a file until the job
has ended well, and a try that goes on with the work of another one repeats them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from diffcredit import logs
from diffcredit.errors import UserError
from diffcredit.files import read_json, write_json


@contextmanager
def repeated(path: Path, identity: str) -> Iterator[None]:
    """Repeat what earlier tries of a job have warned of, and keep what this one does.

    Args:
        path: of the file that keeps them; it goes when the block ends well.
        identity: of what the job makes; warnings about another thing are forgotten.
    """
    told = _read(path, identity)
    for message in told:
        logs.logger.warning("%s", message)

    def keep(message: str) -> None:
        if message not in told:  # A kill may come at any time.
            told.append(message)
            write_json({"identity": identity, "warnings": told}, path)

    with logs.each_warning(keep):
        yield
    path.unlink(missing_ok=True)


def _read(path: Path, identity: str) -> list[str]:
    try:
        kept = read_json(path)
    except UserError:
        return []
    return list(kept["warnings"]) if kept["identity"] == identity else []
