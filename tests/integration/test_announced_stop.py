"""
SIGTERM with stop-delay: the balancer above is told before anything is refused.
"""

from __future__ import annotations

import time

import pytest

from tests.integration.client import ask
from tests.integration.conftest import Starts
from tests.integration.load import Load
from tests.integration.process import status, until
from tests.integration.scripted import Gate, ScriptedMember
from tests.peers import is_listening

pytestmark = pytest.mark.integration


def configuration(member: ScriptedMember, delay: str) -> str:
    """
    Write a service with one member, a health: URL and an announced stop.
    """
    return (
        "[txbalancer]\naccess-log = ACCESS\naccess-log-format = json\n"
        f"graceful-timeout = 10s\nstop-delay = {delay}\n"
        "[listener:web]\nendpoint = tcp:PORT:interface=127.0.0.1\n"
        f"[balancer:pool]\nmembers = {member.url}\n"
        "[mount:/-health]\nto = health:\n[mount:/]\nto = balancer://pool/\n"
    )


def test_nobody_is_refused_before_the_end_of_the_announcement(balancer: Starts, gate: Gate) -> None:
    """
    The health: URL says 503 at once, requests are answered for as long as the announcement
    lasts, and the process ends by itself with 0.
    """
    with ScriptedMember(gate.reply) as member:
        process = balancer(configuration(member, "2s"))
        url = f"http://127.0.0.1:{process.port}/-health"
        assert status(process, "/-health") == 200
        with Load(process.port) as load:
            assert process.process is not None
            process.process.terminate()
            began = time.monotonic()
            until(lambda: status(process, "/-health") == 503, "the stop is announced")
            assert b"about to stop" in ask(url).body
            load.more()
            assert is_listening(process.port)
            assert time.monotonic() - began < 2
            load.expect_stop()
            assert process.wait() == 0
        assert time.monotonic() - began >= 2
        assert load.failures == []


def test_a_second_signal_ends_the_announcement(balancer: Starts, gate: Gate) -> None:
    """
    Whoever is in a hurry sends another SIGTERM.
    """
    with ScriptedMember(gate.reply) as member:
        process = balancer(configuration(member, "1h"))
        assert process.process is not None
        process.process.terminate()
        until(lambda: status(process, "/-health") == 503, "the stop is announced")
        process.process.terminate()
        assert process.wait() == 0
