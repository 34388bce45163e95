"""
What all tests share. The reactor is the platform's default; pytest-twisted runs it.
"""

from __future__ import annotations

import gc
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.peers import Peers

ROOT = Path(__file__).resolve().parent.parent
# The longest tests of all come first, for nothing could be done beside them at the end.
SLOW = (
    *("test_debian.py", "test_packaging.py", "chaos"),
    *("integration", "browser", "differential", "conformance"),
)

# A shared two-core machine makes the first example of a property slow at times;
# the time of one example says nothing about the code.
settings.register_profile(
    "txbalancer", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=100
)
settings.load_profile("txbalancer")


def pytest_configure() -> None:
    """
    Let programs be ended by Ctrl-C also where a shell runs the tests in the background: it has
    them ignore that, and so would all that they start.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """
    Have the garbage collector leave alone what stays to the end: modules and tests. While they
    are found it would look at a million objects ten times over.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """
    Where processes share the tests, begin with those that take longest, so that none has much
    left when the others are done.
    """
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: _rank(item.path.relative_to(ROOT / "tests").parts[0]))


def _rank(name: str) -> int:
    return SLOW.index(name) if name in SLOW else len(SLOW)


@pytest.fixture(scope="module", autouse=True)
def nothing_left_open() -> Iterator[None]:
    """
    Have sockets and files that a module left in reference cycles found, and told, at its end.

    What is still there when the next one begins stays, and is not looked at again: that took two
    fifths of the time of tests that start no program.
    """
    gc.collect()
    gc.freeze()
    yield
    gc.collect()


@pytest.fixture(scope="session")
def root() -> Path:
    """
    Return the checkout's top folder.
    """
    return ROOT


@pytest.fixture
def peers() -> Iterator[Peers]:
    """
    Start programs of Debian for one test.
    """
    with Peers() as started:
        yield started


@pytest.fixture(scope="module")
def module_peers() -> Iterator[Peers]:
    """
    Start programs of Debian for all tests of a module.
    """
    with Peers() as started:
        yield started
