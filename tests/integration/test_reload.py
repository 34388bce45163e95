"""
SIGHUP while requests are in progress on what the new configuration has no more.
"""

from __future__ import annotations

import http.client
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


def await_closed(port: int) -> None:
    """
    Wait until nothing listens on a port any more.
    """
    until(lambda: not is_listening(port), f"port {port} is closed")


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
        await_closed(extra)
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
    await_closed(process.port)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
    setup.gate.open()
    assert last.result(10).status == 200
    assert process.wait() == 0


def test_listeners_keep_the_endpoints_they_share(balancer: Starts) -> None:
    """
    A listener gets a further endpoint, then another name, then gives its endpoints to two
    others: clients find every port open, and a connection stays while its listener's name does.
    """
    extra, mount = free_port(), "[mount:/]\nto = status:204\n"
    web, other = "tcp:PORT:interface=127.0.0.1", f"tcp:{extra}:interface=127.0.0.1"
    process = balancer(mount)
    top = "[txbalancer]\naccess-log = ACCESS\naccess-log-format = json\n"
    client = http.client.HTTPConnection("127.0.0.1", process.port, timeout=10)
    client.connect()
    connection = client.sock
    steps = (
        (f"[listener:web]\nendpoint =\n    {other}\n    {web}\n", "web", "web"),
        (f"[listener:web]\nendpoint =\n    {other}\n    {web}\nmax-url = 100\n", "web", "web"),
        (f"[listener:main]\nendpoint =\n    {other}\n    {web}\n", "main", "main"),
        (f"[listener:one]\nendpoint = {other}\n[listener:two]\nendpoint = {web}\n", "two", "one"),
        (f"[listener:web]\nendpoint = {web}\n", "web", ""),
    )
    for number, (listeners, on_web, on_other) in enumerate(steps):
        assert "reload done" in process.reload(top + listeners + mount)
        if on_web == "web" and on_other:
            client.request("GET", "/")
            assert client.getresponse().read() == b""
            assert client.sock is connection
        for port, name in ((process.port, on_web), (extra, on_other)):
            if name:
                assert ask(f"http://127.0.0.1:{port}/{number}/{name}").status == 204
                assert process.record(f"/{number}/{name}")["listener"] == name
            else:
                await_closed(port)
    client.close()
