"""What a run was started with reaches its jobs as it was."""

from pathlib import Path

import pytest

from diffcredit.errors import UserError
from diffcredit.plan import VERSIONS, Submission, submission


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(submission.VARIABLE, "")
    monkeypatch.delenv(submission.VARIABLE)


def submitted(tmp_path: Path, versions: dict[str, int]) -> Submission:
    given = Submission({"seed": 1}, {'["data"]': "ab"}, {"figures": "cd"}, versions)
    submission.submit(given, tmp_path)
    return given


def test_it_is_read_as_it_was(tmp_path: Path) -> None:
    assert submission.submitted() is None
    given = submitted(tmp_path, dict(VERSIONS))
    assert submission.submitted() == given


def test_equal_ones_are_one_file(tmp_path: Path) -> None:
    for _ in range(2):
        submitted(tmp_path, dict(VERSIONS))
    assert len(list((tmp_path / "submissions").iterdir())) == 1


def test_other_versions_of_the_code_are_told(tmp_path: Path) -> None:
    submitted(tmp_path, VERSIONS | {"training": 0})
    with pytest.raises(UserError, match="has changed since this run was started"):
        submission.submitted()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"config": {}}'])
def test_a_broken_one_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    path = tmp_path / "broken.json"
    path.write_text(content)
    monkeypatch.setenv(submission.VARIABLE, str(path))
    with pytest.raises(UserError, match=r"broken\.json"):
        submission.submitted()
