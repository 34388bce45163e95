"""
Members under TLS: used once their certificate is verified, failed where it is not.
"""

from __future__ import annotations

from contextlib import suppress

import pytest
from OpenSSL import SSL
from twisted.logger import capturedLogs, formatEvent

from tests.integration.certificates import Authority
from tests.proxy.rigs import GET, OK, check_rest, status_of
from txbalancer.testing import MemoryRig, MemoryTransport

CONFIGURATION = """
[listener:web]
endpoint = tcp:80
[balancer:shop]
members = https://app.test sslproxycacertificatefile={file} connectiontimeout=3 timeout=10
[mount:/]
to = balancer://shop/
"""


class Resolver:
    """
    Knows one address.
    """

    @staticmethod
    def resolveHostName(receiver, name):
        receiver.addressResolved(type("Address", (), {"host": "10.0.0.1"}))
        receiver.resolutionComplete()


class Secure:
    """
    A member's end under TLS.
    """

    def __init__(self, end: MemoryTransport, pair) -> None:
        self.end = end
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.use_certificate_file(str(pair.certificate))
        context.use_privatekey_file(str(pair.key))
        self.tls = SSL.Connection(context, None)
        self.tls.set_accept_state()

    def shake(self) -> None:
        """
        Go on with the handshake as far as it goes.
        """
        for _ in range(4):
            data = self.end.taken()
            if data:
                self.tls.bio_write(data)
            with suppress(SSL.WantReadError):
                self.tls.do_handshake()
            self.flush()

    def flush(self) -> None:
        """
        Send what there is to be sent.
        """
        try:
            data = self.tls.bio_read(1_000_000)
        except SSL.WantReadError:
            return
        self.end.send(data)

    def taken(self) -> bytes:
        """
        Return what arrived.
        """
        self.end.settle()
        data = self.end.taken()
        if data:
            self.tls.bio_write(data)
        try:
            return self.tls.recv(1_000_000)
        except SSL.WantReadError:
            return b""

    def send(self, data: bytes) -> None:
        """
        Send bytes.
        """
        self.tls.sendall(data)
        self.flush()


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    """
    Return the trusted authority.
    """
    return Authority(tmp_path_factory.mktemp("ca"))


def ask(authority: Authority):
    """
    Send a request to a rig with a member under TLS; returns rig, client and member's end.
    """
    rig = MemoryRig(CONFIGURATION.format(file=authority.file))
    rig.reactor.nameResolver = Resolver
    client = rig.client()
    client.send(GET)
    return rig, client, rig.accept()


def test_a_verified_member_is_used_and_used_again(authority) -> None:
    """
    The request goes after the handshake, under TLS, and the connection is kept.
    """
    rig, client, end = ask(authority)
    member = Secure(end, authority.issue("app.test"))
    assert not rig.balancer().members[0].pool.idle
    member.shake()
    assert member.taken().startswith(b"GET / HTTP/1.1\r\nHost: app.test\r\n")
    member.send(OK)
    assert status_of(client.taken()) == 200
    client.send(GET)
    assert rig.openings() == []
    assert member.taken().startswith(b"GET / ")
    member.send(OK)
    assert status_of(client.taken()) == 200
    assert rig.outcomes[1].reused
    check_rest(rig)


def test_a_wrong_certificate_is_a_failed_connection(authority) -> None:
    """
    Nothing of the request is sent to who cannot prove to be the member; it is told so by an
    alert, and blamed.
    """
    rig, client, end = ask(authority)
    member = Secure(end, authority.issue("other.test"))
    with pytest.raises(SSL.Error, match="alert"):
        member.shake()
    rig.advance(0.1)
    assert end.taken() == b""
    assert status_of(client.taken()) == 502
    assert rig.outcomes[0].tried == (("https://app.test", "tls-failed"),)
    assert end.lost
    check_rest(rig)


@pytest.mark.parametrize(
    ("act", "text"),
    [
        (
            lambda end, pair: Secure(end, pair).shake(),
            "the certificate is for other.test, not for app.test (see sni)",
        ),
        (
            lambda end, pair: end.send(b"HTTP/1.1 400\r\n\r\n"),
            "wrong version number (does it speak TLS on this port?)",
        ),
        (
            lambda end, pair: end.end(),
            "the member ended the connection within the handshake"
            " (does it speak TLS on this port?)",
        ),
    ],
)
def test_the_log_says_why_tls_failed(authority, act, text) -> None:
    """
    Who has to mend it learns the member and the cause at the default level.
    """
    with capturedLogs() as logged:
        rig, _, end = ask(authority)
        with suppress(SSL.Error):
            act(end, authority.issue("other.test"))
        rig.advance(0.1)
    told = [formatEvent(event) for event in logged if event["log_level"].name == "warn"]
    assert f"shop: https://app.test: tls-failed: TLS: {text}" in told


@pytest.mark.parametrize("act", [lambda end: end.send(b"HTTP/1.1 400\r\n\r\n"), lambda e: e.end()])
def test_what_speaks_no_tls_is_a_failed_connection(authority, act) -> None:
    """
    A plain member behind an https URL, or one that hangs up, is told apart from a silent one.
    """
    rig, client, end = ask(authority)
    act(end)
    rig.advance(0.1)
    assert status_of(client.taken()) == 502
    assert rig.outcomes[0].reason == "tls-failed"
    check_rest(rig)


def test_the_handshake_has_its_time(authority) -> None:
    """
    connectiontimeout bounds the handshake as well.
    """
    rig, client, end = ask(authority)
    rig.advance(2)
    assert client.taken() == b""
    rig.advance(2)
    assert status_of(client.taken()) == 504
    assert rig.outcomes[0].reason == "connect-timeout"
    assert end.lost
    check_rest(rig)


def test_a_member_that_closes_within_its_answer(authority) -> None:
    """
    The end of TLS without all of the body is a truncated answer.
    """
    rig, client, end = ask(authority)
    member = Secure(end, authority.issue("app.test"))
    member.shake()
    member.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234")
    member.tls.shutdown()
    member.flush()
    end.end()
    rig.advance(0.1)
    assert client.ended == "aborted"
    assert rig.outcomes[0].reason == "truncated"
    check_rest(rig)


def test_back_pressure_goes_through_tls(authority) -> None:
    """
    A client that does not read stops the reading under TLS too.
    """
    rig, client, end = ask(authority)
    member = Secure(end, authority.issue("app.test"))
    member.shake()
    client.room = 0
    member.send(b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n")
    for _ in range(20):
        member.send(b"x" * 10_000)
    assert not end.reading
    client.take()
    rig.advance(0.1)
    assert client.taken().count(b"x") == 200_000
    check_rest(rig)
