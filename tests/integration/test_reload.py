"""
SIGHUP while requests are in progress on what the new configuration has no more.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from tests.integration.client import Answer, ask
from tests.integration.conftest import Starts
from tests.integration.process import BalancerProcess, until
from tests.integration.scripted import Gate, ScriptedMember
from tests.peers import free_port, is_listening

pytestmark = pytest.mark.integration

WAYS = ("member", "mount", "balancer", "plain", "listener")


@dataclass
class Setup:
    """
    A balancer with a slow request in progress for each thing that a reload may remove.
    """

    process: BalancerProcess
    gate: Gate
    extra: int
    slow: dict[str, Future[Answer]]


@pytest.fixture
def setup(balancer: Starts, gate: Gate) -> Iterator[Setup]:
    """
    Begin with the slow requests; C{POST}, so that none can be sent a second time.
    """
    extra = free_port()
    with ScriptedMember(gate.reply) as member, ThreadPoolExecutor(len(WAYS)) as pool:
        base = f"[balancer:kept]\nmembers =\n    {member.url}/stays\n"
        process = balancer(
            f"[listener:extra]\nendpoint = tcp:{extra}:interface=127.0.0.1\n"
            f"{base}    {member.url}/goes\n[balancer:gone]\nmembers = {member.url}\n"
            "[mount:/member]\nto = balancer://kept/\n[mount:/mount]\nto = balancer://kept/\n"
            f"[mount:/balancer]\nto = balancer://gone/\n[mount:/plain]\nto = {member.url}/\n"
            "[mount:/listener]\nto = balancer://kept/\n"
        )
        slow = {}
        for number, way in enumerate(WAYS):
            port = extra if way == "listener" else process.port
            url = f"http://127.0.0.1:{port}/{way}/slow?id={way}"
            slow[way] = pool.submit(ask, url, "POST", b"body")
            gate.await_waiting(number + 1)
        said = process.reload(f"{base}[mount:/member]\nto = balancer://kept/\n")
        assert "reload done" in said
        until(lambda: not is_listening(extra), "the listener is gone")
        yield Setup(process, gate, extra, slow)


def test_what_goes_finishes_first(setup: Setup) -> None:
    """
    Requests in progress on a member, mount, balancer or listener that a reload removes
    end well.
    """
    assert not any(each.done() for each in setup.slow.values())
    setup.gate.open()
    for way, each in setup.slow.items():
        answer = each.result(10)
        assert (answer.status, answer.body) == (200, f"{way} gate".encode())
    assert ask(f"http://127.0.0.1:{setup.process.port}/mount/").status == 404
    assert "Traceback" not in setup.process.log()


def test_stop_waits_for_what_a_reload_removed(setup: Setup) -> None:
    """
    A stop soon after a reload waits for requests of a listener that went with the reload.
    """
    process, last = setup.process, setup.slow.pop("listener")
    setup.gate.open(*setup.slow)
    assert {each.result(10).status for each in setup.slow.values()} == {200}
    assert process.process is not None
    process.process.terminate()
    until(lambda: not is_listening(process.port), "the port is closed")
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
    setup.gate.open()
    assert last.result(10).status == 200
    assert process.wait() == 0
