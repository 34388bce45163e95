"""
Slow work in threads.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from tests.threads import Threads
from txbalancer.net.offload import Offload


@pytest.fixture
def threads() -> Threads:
    """
    Return threads that wait for the test.
    """
    return Threads()


@pytest.fixture
def results() -> list[Any]:
    """
    Return a place for results.
    """
    return []


def test_so_much_work_at_once_and_no_more(threads, results) -> None:
    """
    What is over the limit waits for its turn; what is over that too is not taken.
    """
    offload = Offload(None, most=2, queue=1, in_thread=threads.run)
    jobs = [offload.submit(lambda number=number: number, results.append) for number in range(4)]
    assert [job is not None for job in jobs] == [True, True, True, False]
    assert len(threads.working) == 2
    threads.finish()
    assert results == [0]
    assert len(threads.working) == 2
    threads.finish(2)
    assert results == [0, 1, 2]
    assert offload.submit(lambda: 5, results.append) is not None


def test_what_has_not_begun_can_be_taken_back(threads, results) -> None:
    """
    Work that waits is forgotten, work under way is not.
    """
    offload = Offload(None, most=1, queue=1, in_thread=threads.run)
    first = offload.submit(lambda: 1, results.append)
    second = offload.submit(lambda: 2, results.append)
    assert first is not None
    assert second is not None
    assert not offload.forget(first)
    assert offload.forget(second)
    threads.finish()
    assert results == [1]
    assert not threads.working


def test_a_failure_is_logged_and_is_no_result(threads, results) -> None:
    """
    Work that raises gives None, and the next one has its turn.
    """
    offload = Offload(None, most=1, in_thread=threads.run)
    offload.submit(lambda: 1 // 0, results.append)
    offload.submit(lambda: 2, results.append)
    with capturedLogs() as logged:
        threads.finish(2)
    assert results == [None, 2]
    assert [each["log_format"] for each in logged] == ["work in a thread failed"]


def test_a_result_that_cannot_be_taken_is_logged(threads) -> None:
    """
    A fault in whoever waits for a result does not go unseen.
    """
    Offload(None, in_thread=threads.run).submit(lambda: 0, lambda result: 1 // result)
    with capturedLogs() as logged:
        threads.finish()
    assert [each["log_format"] for each in logged] == ["a result was not taken"]


def test_a_reactor_without_threads_works_at_once(results) -> None:
    """
    In tests with a reactor in memory there is nothing to wait for.
    """
    Offload(Clock()).submit(lambda: 7, results.append)
    assert results == [7]
