"""
SIGTERM while requests are in progress.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.integration.conftest import Starts
from tests.integration.load import Load
from tests.integration.process import until
from tests.integration.scripted import Request, ScriptedMember
from tests.peers import is_listening

pytestmark = pytest.mark.integration


class Gate:
    """
    A member that answers C{/slow} only once the gate is open, and all else at once.

    @ivar waiting: how many requests stand before the gate.
    """

    def __init__(self) -> None:
        self.waiting = 0
        self._open = threading.Event()

    def open(self) -> None:
        """
        Answer everything from now on.
        """
        self._open.set()

    def reply(self, request: Request) -> bool:
        """
        Answer with the request's id.
        """
        if request.target.startswith("/slow"):
            self.waiting += 1
            self._open.wait(30.0)
        request.answer(f"{request.query['id']} gate".encode())
        return True


@pytest.fixture
def gate() -> Iterator[Gate]:
    """
    Make a gate, open at last so that no thread stays behind.
    """
    made = Gate()
    yield made
    made.open()


def configuration(member: ScriptedMember, graceful: str) -> str:
    """
    Write a service with one member and a span for its stop.
    """
    return (
        f"[txbalancer]\naccess-log = ACCESS\naccess-log-format = json\n"
        f"graceful-timeout = {graceful}\n"
        "[listener:web]\nendpoint = tcp:PORT:interface=127.0.0.1\n"
        f"[balancer:pool]\nmembers = {member.url}\n[mount:/]\nto = balancer://pool/\n"
    )


def ask(port: int, target: str) -> bytes:
    """
    GET a target on a connection of its own.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", target)
        return connection.getresponse().read()
    finally:
        connection.close()


def test_stop_lets_requests_finish(balancer: Starts, gate: Gate) -> None:
    """
    After SIGTERM the port is closed at once, what is in progress ends well, and then,
    long before graceful-timeout, the process exits with 0.
    """
    with ScriptedMember(gate.reply) as member, ThreadPoolExecutor(5) as pool:
        process = balancer(configuration(member, "20s"))
        with Load(process.port) as load:
            slow: list[Future[bytes]] = [
                pool.submit(ask, process.port, f"/slow?id={number}") for number in range(5)
            ]
            until(lambda: gate.waiting == 5, "the slow requests reach the member")
            load.expect_stop()
            began = time.monotonic()
            assert process.process is not None
            process.process.terminate()
            until(lambda: not is_listening(process.port), "the port is closed")
            assert not any(each.done() for each in slow)
            assert process.process.poll() is None
            gate.open()
            answers = [each.result(10) for each in slow]
        assert process.wait() == 0
    assert time.monotonic() - began < 10
    assert answers == [b"%d gate" % number for number in range(5)]
    assert load.failures == []
    assert {each["reason"] for each in process.records()} == {"ok"}
    assert "Traceback" not in process.log()


def test_stop_cuts_what_takes_too_long(balancer: Starts, gate: Gate) -> None:
    """
    What is not over after graceful-timeout is cut, the access log says so, and the exit
    code is 0 all the same.
    """
    with ScriptedMember(gate.reply) as member, ThreadPoolExecutor(1) as pool:
        process = balancer(configuration(member, "500ms"))
        slow = pool.submit(ask, process.port, "/slow?id=1")
        until(lambda: gate.waiting == 1, "the slow request reaches the member")
        assert process.terminate() == 0
        with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
            slow.result(10)
    [record] = process.records()
    assert (record["status"], record["reason"]) == (0, "stopped")
    assert "Traceback" not in process.log()


def test_second_stop_does_not_wait(balancer: Starts, gate: Gate) -> None:
    """
    A second SIGTERM ends the process without waiting for requests, with 0 too.
    """
    with ScriptedMember(gate.reply) as member, ThreadPoolExecutor(1) as pool:
        process = balancer(configuration(member, "60s"))
        slow = pool.submit(ask, process.port, "/slow?id=1")
        until(lambda: gate.waiting == 1, "the slow request reaches the member")
        assert process.process is not None
        process.process.terminate()
        until(lambda: "1 connections in progress" in process.log(), "the stop begins")
        assert process.terminate() == 0
        with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
            slow.result(10)
