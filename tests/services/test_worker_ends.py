"""
How a worker leaves, and what it does until its end.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address

from tests.services.workers import TEXT, Worker
from tests.services.worlds import GET
from txbalancer.core import flags
from txbalancer.core.commands import SetMember
from txbalancer.testing import MemoryTransport
from txbalancer.workers.orders import Perform, Stop
from txbalancer.workers.word import Turn, Word


def test_an_idle_one_stops_at_once(worker: Worker) -> None:
    """
    When all stop, one without connections says its last and ends.
    """
    worker.give()
    worker.configure()
    assert worker.order(Stop, others=False) == {}
    assert worker.edition == 0
    assert [each.open for each in worker.reactor.ports] == [False]
    worker.reactor.advance(0.1)
    assert worker.transport.disconnecting
    assert worker.reactor.stops == 0
    worker.post.connectionLost()
    assert worker.reactor.stops == 1
    assert worker.folder.exists()


def test_one_that_leaves_waits_a_moment(worker: Worker) -> None:
    """
    While others go on it accepts no more, and waits a moment for requests on their way; a second
    order ends that.
    """
    worker.give()
    worker.configure()
    worker.order(Stop, others=True)
    assert [each.open for each in worker.reactor.ports] == [False]
    assert worker.edition == 0
    worker.reactor.advance(0.5)
    assert not worker.transport.disconnecting
    worker.order(Stop, others=True)
    worker.reactor.advance(0.1)
    assert worker.transport.disconnecting


def test_one_that_leaves_hears_of_its_members(worker: Worker) -> None:
    """
    As long as it has clients it does what is ordered and heeds what checks find; an order for what
    only a later configuration has is none for it.
    """
    worker.give()
    text = TEXT.replace("status:204", "balancer://shop/")
    worker.configure(f"{text}[balancer:shop]\nmembers = http://10.0.0.9\n")
    service: Any = worker.post._service
    member = service.targets.balancers["shop"].balancer.members[0]
    strange = SetMember("later", "http://10.0.0.9", on=flags.DRAIN)
    address = IPv4Address("TCP", "192.0.2.1", 4000)
    client = MemoryTransport(worker.reactor, worker.reactor.factory.buildProtocol(address), address)
    client.send(GET)
    worker.order(Stop, others=True)
    for _ in range(2):
        assert worker.order(Perform, order=strange, rows={}) == {}
        order = SetMember("shop", member.name, on=flags.DRAIN)
        assert worker.order(Perform, order=order, rows={}) == {}
        assert member.flags & flags.DRAIN
        failed = Turn("shop", member.name, flags.HC_FAILED, flags.DRAIN, "a check", 0.0)
        worker.hear(Word([failed]))
        assert member.flags == flags.INIT | flags.HC_FAILED
        worker.hear(Word([failed._replace(on=0, off=flags.HC_FAILED)]))
        worker.reactor.advance(1.0)
        assert not worker.transport.disconnecting
    client.reset()
    worker.reactor.advance(0.1)
    assert worker.transport.disconnecting


def test_one_that_was_never_used(worker: Worker) -> None:
    """
    One that has nothing to do yet ends at once.
    """
    worker.order(Stop, others=True)
    assert worker.transport.disconnecting


def test_the_supervisor_is_gone(worker: Worker) -> None:
    """
    Without a line to its supervisor it ends what it has, which is nothing.
    """
    worker.give()
    worker.configure()
    assert not worker.post.alone
    worker.post.connectionLost()
    worker.reactor.advance(0.1)
    assert worker.reactor.stops == 1
    assert worker.post.alone
