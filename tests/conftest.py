"""How tests are shared out to the workers of pytest-xdist."""

from functools import cache
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).parents[1]
WORKFLOW = "tests/workflow/"


class Files(LoadScopeScheduling):
    """One worker runs all tests of a file, and those of all files that share the finished run.

    What tests share is made once then. (Marks of groups would do, but pytest-xdist 3.8 does not
    see them with pytest 9.2.)
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        return WORKFLOW if _shares_the_finished_run(file) else file


@cache
def _shares_the_finished_run(file: str) -> bool:
    return file.startswith(WORKFLOW) and "finished: Workflow" in (ROOT / file).read_text()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Files:
    return Files(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The workflow takes longer than all others together: it begins first, and is slow."""
    items.sort(key=lambda item: not item.nodeid.startswith(WORKFLOW))
    for item in items:
        if item.nodeid.startswith(WORKFLOW):
            item.add_marker(pytest.mark.slow)
