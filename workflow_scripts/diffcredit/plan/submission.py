"""What was submitted is what runs: jobs read the configuration as it was when the run started.

A job starts when its turn comes, hours after the run, and the configuration may have been edited
since. So the run writes what it was started with, and its jobs find that by the environment.
"""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from diffcredit.errors import UserError
from diffcredit.files import read_json, write_json
from diffcredit.plan.code_of_stages import VERSIONS
from diffcredit.plan.made import digest

VARIABLE = "DIFFCREDIT_SUBMISSION"


@dataclass(frozen=True)
class Submission:
    """What a run was started with.

    Attributes:
        config: the checked configuration.
        files: what was in the user's files, by question, see `UserFiles`.
        code: digests of the code of cheap stages.
        versions: version numbers of the other stages.
    """

    config: Mapping[str, Any]
    files: Mapping[str, str]
    code: Mapping[str, str]
    versions: Mapping[str, int]


def submit(submission: Submission, folder: Path) -> None:
    """Write a submission for the jobs that this process starts."""
    content = asdict(submission)
    path = folder / "submissions" / f"{digest(content)}.json"
    if not path.exists():
        write_json(content, path)
    os.environ[VARIABLE] = str(path.absolute())


def submitted() -> Submission | None:
    """The submission that this job belongs to; None where the environment did not reach it.

    Raises:
        UserError: where it is gone, or the code has got other version numbers since.
    """
    if (path := os.environ.get(VARIABLE)) is None:
        return None
    found = read_json(path)
    try:
        submission = Submission(**found)
    except TypeError as error:
        raise UserError(f"{path} is no submission: {error}") from error
    if submission.versions != VERSIONS:
        raise UserError(
            "diffcredit has changed since this run was started\n"
            "    Hint: run the same command again"
        )
    return submission
