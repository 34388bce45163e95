"""
A listener's endpoints: open together or not at all, and kept where a reload wants them.
"""

from __future__ import annotations

import socket
import sys
from dataclasses import replace

import pytest
import pytest_twisted
from twisted.internet import reactor as real
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock

from tests.integration.certificates import Authority
from tests.services.worlds import Reactor
from txbalancer.core.mounts import MountTable
from txbalancer.core.specs import ListenerSpec
from txbalancer.errors import StartError
from txbalancer.proxy.channel import ClientChannel
from txbalancer.proxy.runtime import Runtime
from txbalancer.services.ports import ListenerService, Socket
from txbalancer.tls.ends import ServerTLS


@pytest.fixture
def reactor() -> Reactor:
    """
    Return a reactor without any open port.
    """
    return Reactor()


def listener(reactor: Reactor, *endpoints: str, **options) -> ListenerService:
    """
    Make a listener.
    """
    runtime = Runtime(reactor, lambda outcome: None, reactor.seconds)
    return ListenerService(runtime, ListenerSpec("web", endpoints, **options), MountTable(()))


def test_all_endpoints_lead_to_one_site(reactor) -> None:
    """
    Every endpoint is opened, and its connections belong to the listener's site.
    """
    service = listener(reactor, "tcp:80", "tcp:81")
    service.startService()
    assert [port.getHost().port for port in service.ports] == [80, 81]
    protocols = [factory.buildProtocol(None) for factory in reactor.open.values()]
    assert all(isinstance(each, ClientChannel) and each.site is service.site for each in protocols)
    service.stopService()
    assert reactor.open == {}
    assert service.site.draining


@pytest.mark.parametrize(
    ("endpoint", "backlog"),
    [
        ("tcp:80", 1024),
        (r"tcp6:80:interface=\:\:1", 1024),
        ("tcp:80:backlog=7:interface=127.0.0.1", 7),
        ("unix:/run/web.sock:mode=660", 1024),
        ("unix:/run/web.sock:backlog=7", 7),
    ],
)
def test_a_burst_of_connections_finds_room(endpoint, backlog) -> None:
    """
    A thousand connections may wait to be accepted, unless the endpoint says otherwise.
    """
    memory = MemoryReactorClock()
    opened = Socket(memory, endpoint)
    # "… starting on 80", says Twisted's log.
    assert (opened.endpoint, opened.logPrefix()) == (endpoint, f"endpoint {endpoint}")
    ((_, _, used, *_),) = memory.tcpServers + memory.unixServers
    assert used == backlog


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not inherit it")
@pytest_twisted.ensureDeferred
async def test_the_system_holds_little_for_each_client() -> None:
    """
    The listening socket has the limit of max-unsent, and after a reload the other one.
    """
    service = listener(real, "tcp:0:interface=127.0.0.1")
    service.open()
    (port,) = service.ports
    limits = []
    for most in (None, 20000, 0):
        if most is not None:
            spec = replace(service.spec, max_unsent=most)
            service.prepare(spec, list(service.sockets))
            service.configure(spec, service.site.table)
        limits.append(port.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT))
    assert service.ports == [port]
    assert limits == [65536, 20000, 0]
    await service.sockets[0].close()


def test_one_that_cannot_be_opened_closes_the_others(reactor) -> None:
    """
    The error names listener, endpoint and cause in one line.
    """
    reactor.busy.add(81)
    service = listener(reactor, "tcp:80", "tcp:81")
    with pytest.raises(StartError) as caught:
        service.privilegedStartService()
    text = "listener web: Address already in use: cannot listen on tcp:81"
    assert str(caught.value) == text
    assert reactor.open == {}
    reactor.busy.clear()
    service.privilegedStartService()
    assert list(reactor.open) == [80, 81]


def test_endpoints_that_are_none(reactor) -> None:
    """
    A word that Twisted does not know is a fault of the start as well.
    """
    with pytest.raises(StartError, match=r"listener web: .*: cannot listen on nonsense:1"):
        listener(reactor, "nonsense:1").open()


def test_endpoints_that_take_their_time(reactor, monkeypatch) -> None:
    """
    An endpoint that does not listen at once could fail unseen, so it is refused.
    """

    class Slow:
        """
        Never gets there.
        """

        def listen(self, factory):
            return Deferred()

    monkeypatch.setattr("txbalancer.services.sockets.serverFromString", lambda *_: Slow())
    with pytest.raises(StartError, match="does not listen at once"):
        Socket(reactor, "slow:")


# Twisted hands its own kind of certificate to pyOpenSSL.
@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")
def test_a_certificate_puts_tls_around_each_connection(reactor, tmp_path) -> None:
    """
    With tls-certificate connections are under TLS, and after a reload without it they are not.
    """
    pair = Authority(tmp_path).issue("lb.test")
    service = listener(
        reactor, "tcp:443", tls_certificate=(str(pair.certificate),), tls_key=(str(pair.key),)
    )
    service.open()
    address = IPv4Address("TCP", "192.0.2.1", 40000)
    assert isinstance(reactor.open[443].buildProtocol(address), ServerTLS)
    assert service.site.secure
    plain = ListenerSpec("web", ("tcp:443",))
    service.prepare(plain, list(service.sockets))
    service.configure(plain, service.site.table)
    assert isinstance(reactor.open[443].buildProtocol(address), ClientChannel)
    assert not service.site.secure


def test_what_was_prepared_may_be_abandoned(reactor) -> None:
    """
    Sockets that were opened for nothing are closed, those in use stay.
    """
    service = listener(reactor, "tcp:80")
    service.open()
    spare = list(service.sockets)
    service.prepare(ListenerSpec("web", ("tcp:80", "tcp:81")), spare)
    assert spare == []
    assert list(reactor.open) == [80, 81]
    service.abandon()
    assert list(reactor.open) == [80]
    assert [port.getHost().port for port in service.ports] == [80]


def test_a_socket_without_a_listener_takes_nobody(reactor) -> None:
    """
    Between its opening and its use a port refuses connections rather than lose them.
    """
    Socket(reactor, "tcp:80")
    assert reactor.open[80].buildProtocol(None) is None
