"""Submissions: jobs use the configuration as it was when the run started.

A job may start hours after the run, and the configuration may have been edited since. So the run
writes its configuration to a file, which jobs find by an environment variable.
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
    """The configuration and the digests with which a run was started.

    Attributes:
        config: the checked configuration.
        files: digests of the user's files, by question, see `UserFiles`.
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
    """The submission of this job; None if the environment variable is missing.

    Raises:
        UserError: if the file is gone, or the code has other version numbers now.
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
