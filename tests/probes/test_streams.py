"""
Checks of members of HTTP/2.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet import error
from twisted.internet.address import IPv4Address
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from tests.http2.ends import Server
from txbalancer.core.hcexpr import MOST_BODY
from txbalancer.core.health import ProbeResult
from txbalancer.core.specs import MemberSpec
from txbalancer.http2 import faults
from txbalancer.http2.frames import PREFACE
from txbalancer.probes import get, head11, options
from txbalancer.probes.line import GaveUp

MEMBER = MemberSpec("h2c://192.0.2.1:8080", "h2c", "192.0.2.1", 8080, "/base", hcuri="/well")


class Member:
    """
    A member that is being asked.

    @ivar results: what the check found.
    """

    def __init__(self, probe: Any, member: MemberSpec = MEMBER) -> None:
        clock = MemoryReactorClock()
        self.results: list[Any] = []
        self.probing = probe.probe(clock, member)
        self.probing.addBoth(self.results.append)
        address = IPv4Address("TCP", "192.0.2.1", 8080)
        self.protocol = clock.tcpClients[0][2].buildProtocol(address)
        self.transport = StringTransport(peerAddress=address)
        self.transport.abortConnection = self.transport.loseConnection
        self.protocol.makeConnection(self.transport)
        self.end = Server()
        self._greeted = False
        self.pump()

    def pump(self) -> None:
        """
        Carry bytes both ways.
        """
        for _ in range(10):
            data = self.transport.value()
            self.transport.clear()
            if data and not self._greeted:
                assert data.startswith(PREFACE)
                data, self._greeted = data.removeprefix(PREFACE), True
            if data:
                self.end.receive(data, 1.0)
            out = self.end.taken()
            if out:
                self.protocol.dataReceived(out)

    @property
    def result(self) -> ProbeResult:
        """
        Return what was found.
        """
        (found,) = self.results
        assert isinstance(found, ProbeResult)
        return found

    def send(self, *lines: bytes, body: bytes = b"", last: bool = True) -> None:
        """
        Answer.
        """
        self.end.streams[1].send(list(lines), b"", last and not body)
        if body:
            self.end.streams[1].send_data(body, last)
        self.pump()


def test_a_check_that_reads() -> None:
    """
    GET asks for hcuri, and passes with status and body, in whatever pieces.
    """
    member = Member(get.factory)
    (fields,) = [each[2] for each in member.end.events if each[0] == "fields"]
    assert dict(fields)[b":path"] == b"/base/well"
    assert dict(fields)[b":authority"] == b"192.0.2.1:8080"
    assert dict(fields)[b":method"] == b"GET"
    assert dict(fields)[b"user-agent"].startswith(b"txbalancer-check/")
    member.send(b":status: 103", last=False)
    member.send(b":status: 200", b"x-own: 1", body=b"all ", last=False)
    assert not member.results
    member.end.streams[1].send_data(b"well", True)
    member.pump()
    assert member.result.passed
    assert member.result.text == "GET /base/well: status 200 in 0 ms"
    assert member.result.answer is not None
    assert member.result.answer.body == b"all well"
    assert (b"x-own", b"1") in member.result.answer.headers
    assert "> :method: GET" in member.result.transcript
    assert "< :status: 200" in member.result.transcript
    assert member.transport.disconnecting


def test_a_check_that_does_not() -> None:
    """
    HEAD is content with the head; a status of 400 and more does not pass.
    """
    member = Member(head11.factory)
    member.send(b":status: 503", last=False)
    assert not member.result.passed
    assert member.result.text == "HEAD /base/well: status 503 in 0 ms"


def test_options_of_all() -> None:
    """
    Without hcuri OPTIONS asks about the member itself.
    """
    member = Member(options.factory, MemberSpec("h2c://192.0.2.1", "h2c", "192.0.2.1", 80))
    (fields,) = [each[2] for each in member.end.events if each[0] == "fields"]
    assert (dict(fields)[b":path"], dict(fields)[b":authority"]) == (b"*", b"192.0.2.1")
    member.send(b":status: 204")
    assert member.result.passed


def test_trailers_end_an_answer() -> None:
    """
    They are of no interest otherwise.
    """
    member = Member(get.factory)
    member.send(b":status: 200", last=False)
    member.end.streams[1].send_data(b"x", True, [b"x-sum: 1"])
    member.pump()
    assert member.result.passed


def test_long_bodies() -> None:
    """
    Of a long body the beginning is enough.
    """
    member = Member(get.factory)
    member.send(b":status: 200", last=False)
    for _ in range(MOST_BODY // 10000 + 2):
        if not member.results:
            member.end.streams[1].send_data(b"x" * 10000)
            member.pump()
    assert member.result.passed
    assert member.result.answer is not None
    assert len(member.result.answer.body) == MOST_BODY


@pytest.mark.parametrize(
    ("written", "why"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP/2: "),
        (
            b"\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x01x",
            "a body before its head",
        ),
        (
            b"\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x02\x01\x05\x00\x00\x00\x01\x8c\x20",
            "HTTP/2: ",
        ),
        (
            b"\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x01\x01\x05\x00\x00\x00\x01\x82",
            "no status",
        ),
    ],
)
def test_what_is_no_answer(written: bytes, why: str) -> None:
    """
    It fails, and says what was wrong.
    """
    member = Member(get.factory)
    member.end.out.clear()
    member.protocol.dataReceived(written)
    member.protocol.dataReceived(b"more")
    assert not member.result.passed
    assert why in member.result.text


def test_resets_and_goodbyes() -> None:
    """
    So do they.
    """
    member = Member(get.factory)
    member.end.reset(1, faults.INTERNAL_ERROR)
    member.pump()
    assert member.result.text.endswith("the stream was reset: INTERNAL_ERROR")
    member = Member(get.factory)
    member.end.goaway(faults.NO_ERROR, last=0)
    member.pump()
    assert member.result.text.endswith("the stream was reset: REFUSED_STREAM")
    member = Member(get.factory)
    member.protocol.connectionLost(Failure(error.ConnectionDone()))
    assert member.result.text == "GET /base/well: closed without a complete answer"


def test_a_check_that_is_given_up() -> None:
    """
    It hangs up, and keeps what was said.
    """
    member = Member(get.factory)
    member.probing.cancel()
    (found,) = member.results
    assert found.check(GaveUp)
    assert member.transport.disconnecting
