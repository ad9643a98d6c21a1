"""How tests are shared out to the workers of pytest-xdist."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

WORKFLOW = "tests/workflow/"


class Files(LoadScopeScheduling):
    """One worker runs the whole workflow's tests, and one all tests of any other file.

    What they share is made once then, and no two runs of the workflow compete. (Marks of groups
    would do, but pytest-xdist 3.8 does not see them with pytest 9.2.)
    """

    def _split_scope(self, nodeid: str) -> str:
        return WORKFLOW if nodeid.startswith(WORKFLOW) else nodeid.split("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Files:
    return Files(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The workflow takes longer than all others together, so it begins first."""
    items.sort(key=lambda item: not item.nodeid.startswith(WORKFLOW))
