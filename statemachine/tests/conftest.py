"""Where the modules of these tests are, and whether all of them run."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
PART = pytest.StashKey[bool]()


def pytest_deselected(items):
    # Whoever selects tests does not want to hear that the others were not run.
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.config.stash[PART] = True


@pytest.fixture
def all_runs(request):
    """For tests that ask what the other tests reached."""
    modules = {item.path.name for item in request.session.items}
    if request.config.stash.get(PART, False) or "test_machine_runs.py" not in modules:
        pytest.skip("only a part of the state machine's tests runs")
