"""
A balancer in memory between a client and members that read with h11: whole connections.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import h11
from twisted.logger import globalLogPublisher

from tests.proxy.rigs import OK
from txbalancer.config import loads
from txbalancer.core.specs import ServiceSpec
from txbalancer.services.plugins import load_registry
from txbalancer.testing import MemoryRig, MemoryTransport

_CONFIG = """
[listener:web]
endpoint = tcp:80
server-name = lb.test
underscores = keep
h2c = on
[balancer:shop]
maxattempts = 0
members = {}
[mount:/]
to = balancer://shop/
"""
_REGISTRY = load_registry()

Headers = list[tuple[bytes, bytes]]


@cache
def _spec(member: str) -> ServiceSpec:
    return loads(_CONFIG.format(member), _REGISTRY).spec


def make_rig(member: str = "http://10.0.0.1") -> MemoryRig:
    """
    Make a balancer with one member.
    """
    return MemoryRig(_spec(member), _REGISTRY)


class NoFailures:
    """
    Has a failure that is only logged be one of the case.
    """

    def __enter__(self) -> None:
        self._found: list[Any] = []
        globalLogPublisher.addObserver(self._note)

    def _note(self, event: Any) -> None:
        if "log_failure" in event:
            self._found.append(event["log_failure"])

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        globalLogPublisher.removeObserver(self._note)
        if error is None and self._found:
            self._found[0].raiseException()


@dataclass
class Got:
    """
    A whole request as a member reads it.
    """

    method: bytes
    target: bytes
    headers: Headers
    body: bytes = b""
    trailers: Headers = field(default_factory=list)


class H11Member:
    """
    A member's end that reads with h11 and answers every whole request.

    @ivar got: the whole requests, in order.
    @ivar raw: all bytes that came.
    """

    def __init__(self, transport: MemoryTransport) -> None:
        self._transport = transport
        self._reader = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
        self._one: Got | None = None
        self.got: list[Got] = []
        self.raw = b""

    @property
    def whole(self) -> bool:
        """
        Whether no request is incomplete.
        """
        return self._one is None and not self._reader.trailing_data[0]

    def work(self) -> None:
        """
        Read what came, and answer; h11 raises when it is no HTTP.
        """
        while data := self._transport.taken():
            self.raw += data
            self._reader.receive_data(data)
            while (event := self._next()) is not h11.NEED_DATA:
                if event is h11.PAUSED:
                    raise AssertionError("a second request before the first was answered")
                if event is None or self._take(event):
                    return

    def _next(self) -> Any:
        """
        Return what h11 reads next; C{None} for a query with bytes over 127, which Apache passes
        on as well (H56) and h11 does not take.
        """
        try:
            return self._reader.next_event()
        except h11.RemoteProtocolError as error:
            if "illegal request line" in str(error) and not self.raw.isascii():
                return None
            raise

    def _take(self, event: Any) -> bool:
        """
        Take an event; tell whether the connection is over.
        """
        if isinstance(event, h11.Request):
            self._one = Got(event.method, event.target, _pairs(event.headers))
        elif isinstance(event, h11.Data):
            assert self._one is not None
            self._one.body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            assert self._one is not None
            self._one.trailers = _pairs(event.headers)
            self.got.append(self._one)
            self._one = None
            self._transport.send(OK)
            self._reader.send(h11.Response(status_code=200, headers=[]))
            self._reader.send(h11.EndOfMessage())
            if self._reader.our_state is not h11.DONE:
                return True
            self._reader.start_next_cycle()
        return False


def _pairs(headers: Any) -> Headers:
    return [(bytes(name).lower(), bytes(value)) for name, value in headers]


@dataclass
class Passed:
    """
    What became of a client's bytes.

    @ivar members: their ends, in the order in which they were connected to.
    @ivar answers: bytes that the client got.
    """

    members: list[H11Member]
    answers: bytes

    @property
    def got(self) -> list[Got]:
        """
        The whole requests that members read.
        """
        return [each for member in self.members for each in member.got]


def pass_on(pieces: list[bytes]) -> Passed:
    """
    Send a client's bytes, piece by piece, and have members answer.
    """
    rig = make_rig()
    with NoFailures():
        client = rig.client()
        members: list[H11Member] = []
        for piece in pieces:
            client.send(piece)
            for _ in range(40):
                opened = [H11Member(each.accept()) for each in rig.openings()]
                members += opened
                before = sum(len(each.raw) for each in members)
                for member in members:
                    member.work()
                if not opened and before == sum(len(each.raw) for each in members):
                    break
        return Passed(members, client.taken())
