"""
What processes use of the machine, and who sees it.
"""

from __future__ import annotations

import os

from tests.services.worlds import World
from txbalancer.control.processes import Usage, WorkerView, usage_of

CONFIGURATION = """
[txbalancer]
access-log = off
[listener:web]
endpoint = tcp:80
[balancer:shop]
members = http://10.0.0.1
[mount:/bm]
to = manager:
[mount:/status]
to = server-status:
"""
WORKERS = [WorkerView(2, 4711, 0.0, 100.0, 50.5, 3 << 20, 7, 3, 1)]


def got(world: World, target: str) -> str:
    """
    Return the body of an answer.
    """
    client = world.client(80, f"GET {target} HTTP/1.1\r\nHost: lb.test\r\n\r\n".encode())
    world.advance(1.0)
    return client.taken().decode()


def test_a_process_of_ours() -> None:
    """
    Time and memory of a process are as the system tells it itself; of one that is over, nothing.
    """
    times = os.times()
    found = usage_of(os.getpid())
    assert abs(found.user - times.user) < 1.0
    assert abs(found.system - times.system) < 1.0
    assert found.memory > 1 << 20
    assert usage_of(0) == Usage()


def test_workers_on_pages() -> None:
    """
    The manager's page and its API list workers, server-status counts them; without any the page
    says nothing of them.
    """
    world = World(CONFIGURATION).start()
    assert "Workers</h2>" not in got(world, "/bm")
    assert '{"workers":[]}' in got(world, "/bm/api/v1/workers").replace("\n", "")
    world.service.targets.steering.facts.workers = lambda: WORKERS
    page = got(world, "/bm")
    assert "<h2>Workers</h2>" in page
    for text in ("4711", "2 min", "3.0M", "7"):
        assert f">{text}</td>" in page
    told = got(world, "/bm/api/v1/workers")
    assert '"number":2,"pid":4711,"started":0.0,"cpu":150.5,"memory":3145728' in told
    status = got(world, "/status?auto")
    assert "Processes: 2\n" in status
    # With what the process of the tests itself has taken.
    assert float(status.partition("CPULoad: ")[2].split()[0]) >= 1
