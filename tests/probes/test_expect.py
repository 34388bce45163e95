"""
The check by a short exchange of words.
"""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import error, reactor
from twisted.internet.address import IPv4Address
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from tests.integration.certificates import Authority
from tests.integration.raw import RawMember
from txbalancer.core.health import ProbeResult
from txbalancer.core.specs import MemberSpec
from txbalancer.probes.expect import ExpectProbe
from txbalancer.probes.line import GaveUp
from txbalancer.probes.talk import MOST_BYTES
from txbalancer.probes.tcp import TCPProbe

MEMBER = MemberSpec(
    "tcp://192.0.2.1:1", "tcp", "192.0.2.1", 1, hcsend=r"PING\r\n", hcexpect="+PONG"
)


def begun(member: MemberSpec = MEMBER):
    """
    Begin a check; return its Deferred, its protocol and its transport.
    """
    clock = MemoryReactorClock()
    probing = ExpectProbe().probe(clock, member)
    protocol = clock.tcpClients[0][2].buildProtocol(IPv4Address("TCP", "192.0.2.1", 1))
    transport = StringTransport(peerAddress=IPv4Address("TCP", "192.0.2.1", 1))
    transport.abortConnection = transport.loseConnection
    protocol.makeConnection(transport)
    return probing, protocol, transport


def test_asked_and_answered() -> None:
    """
    It passes with the answer, in however many pieces, and hangs up.
    """
    probing, protocol, transport = begun()
    assert transport.value() == b"PING\r\n"
    results: list[ProbeResult] = []
    probing.addCallback(results.append)
    protocol.dataReceived(b"+PO")
    assert not results
    protocol.dataReceived(b"NG\r\n")
    (result,) = results
    assert result.passed
    assert result.text == "expect: found in 0 ms"
    assert "> PING" in result.transcript
    assert "< +PO" in result.transcript
    assert transport.disconnecting
    protocol.dataReceived(b"more")


def test_another_answer() -> None:
    """
    A member that says something else and hangs up fails.
    """
    probing, protocol, _ = begun()
    protocol.dataReceived(b"-LOADING\r\n")
    protocol.connectionLost(Failure(error.ConnectionDone()))
    assert not probing.result.passed
    assert probing.result.text == "expect: closed without it"


def test_one_that_talks_too_much() -> None:
    """
    What is read has a bound.
    """
    probing, protocol, transport = begun()
    protocol.dataReceived(b"x" * (MOST_BYTES + 1))
    assert probing.result.text == "expect: not within 65536 bytes"
    assert transport.disconnecting


def test_one_that_breaks_off() -> None:
    """
    It fails with the cause.
    """
    probing, protocol, _ = begun()
    protocol.connectionLost(Failure(error.ConnectionLost()))
    assert not probing.result.passed
    assert probing.result.text.startswith("expect: Connection to the other side was lost")


def test_given_up() -> None:
    """
    Cancelled, it hangs up.
    """
    probing, _, transport = begun()
    failures: list[Failure] = []
    probing.addErrback(failures.append)
    probing.cancel()
    assert failures[0].check(GaveUp)
    assert transport.disconnecting


def test_a_greeting_is_enough() -> None:
    """
    Without hcsend nothing is said; without hcexpect anything will do.
    """
    probing, protocol, transport = begun(MemberSpec("tcp://192.0.2.1:1", "tcp", "192.0.2.1", 1))
    assert transport.value() == b""
    protocol.dataReceived(b"2")
    assert probing.result.passed


@pytest.mark.integration
@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("probe", [TCPProbe(), ExpectProbe()], ids=["tcp", "expect"])
@pytest_twisted.ensureDeferred
async def test_members_under_tls(probe, trusted: bool, tmp_path: Path) -> None:
    """
    Members of tls:// are asked through it, and only if their certificate is trusted.
    """
    authority = Authority(tmp_path)
    pair = authority.issue("127.0.0.1")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.certificate, pair.key)

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            secure.sendall(b"220 ready\r\n")
            secure.recv(1)

    with RawMember(serve) as member:
        spec = MemberSpec(
            f"tls://127.0.0.1:{member.port}",
            "tls",
            "127.0.0.1",
            member.port,
            hcexpect="~^220 ",
            sslproxycacertificatefile=str(authority.file) if trusted else "",
        )
        result = await probe.probe(reactor, spec)
    assert result.passed is trusted
    assert ("TLS" in result.transcript) or not trusted
