"""How tests are shared out to the workers of pytest-xdist."""

from functools import cache
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).parents[1]
WORKFLOW = "tests/workflow/"
SHARED_RUNS = ("finished", "undisturbed")


class Files(LoadScopeScheduling):
    """One worker runs all tests of a file, and those of all files that share a run.

    What tests share is made once then. (Marks of groups would do, but pytest-xdist 3.8 does not
    see them with pytest 9.2.)
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        return _shared_run(file) or file


@cache
def _shared_run(file: str) -> str:
    """The fixture of the run that a file of tests shares with others; "" where it shares none."""
    if not file.startswith(WORKFLOW):
        return ""
    text = (ROOT / file).read_text()
    return next((name for name in SHARED_RUNS if f"{name}: Workflow" in text), "")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Files:
    return Files(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The workflow takes longer than all others together: it begins first, and is slow."""
    items.sort(key=lambda item: not item.nodeid.startswith(WORKFLOW))
    for item in items:
        if item.nodeid.startswith(WORKFLOW):
            item.add_marker(pytest.mark.slow)
