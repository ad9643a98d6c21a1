"""Copies of the workflow to run: a fresh one for each test, and one that is finished."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from copied_workflow import LDS, SMALL, Workflow, copy_workflow
from overlays import overlaid


@contextmanager
def most_shards_of_models(workflow: Workflow) -> Iterator[list[int]]:
    """How many shards of models are on the disk, looked at again and again within the block."""
    counts, over = [0], threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            shards = workflow.run_folder.glob("subsets/*/*/*")
            counts.append(sum(shard.suffix != ".partial" for shard in shards))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield counts
    finally:
        over.set()
        thread.join()


@pytest.fixture
def workflow(tmp_path: Path) -> Workflow:
    return copy_workflow(tmp_path / "workflow")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """The tiny run, done without interruption. Tests may plan in it, but not run in it."""
    copy = copy_workflow(tmp_path_factory.mktemp("finished") / "workflow")
    with most_shards_of_models(copy) as most:
        done = copy.run("--report", "report.html", "--report-after-run")
    (copy.folder / "most_shards.txt").write_text(f"{max(most)}")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]
    (copy.folder / "terminal.txt").write_text(done.stdout + done.stderr)
    return copy


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """A small run from the data to the LDS. Tests may copy it, but not run in it."""
    copy = copy_workflow(tmp_path_factory.mktemp("undisturbed") / "workflow")
    copy.overlay = overlaid(copy.overlay, SMALL)
    done = copy.run(LDS)
    assert done.returncode == 0, done.stderr
    return copy
