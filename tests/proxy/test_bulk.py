"""
Big bodies over real sockets, with too few pipes: where one exchange ends, the next begins.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from txbalancer.config import loads
from txbalancer.net.eager import make_eager
from txbalancer.net.splice import AVAILABLE
from txbalancer.proxy.runtime import Runtime
from txbalancer.services.modes import MODES
from txbalancer.services.plugins import load_registry
from txbalancer.services.targets import Targets

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not AVAILABLE, reason="no splice here"),
]

SIZE = 600_000
TEXT = """
[listener:web]
endpoint = tcp:0
[balancer:shop]
members = http://127.0.0.1:{port}
[mount:/]
to = balancer://shop/
"""


class Member(Protocol):
    """
    Answers with the target and the size of what was sent, or with something big.
    """

    def connectionMade(self) -> None:
        self._data = b""

    def dataReceived(self, data: bytes) -> None:
        self._data += data
        head, found, rest = self._data.partition(b"\r\n\r\n")
        size = SIZE if head.startswith(b"POST") else 0
        if not found or len(rest) < size:
            return
        self._data = rest[size:]
        target = head.split(b" ")[1]
        body = b"x" * SIZE if target == b"/big" else b"%b %d" % (target, size)
        start = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
        self.transport.write(start + body)


class Service:
    """
    A listener and its member.

    @ivar outcomes: of the exchanges that are over.
    """

    def __init__(self) -> None:
        self.outcomes: list = []
        factory = ServerFactory.forProtocol(Member)
        factory.noisy = False
        self._ports = [reactor.listenTCP(0, factory, interface="127.0.0.1")]
        registry = load_registry()
        spec = loads(TEXT.format(port=self._ports[0].getHost().port), registry).spec
        self.runtime = Runtime(reactor, self.outcomes.append)
        self.runtime.deadlines.start(self.runtime.now)
        self._targets = Targets(self.runtime, registry)
        self._targets.install(spec)
        first = spec.listeners[0]
        site = MODES[first.mode].make_site(self.runtime, first, self._targets.table(first), False)
        self._ports.append(reactor.listenTCP(0, site, interface="127.0.0.1"))
        make_eager(self._ports[1])
        self.client = socket.create_connection(("127.0.0.1", self._ports[1].getHost().port), 30.0)

    @contextmanager
    def without_pipes(self) -> Iterator[None]:
        """
        Have as many pipes in use as there may be, for the length of a C{with} block.
        """
        pipes = self.runtime.pipes
        pipes.used += pipes.most
        yield
        pipes.used -= pipes.most

    async def ask(self, request: bytes, body: bytes = b"") -> bytes:
        """
        Send a request; return the body of its answer.
        """
        return await deferToThread(self._ask, request + b" HTTP/1.1\r\nHost: a\r\n", body)

    def _ask(self, head: bytes, body: bytes) -> bytes:
        length = b"Content-Length: %d\r\n" % len(body) if body else b""
        self.client.sendall(head + length + b"\r\n" + body)
        with self.client.makefile("rb") as stream:
            lines = list(iter(stream.readline, b"\r\n"))
            (length,) = (line[16:] for line in lines if line.startswith(b"Content-Length: "))
            return stream.read(int(length))

    async def close(self) -> None:
        """
        End everything.
        """
        self.client.close()
        self.runtime.deadlines.stop()
        self._targets.balancers["shop"].leave()
        for port in self._ports:
            await port.stopListening()
        await deferLater(reactor, 0.01)


@pytest_twisted.async_yield_fixture
async def service():
    """
    Start one for a test.
    """
    made = Service()
    yield made
    await made.close()


@pytest_twisted.ensureDeferred
async def test_a_big_answer_ends_for_the_next(service) -> None:
    """
    A big answer that had no pipe takes nothing of the answer after it on the member's connection.
    """
    with service.without_pipes():
        assert await service.ask(b"GET /big") == b"x" * SIZE
    assert await service.ask(b"GET /second") == b"/second 0"
    assert [each.bytes_out for each in service.outcomes] == [SIZE, 9]
    assert service.outcomes[1].reused


@pytest_twisted.ensureDeferred
async def test_a_big_request_ends_before_the_next(service) -> None:
    """
    A big request that had no pipe leaves the request after it to whoever reads heads.
    """
    with service.without_pipes():
        assert await service.ask(b"POST /first", b"x" * SIZE) == b"/first %d" % SIZE
    assert await service.ask(b"GET /second") == b"/second 0"
    assert [each.bytes_in for each in service.outcomes] == [SIZE, 0]
