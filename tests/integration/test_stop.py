"""
SIGTERM while requests are in progress.
"""

from __future__ import annotations

import http.client
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.integration.client import ask
from tests.integration.conftest import Starts
from tests.integration.load import Load
from tests.integration.process import until
from tests.integration.scripted import Gate, ScriptedMember
from tests.peers import is_listening

pytestmark = pytest.mark.integration


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


def body(port: int, target: str) -> bytes:
    """
    GET a target and return its body.
    """
    return ask(f"http://127.0.0.1:{port}{target}").body


def test_stop_lets_requests_finish(balancer: Starts, gate: Gate) -> None:
    """
    After SIGTERM the port is closed at once, what is in progress ends well, and then,
    long before graceful-timeout, the process exits with 0.
    """
    with ScriptedMember(gate.reply) as member, ThreadPoolExecutor(5) as pool:
        process = balancer(configuration(member, "20s"))
        with Load(process.port) as load:
            slow: list[Future[bytes]] = [
                pool.submit(body, process.port, f"/slow?id={number}") for number in range(5)
            ]
            gate.await_waiting(5)
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
        slow = pool.submit(body, process.port, "/slow?id=1")
        gate.await_waiting(1)
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
        slow = pool.submit(body, process.port, "/slow?id=1")
        gate.await_waiting(1)
        assert process.process is not None
        process.process.terminate()
        until(lambda: "1 connection in progress" in process.log(), "the stop begins")
        assert process.terminate() == 0
        with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
            slow.result(10)
