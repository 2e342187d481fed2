"""One server for the tests of the local AWS itself."""

import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

from playground import WAITS, Aws  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--repair", help="run only the tests of this repair (prove_repairs.py)")


def pytest_configure(config):
    config.addinivalue_line("markers", "repair(name): the test is about this repair; without it, it should fail")


def pytest_collection_modifyitems(config, items):
    if wanted := config.getoption("--repair", None):
        items[:] = [item for item in items if any(mark.args == (wanted,) for mark in item.iter_markers("repair"))]


@pytest.fixture(scope="session")
def aws():
    """One server for all tests; what a test makes has names of its own."""
    with Aws({"waits": WAITS}) as server:
        yield server


@pytest.fixture(scope="session")
def queue(aws):
    return aws.queue()


@pytest.fixture(scope="session")
def definition(aws):
    """A job definition with three attempts and no rules."""
    return aws.definition(retryStrategy={"attempts": 3})
