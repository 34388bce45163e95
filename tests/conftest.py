"""
What all tests share. The reactor is the platform's default; pytest-twisted runs it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.peers import Peers

ROOT = Path(__file__).resolve().parent.parent

# A shared two-core machine makes the first example of a property slow at times;
# the time of one example says nothing about the code.
settings.register_profile(
    "txbalancer", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=100
)
settings.load_profile("txbalancer")


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
