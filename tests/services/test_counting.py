"""
Limits that count all processes of a service.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from twisted.internet.testing import MemoryReactorClock

from tests.proxy.rigs import GET, status_of
from txbalancer.config import loads
from txbalancer.core.ratelimits import RateTable
from txbalancer.services.counting import OfSupervisor, OfWorker
from txbalancer.services.plugins import load_registry
from txbalancer.services.shares import Shares, names_of
from txbalancer.testing import MemoryRig
from txbalancer.workers.rates import RateMemory, SharedRates
from txbalancer.workers.table import Rows, Table, create_memory

TEXT = """
[txbalancer]
access-log = off
[listener:web]
endpoint = tcp:80
LISTENER
[limit:few]
rate = 1/h
burst = 3
[balancer:shop]
BALANCER
members = http://10.0.0.1
[mount:/few]
to = status:204
limit = few
[mount:/]
to = balancer://shop/
"""
FEW = GET.replace(b"GET / ", b"GET /few ")


class Pair:
    """
    The data paths of two workers of one service.
    """

    def __init__(self, memory: int, listener: str, balancer: str) -> None:
        text = TEXT.replace("LISTENER", listener).replace("BALANCER", balancer)
        spec = loads(text, load_registry()).spec
        self.table, rows = Table(memory), Rows()
        self.supervisor = OfSupervisor(lambda: self.table, lambda: 0.0)
        rates = self.supervisor.rates(spec.limits[0], None)
        assert isinstance(rates, SharedRates)
        self.memories = {"few": rates.memory}
        resources = MemoryRig(spec).targets.resources()
        names = {name: rows[name] for name in names_of(resources, spec.listeners)}
        self.rigs, self.shares, self.countings = [], [], []
        for number in (1, 2):
            self.table.use(number)
            clock = MemoryReactorClock()
            shares = Shares(clock, self.table, number, 2, lambda balancer, member: None)
            shares.learn(names)
            counting = OfWorker(shares, self.table, number, self.memories)
            self.shares.append((shares, clock))
            self.countings.append(counting)
            self.rigs.append(MemoryRig(spec, counting=counting))

    def look(self) -> None:
        """
        Let all look for room, and those who have it go in.
        """
        for _, clock in self.shares:
            clock.advance(0.01)
        for rig in self.rigs:
            rig.advance(0.01)


Make = Callable[..., Pair]


@pytest.fixture
def make() -> Iterator[Make]:
    """
    Make pairs.
    """
    memories = []

    def pair(listener: str = "", balancer: str = "") -> Pair:
        memories.append(create_memory())
        return Pair(memories[-1], listener, balancer)

    yield pair
    for each in memories:
        os.close(each)


@pytest.mark.parametrize(
    "limit",
    [
        {"listener": "requests-per-client = 1\nqueue = 1"},
        {"listener": "max-requests = 1\nqueue = 1"},
        {"balancer": "max-requests = 1\nqueue = 1"},
    ],
)
def test_requests_in_progress(make: Make, limit: dict[str, str]) -> None:
    """
    One is in progress in both workers together, one waits, and what comes then is refused; who
    waits goes in when the other worker has answered.
    """
    one, two = (pair := make(**limit)).rigs
    one.client().send(GET)
    member = one.accept()
    waiting, refused = two.client(), one.client()
    waiting.send(GET)
    refused.send(GET)
    assert not two.openings()
    assert status_of(refused.taken()) == 503
    member.send(b"HTTP/1.1 204 No Content\r\n\r\n")
    pair.look()
    pair.look()
    two.accept().send(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert status_of(waiting.taken()) == 204
    pair.look()
    pair.look()
    assert not any(
        "Shares" in repr(call.func) for _, clock in pair.shares for call in clock.getDelayedCalls()
    )


def test_rates(make: Make) -> None:
    """
    What one worker lets through counts for the other.
    """
    pair = make()
    found = []
    for rig in (*pair.rigs, *pair.rigs):
        client = rig.client()
        client.send(FEW)
        found.append(status_of(client.taken()))
    assert found == [204, 204, 204, 429]


def test_memory_of_rates(make: Make) -> None:
    """
    The supervisor makes it anew for another number of keys; a worker uses what it was given last,
    and counts for itself without any.
    """
    pair = make()
    (spec,) = pair.rigs[0].spec.limits
    supervisor, worker = pair.supervisor, pair.countings[0]
    first = supervisor.rates(spec, None)
    assert supervisor.rates(replace(spec, burst=9), first) is first
    assert supervisor.rates(replace(spec, keys=9), first) is not first
    mine = worker.rates(spec, None)
    assert worker.rates(spec, mine) is mine
    memory = pair.memories["few"]
    pair.memories["few"] = RateMemory(os.dup(memory.descriptor))
    assert worker.rates(spec, mine) is not mine
    del pair.memories["few"]
    assert isinstance(worker.rates(spec, None), RateTable)


def test_connections_of_all(make: Make) -> None:
    """
    Each worker tells how many it has, and knows how many all have.
    """
    one, two = make().countings
    here, there = one.connections(lambda: 3), two.connections(lambda: 4)
    assert [here(), there(), here()] == [3, 7, 7]


def test_clients(make: Make) -> None:
    """
    Connections of a client count wherever they are, from a reload on that limits them.
    """
    one, two = make(listener="connections-per-client = 5").rigs
    clients = [rig.client() for rig in (one, two, two)]
    assert one.site.clients is not None
    assert one.site.clients.count("192.0.2.1") == 3
    clients[1].end()
    assert one.site.clients.count("192.0.2.1") == 2
    two.site.configure(replace(two.site.spec, connections_per_client=0))
    assert one.site.clients.count("192.0.2.1") == 1
    two.site.configure(replace(two.site.spec, connections_per_client=5))
    assert one.site.clients.count("192.0.2.1") == 2
