"""
What the probes send, what they make of the answers, and what they leave behind.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import (
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
)
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from txbalancer import __version__, probes
from txbalancer.core.builtin import factories
from txbalancer.core.hcexpr import MOST_BODY
from txbalancer.core.health import ProbeResult
from txbalancer.core.specs import MemberSpec
from txbalancer.interfaces import IProbe
from txbalancer.probes.asking import host_of, target_of

MEMBER = MemberSpec("http://192.0.2.1:9001", host="192.0.2.1", port=9001, hcuri="/health")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Asked:
    """
    One probe in progress, with the member's end in our hands.
    """

    def __init__(self, name: str, member: MemberSpec = MEMBER) -> None:
        self.reactor = MemoryReactorClock()
        self.results: list[Any] = []
        self.deferred: Deferred[Any] = factories(probes)[name].probe(self.reactor, member)
        self.deferred.addBoth(self.results.append)
        self.transport = StringTransport()
        self.protocol: Any = None

    @property
    def factory(self) -> Any:
        connects = self.reactor.tcpClients or self.reactor.unixClients
        return connects[0][2] if self.reactor.tcpClients else connects[0][1]

    def connect(self) -> bytes:
        """
        Accept the connection; return what was sent.
        """
        self.protocol = self.factory.buildProtocol(None)
        self.protocol.makeConnection(self.transport)
        return self.transport.value()

    def answer(self, *chunks: bytes, then: Exception | None = None) -> ProbeResult:
        """
        Send an answer, maybe close, and return the result.
        """
        self.connect()
        self.reactor.advance(0.012)
        for chunk in chunks:
            self.protocol.dataReceived(chunk)
        if then is not None:
            self.protocol.connectionLost(Failure(then))
        return self.result

    @property
    def result(self) -> ProbeResult:
        (result,) = self.results
        assert isinstance(result, ProbeResult), result
        return result


@pytest.fixture(autouse=True)
def _no_loose_errors() -> Iterator[None]:
    """
    Fail a test that leaves an error in a Deferred nobody holds.
    """
    from twisted.logger import globalLogPublisher

    seen: list[Any] = []

    def observer(event: dict[str, Any]) -> None:
        if "log_failure" in event:
            seen.append(event["log_failure"])

    globalLogPublisher.addObserver(observer)
    yield
    globalLogPublisher.removeObserver(observer)
    assert seen == []


def test_a_file_is_a_registration() -> None:
    """
    The folder's files are the methods, each a complete probe.
    """
    found = factories(probes)
    assert set(found) == {
        "tcp",
        "cping",
        "expect",
        "options",
        "head",
        "get",
        "options11",
        "head11",
        "get11",
    }
    for name, probe in found.items():
        assert verifyObject(IProbe, probe)
        assert probe.name == name


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("get", b"GET /health HTTP/1.0"),
        ("head", b"HEAD /health HTTP/1.0"),
        ("options", b"OPTIONS /health HTTP/1.0"),
        ("get11", b"GET /health HTTP/1.1"),
        ("head11", b"HEAD /health HTTP/1.1"),
        ("options11", b"OPTIONS /health HTTP/1.1"),
    ],
)
def test_C5_the_request(name: str, line: bytes) -> None:
    """
    The member sees method, target, version, Host, who asks, and that no other request follows.
    """
    head, _, body = Asked(name).connect().partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    assert first == line
    assert {each.lower() for each in lines} == {
        b"host: 192.0.2.1:9001",
        b"user-agent: txbalancer-check/" + __version__.encode(),
        b"connection: close",
    }
    assert body == b""


def test_C5_options_without_hcuri_asks_for_the_member() -> None:
    """
    OPTIONS * is about the whole member, as in Apache.
    """
    for name, version in (("options", b"1.0"), ("options11", b"1.1")):
        sent = Asked(name, MemberSpec("x", host="192.0.2.1")).connect()
        assert sent.startswith(b"OPTIONS * HTTP/%s\r\n" % version)
        assert b"host: 192.0.2.1\r\n" in sent.lower()


@pytest.mark.parametrize(
    ("path", "hcuri", "target"),
    [
        ("", "", "/"),
        ("", "/s", "/s"),
        ("", "s", "/s"),
        ("/base", "/s", "/base/s"),
        ("/base/", "/s", "/base/s"),
        ("/base", "s", "/base/s"),
        ("/base", "", "/base"),
        ("", "/s?a=1&b=%2F", "/s?a=1&b=%2F"),
        ("", "/a b#\u00e9", "/a%20b%23%C3%A9"),
    ],
)
def test_X19_path_and_uri_have_one_slash_between_them(path: str, hcuri: str, target: str) -> None:
    """
    The target is always valid; Apache makes two slashes, or none, of the same parts (C5).
    """
    assert target_of(MemberSpec("x", path=path, hcuri=hcuri)) == target


@pytest.mark.parametrize(
    ("scheme", "host", "port", "value"),
    [
        ("http", "a.example", 80, "a.example"),
        ("https", "a.example", 443, "a.example"),
        ("https", "a.example", 80, "a.example:80"),
        ("http", "::1", 8080, "[::1]:8080"),
        ("http", "", 80, "localhost"),
    ],
)
def test_the_host_header(scheme: str, host: str, port: int, value: str) -> None:
    """
    The port is named unless it is the scheme's own; IPv6 has its brackets.
    """
    assert host_of(MemberSpec("x", scheme=scheme, host=host, port=port)) == value


@pytest.mark.parametrize(
    ("status", "passed"),
    [(200, True), (204, True), (302, True), (399, True), (400, False), (404, False), (503, False)],
)
@pytest.mark.parametrize("name", ["get", "head", "options", "get11", "head11", "options11"])
def test_C6_status_200_to_399_passes(name: str, status: int, passed: bool) -> None:
    """
    The status decides, redirects are not followed, and the text tells what was seen.
    """
    asked = Asked(name)
    head = b"HTTP/1.1 %d X\r\nLocation: http://192.0.2.9/\r\nContent-Length: 0\r\n\r\n" % status
    result = asked.answer(head)
    assert result.passed is passed
    assert result.text == f"{name.removesuffix('11').upper()} /health: status {status} in 12 ms"
    assert result.duration == pytest.approx(0.012)
    assert len(asked.reactor.tcpClients) == 1
    assert asked.transport.disconnecting


def test_an_interim_answer_is_not_the_answer() -> None:
    """
    A 1xx goes before the status that counts.
    """
    assert (
        not Asked("get")
        .answer(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n")
        .passed
    )


@pytest.mark.parametrize("name", ["head", "options"])
def test_only_get_waits_for_the_body(name: str) -> None:
    """
    The other methods need the head only and close at once.
    """
    asked = Asked(name)
    assert asked.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").passed
    assert asked.transport.disconnecting


@pytest.mark.parametrize(
    "answer",
    [
        [OK[:-1], OK[-1:]],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", b"0\r\n\r\n"],
    ],
    ids=["length", "chunked"],
)
def test_C6_get_reads_the_whole_body(answer: list[bytes]) -> None:
    """
    There is no result before the last byte.
    """
    asked = Asked("get")
    asked.connect()
    asked.protocol.dataReceived(answer[0])
    assert asked.results == []
    asked.protocol.dataReceived(answer[1])
    assert asked.result.passed


def test_a_body_that_ends_with_the_connection_is_complete() -> None:
    """
    An answer without a length is over when the member closes.
    """
    assert Asked("get").answer(b"HTTP/1.1 200 OK\r\n\r\n", b"ok", then=ConnectionDone()).passed


@pytest.mark.parametrize("lost", [ConnectionDone(), ConnectionLost()])
def test_C6_a_truncated_body_fails(lost: Exception) -> None:
    """
    A body that breaks off is a failed check, whatever the status.
    """
    result = Asked("get").answer(OK[:-1], then=lost)
    assert not result.passed
    assert result.text.startswith("GET /health: ")


def test_X19_a_long_body_is_not_read_to_its_end() -> None:
    """
    After 64 KiB the status decides and the connection is closed.
    """
    asked = Asked("get")
    asked.connect()
    asked.protocol.dataReceived(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
    asked.protocol.dataReceived(b"x" * (MOST_BODY - 1))
    assert asked.results == []
    asked.protocol.dataReceived(b"xx")
    assert asked.result.passed
    assert asked.transport.disconnecting
    asked.protocol.dataReceived(b"x")
    asked.protocol.connectionLost(Failure(ConnectionDone()))


@pytest.mark.parametrize(
    ("answer", "then"),
    [
        (b"", ConnectionDone()),
        (b"HTTP/1.1 20", ConnectionDone()),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", ConnectionDone()),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", ConnectionDone()),
    ],
    ids=["nothing", "half", "garbage", "bad length"],
)
def test_C6_what_is_no_answer_fails(answer: bytes, then: Exception) -> None:
    """
    Garbage, or a connection that is closed too early, is a failed check with its cause.
    """
    result = Asked("get").answer(answer, then=then)
    assert not result.passed
    assert len(result.text) > len("GET /health: ")


def test_C7_the_answer_is_there_for_expressions() -> None:
    """
    Status, headers as sent, those of the connection too, and the body of GET.
    """
    chunks = (
        b"HTTP/1.0 503 X\r\nContent-Length: 4\r\nX-A: 1\r\nx-a: 2\r\n",
        b"Connection: close\r\nContent-Type: text/plain\r\n\r\nwe",
        b"ll",
    )
    answer = Asked("get").answer(*chunks).answer
    assert answer is not None
    assert (answer.status, answer.body) == (503, b"well")
    shown = [
        answer.header(name)
        for name in (b"content-length", b"X-A", b"connection", b"Content-Type", b"y")
    ]
    assert shown == [b"4", b"1", b"close", b"text/plain", b""]


@pytest.mark.parametrize("name", ["head", "options11"])
def test_C7_only_get_has_a_body_for_expressions(name: str) -> None:
    """
    The other methods read no body, whatever comes.
    """
    answer = Asked(name).answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").answer
    assert answer is not None
    assert (answer.status, answer.body) == (200, b"")


def test_X19_a_packed_body_stays_packed() -> None:
    """
    What a member packed, which nobody asked for, is not unpacked, for it may be without end.
    """
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nContent-Length: %d\r\n\r\n"
    body = gzip.compress(gzip.compress(bytes(MOST_BODY)))
    answer = Asked("get11").answer(head % len(body) + body).answer
    assert answer is not None
    assert answer.body == body
    assert answer.header(b"content-encoding") == b"gzip, gzip"


def test_what_did_not_come_whole_is_no_answer() -> None:
    """
    No expression is asked about an answer that broke off, or about a connection.
    """
    assert Asked("get").answer(OK[:-1], then=ConnectionLost()).answer is None
    tcp = Asked("tcp")
    tcp.connect()
    assert tcp.result.answer is None


def test_X19_an_endless_head_is_cut() -> None:
    """
    A member that sends headers for ever fails its check after 1 MiB.
    """
    asked = Asked("get")
    asked.connect()
    asked.protocol.dataReceived(b"HTTP/1.1 200 OK\r\n")
    for _ in range(130):
        asked.protocol.dataReceived(b"x: y\r\n" * 1365)
    assert asked.transport.disconnecting
    asked.protocol.connectionLost(Failure(ConnectionLost()))
    assert not asked.result.passed


def test_an_early_end_has_a_plain_text() -> None:
    """
    The text of a result is for people.
    """
    result = Asked("head").answer(b"", then=ConnectionDone())
    assert result.text == "HEAD /health: closed without a complete answer"


@pytest.mark.parametrize(("name", "asked"), [("get", "GET /health"), ("tcp", "connect")])
def test_C6_a_refused_connection_fails(name: str, asked: str) -> None:
    """
    Nobody there is a failed check, by any method.
    """
    probe = Asked(name)
    error = ConnectionRefusedError(osError=OSError(111, "Connection refused"))
    probe.factory.clientConnectionFailed(None, Failure(error))
    assert probe.result == ProbeResult(False, f"{asked}: Connection refused", 0.0)


def test_C6_tcp_passes_with_a_connection() -> None:
    """
    A connection is enough, nothing is sent, and it is closed.
    """
    asked = Asked("tcp")
    assert asked.connect() == b""
    assert asked.result.passed
    assert asked.result.text == "connect: done in 0 ms"
    assert asked.transport.disconnecting


def test_tcp_needs_no_tls() -> None:
    """
    An https member is asked for a plain connection; Apache does the same.
    """
    asked = Asked("tcp", MemberSpec("x", scheme="https", host="192.0.2.1", port=443))
    asked.connect()
    assert asked.result.passed


@pytest.mark.parametrize("name", ["get", "tcp"])
def test_cancelling_gives_the_connection_up(name: str) -> None:
    """
    A probe that is out of time stops connecting.
    """
    asked = Asked(name)
    asked.deferred.cancel()
    assert asked.reactor.connectors[0].stoppedConnecting
    assert asked.results[0].check(CancelledError)


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"])
def test_cancelling_closes_the_connection(sent: bytes) -> None:
    """
    A member that hangs before or within its answer does not keep the connection.
    """
    asked = Asked("get")
    asked.connect()
    asked.protocol.dataReceived(sent)
    asked.deferred.cancel()
    assert asked.transport.disconnecting
    asked.protocol.connectionLost(Failure(ConnectionDone()))
    assert asked.results[0].check(CancelledError)


def test_unix_sockets_are_asked_by_path() -> None:
    """
    A member behind a unix socket is asked there, under its name.
    """
    member = MemberSpec("unix:/run/a.sock|http://app/", host="app", socket="/run/a.sock")
    asked = Asked("get", member)
    assert asked.reactor.unixClients[0][0] == "/run/a.sock"
    assert b"host: app\r\n" in asked.connect().lower()


def test_ipv6_members_are_asked_by_address() -> None:
    """
    An IPv6 address needs no look-up.
    """
    asked = Asked("get", MemberSpec("x", host="::1", port=8080))
    assert asked.reactor.tcpClients[0][:2] == ("::1", 8080)
    assert b"host: [::1]:8080\r\n" in asked.connect().lower()


def test_a_transcript_has_both_sides() -> None:
    """
    A result tells what was said and when; it does not count in comparisons.
    """
    result = Asked("get").answer(OK)
    lines = result.transcript.split("\n")
    assert lines[0].startswith("* 0.0 ms: connected to ")
    assert lines[1] == "> GET /health HTTP/1.0"
    assert "> Host: 192.0.2.1:9001" in lines
    assert lines[-6:] == [
        "* 12.0 ms: the answer begins",
        "< HTTP/1.1 200 OK",
        "< Content-Length: 2",
        "<",
        "< ok",
        "* 12.0 ms: complete",
    ]


def test_a_head_is_enough_for_head() -> None:
    """
    The transcript says that the rest was not waited for.
    """
    result = Asked("head").answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
    assert result.transcript.endswith("<\n* 12.0 ms: the head is enough")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (IPv4Address("TCP", "192.0.2.9", 80), "192.0.2.9:80"),
        (IPv6Address("TCP", "2001:db8::1", 80), "[2001:db8::1]:80"),
        (UNIXAddress("/run/a.sock"), "/run/a.sock"),
        (UNIXAddress(None), "a unix socket"),
    ],
)
def test_addresses_in_transcripts(address: Any, shown: str) -> None:
    """
    What was connected to is told as it is written elsewhere.
    """
    asked = Asked("tcp")
    asked.transport.peerAddr = address
    asked.connect()
    assert asked.result.transcript == f"* 0.0 ms: connected to {shown}"


def test_what_went_wrong_is_in_the_transcript() -> None:
    """
    A failed check ends with its cause; one that is given up keeps what was said so far.
    """
    result = Asked("head").answer(b"HTTP/1.1 2", then=ConnectionDone())
    assert result.transcript.endswith("< HTTP/1.1 2\n* 12.0 ms: closed without a complete answer")
    asked = Asked("get")
    asked.connect()
    asked.deferred.cancel()
    asked.protocol.connectionLost(Failure(ConnectionDone()))
    assert "> GET /health HTTP/1.0" in asked.results[0].value.transcript
