"""Copies of the workflow to run: a fresh one for each test, and one that is finished."""

from pathlib import Path

import pytest
from copied_workflow import LDS, SMALL, Workflow, copy_workflow, merge


@pytest.fixture
def workflow(tmp_path: Path) -> Workflow:
    return copy_workflow(tmp_path / "workflow")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """The tiny run, done without interruption. Tests may plan in it, but not run in it."""
    copy = copy_workflow(tmp_path_factory.mktemp("finished") / "workflow")
    done = copy.run("--report", "report.html", "--report-after-run")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]
    (copy.folder / "terminal.txt").write_text(done.stdout + done.stderr)
    return copy


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """A small run from the data to the LDS. Tests may copy it, but not run in it."""
    copy = copy_workflow(tmp_path_factory.mktemp("undisturbed") / "workflow")
    copy.overlay = merge(copy.overlay, SMALL)
    done = copy.run(LDS)
    assert done.returncode == 0, done.stderr
    return copy
