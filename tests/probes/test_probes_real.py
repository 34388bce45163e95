"""
Probes against real sockets: TLS with its verification, names, and members that hang.
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from twisted.internet import reactor, ssl
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater

from txbalancer import probes
from txbalancer.core.builtin import factories
from txbalancer.core.health import ProbeResult
from txbalancer.core.specs import MemberSpec

pytestmark = pytest.mark.integration

Listen = Callable[..., int]


class Member(Protocol):
    """
    Answers each head with 200, or hangs.
    """

    def connectionMade(self) -> None:
        self.factory.open.add(self)

    def dataReceived(self, data: bytes) -> None:
        if data.endswith(b"\r\n\r\n") and not self.factory.hangs:
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    def connectionLost(self, reason: Any) -> None:
        self.factory.open.discard(self)


class Members(Factory):
    """
    A listening member.

    @ivar open: its connections.
    """

    protocol = Member
    noisy = False

    def __init__(self, hangs: bool = False) -> None:
        self.hangs = hangs
        self.open: set[Member] = set()


class Context(ssl.ContextFactory):
    """
    The member's side of TLS.
    """

    def __init__(self, certificate: Path) -> None:
        self._context = SSL.Context(SSL.TLS_SERVER_METHOD)
        self._context.use_certificate_file(str(certificate))
        self._context.use_privatekey_file(str(certificate))

    def getContext(self) -> SSL.Context:
        return self._context


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Make a certificate for 127.0.0.1 that signs itself, with its key, in one file.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "member")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "member.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@pytest_twisted.async_yield_fixture
async def listen(certificate: Path) -> AsyncIterator[Listen]:
    """
    Start members on free ports, until the end of the test.
    """
    ports: list[Any] = []

    def start(members: Members, tls: bool = False) -> int:
        if tls:
            ports.append(reactor.listenSSL(0, members, Context(certificate), interface="127.0.0.1"))
        else:
            ports.append(reactor.listenTCP(0, members, interface="127.0.0.1"))
        port: int = ports[-1].getHost().port
        return port

    yield start
    for port in ports:
        await port.stopListening()


def ask(name: str, member: MemberSpec) -> Deferred[ProbeResult]:
    """
    Start a probe.
    """
    asking: Deferred[ProbeResult] = factories(probes)[name].probe(reactor, member)
    return asking


async def emptied(members: Members) -> None:
    """
    Wait until the member has no connection left.
    """
    for _ in range(200):
        if not members.open:
            return
        await deferLater(reactor, 0.005)
    raise AssertionError("a connection was left open")


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("name", ["get", "head", "options", "tcp"])
async def test_a_member_by_name_passes(name: str, listen: Listen) -> None:
    """
    A host name is looked up, the member is asked, and the connection is closed.
    """
    members = Members()
    port = listen(members)
    result = await ask(name, MemberSpec("x", host="localhost", port=port, hcuri="/"))
    assert result.passed
    await emptied(members)


@pytest_twisted.ensureDeferred
async def test_a_trusted_certificate_passes(listen: Listen, certificate: Path) -> None:
    """
    An https member with the right authority and name is asked over TLS.
    """
    members = Members()
    member = MemberSpec(
        "x",
        scheme="https",
        host="127.0.0.1",
        port=listen(members, tls=True),
        sslproxycacertificatefile=str(certificate),
    )
    result = await ask("get", member)
    assert result.passed, result.text
    said = [line.partition(" ms: ")[2] for line in result.transcript.split("\n") if line[0] == "*"]
    assert said[0] == f"connected to 127.0.0.1:{member.port}"
    assert said[1].startswith("TLSv1.3, TLS_AES_")
    assert said[2].startswith("certificate of CN=member, valid until 20")
    assert said[3:] == ["the answer begins", "complete"]
    await emptied(members)


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    ("host", "verify", "check_name", "text"),
    [
        (
            "127.0.0.1",
            "require",
            True,
            "GET /: TLS: certificate verify failed: self-signed certificate (",
        ),
        (
            "localhost",
            "none",
            True,
            "GET /: TLS: the certificate is for 127.0.0.1, not for localhost (see sni)",
        ),
        ("localhost", "none", False, ""),
    ],
)
async def test_certificates_are_judged_as_for_requests(
    listen: Listen, host: str, verify: str, check_name: bool, text: str
) -> None:
    """
    sslproxyverify and sslproxycheckpeername count for checks as well, and the text tells why.
    """
    members = Members()
    member = MemberSpec(
        "x",
        scheme="https",
        host=host,
        port=listen(members, tls=True),
        sslproxyverify=verify,
        sslproxycheckpeername=check_name,
    )
    result = await ask("get", member)
    assert result.passed is (text == "")
    assert text in result.text
    await emptied(members)


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("tls", [False, True])
async def test_a_member_that_hangs_keeps_no_connection(listen: Listen, tls: bool) -> None:
    """
    Cancelling closes at once, without waiting for a member that does not answer.
    """
    members = Members(hangs=True)
    member = MemberSpec(
        "x",
        scheme="https" if tls else "http",
        host="127.0.0.1",
        port=listen(members, tls),
        sslproxyverify="none",
    )
    asking = ask("get", member)
    reactor.callLater(0.05, asking.cancel)
    with pytest.raises(CancelledError):
        await asking
    await emptied(members)
