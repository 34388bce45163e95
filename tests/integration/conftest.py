"""
What integration tests share: the balancer as a process.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.process import BalancerProcess
from tests.integration.scripted import Gate

Starts = Callable[..., BalancerProcess]
"""Starts a balancer: C{balancer(text, start=True)}."""


def _processes(folder: Callable[[], Path]) -> Iterator[Starts]:
    started: list[BalancerProcess] = []

    def start(text: str, start: bool = True) -> BalancerProcess:
        process = BalancerProcess(folder(), text)
        started.append(process)
        return process.start() if start else process

    yield start
    for process in started:
        process.stop()


@pytest.fixture
def balancer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starts]:
    """
    Start balancers for one test; their logs are shown by the failure to start only.
    """
    yield from _processes(lambda: tmp_path_factory.mktemp("balancer"))


@pytest.fixture(scope="module")
def module_balancer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starts]:
    """
    Start balancers for all tests of a module.
    """
    yield from _processes(lambda: tmp_path_factory.mktemp("balancer"))


@pytest.fixture
def gate() -> Iterator[Gate]:
    """
    Make a gate, open at last so that no thread stays behind.
    """
    made = Gate()
    yield made
    made.open()


@pytest.fixture
def taken() -> Iterator[int]:
    """
    Listen on a port, so that nobody else can.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]
