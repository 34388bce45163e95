"""
The PROXY protocol with HAProxy before and behind the balancer.
"""

from __future__ import annotations

import http.client
import ssl
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.integration.certificates import Authority
from tests.integration.conftest import Starts
from tests.integration.process import until
from tests.peers import Peers

pytestmark = [pytest.mark.integration, pytest.mark.peers]

CLIENT = "127.0.0.9"

MEMBER = """
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
frontend member
    bind 127.0.0.1:PORT accept-proxy
    http-request return status 200 content-type text/plain lf-string "SAYS"
""".replace("SAYS", "%[src] %[dst] %[req.hdr(x-forwarded-for)] %[req.hdr(x-forwarded-proto)]")

BEFORE = """
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
listen before
    bind 127.0.0.1:PORT
    server balancer 127.0.0.1:{port} {options}
"""

BALANCER = """
accept-proxy = 127.0.0.1
{listener}
[balancer:shop]
members =
    {scheme}://127.0.0.1:{member} sendproxy={version} {more}
{mount}
"""

MOUNT = "[mount:/]\nto = balancer://shop/\n"


def ask(port: int, times: int = 1, context: ssl.SSLContext | None = None) -> list[str]:
    """
    Ask some times on one connection from CLIENT; returns what was answered.
    """
    connection = (
        http.client.HTTPConnection("127.0.0.1", port, timeout=10, source_address=(CLIENT, 0))
        if context is None
        else http.client.HTTPSConnection(
            "127.0.0.1", port, timeout=10, source_address=(CLIENT, 0), context=context
        )
    )
    found = []
    with closing(connection):
        for _ in range(times):
            connection.request("GET", "/")
            with connection.getresponse() as answer:
                found.append(answer.read().decode())
            assert answer.status == 200, found
    return found


def pem_file(folder: Path) -> Path:
    """
    Write certificate and key of 127.0.0.1 to one file.
    """
    pair = Authority(folder).issue("127.0.0.1")
    made = folder / "both.pem"
    made.write_bytes(pair.certificate.read_bytes() + pair.key.read_bytes())
    return made


SENDERS = (
    "send-proxy",
    "send-proxy-v2",
    "send-proxy-v2 proxy-v2-options crc32c,unique-id,authority",
)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_haproxy_before_and_behind(balancer: Starts, peers: Peers, version: str) -> None:
    """
    What HAProxy sends is read, checksum included, and what is sent HAProxy reads.
    """
    member = peers.haproxy(MEMBER)
    text = BALANCER.format(
        member=member.port, version=version, more="", scheme="http", listener="", mount=MOUNT
    )
    process = balancer(text)
    for options in SENDERS:
        before = peers.haproxy(BEFORE.format(port=process.port, options=options))
        assert ask(before.port, 3) == [f"{CLIENT} 127.0.0.1 {CLIENT} http"] * 3
    assert process.record("/")["client"] == CLIENT


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_connections_are_balanced_with_their_clients(
    balancer: Starts, peers: Peers, version: str
) -> None:
    """
    mode = tcp: the header comes before the connection's own bytes, in and out.
    """
    member = peers.haproxy(MEMBER)
    text = BALANCER.format(
        member=member.port,
        version=version,
        more="",
        scheme="tcp",
        listener="mode = tcp\nto = balancer://shop",
        mount="",
    )
    process = balancer(text)
    before = peers.haproxy(BEFORE.format(port=process.port, options="send-proxy-v2"))
    assert ask(before.port, 2) == [f"{CLIENT} 127.0.0.1  "] * 2


def test_the_header_comes_before_tls_on_both_sides(
    balancer: Starts, peers: Peers, tmp_path: Path
) -> None:
    """
    HAProxy passes TLS on after its header; a member under TLS gets one before the handshake.
    """
    pem = pem_file(tmp_path)
    member = peers.haproxy(
        MEMBER.replace("accept-proxy", f"accept-proxy ssl crt {pem}").replace("%[dst]", "%[ssl_fc]")
    )
    text = BALANCER.format(
        member=member.port,
        version="v2",
        more="sslproxyverify=none sslproxycheckpeername=off",
        scheme="https",
        listener=f"tls-certificate = {pem}",
        mount=MOUNT,
    )
    process = balancer(text)
    config = BEFORE.format(port=process.port, options="send-proxy-v2")
    before = peers.haproxy(config.replace("mode http", "mode tcp"))
    context = ssl._create_unverified_context()
    assert ask(before.port, 2, context) == [f"{CLIENT} 1 {CLIENT} https"] * 2


def test_tls_that_ended_at_haproxy_is_known(balancer: Starts, peers: Peers, tmp_path: Path) -> None:
    """
    send-proxy-v2-ssl: members are told https, although the balancer spoke plain HTTP.
    """
    pem = pem_file(tmp_path)
    member = peers.haproxy(MEMBER)
    text = BALANCER.format(
        member=member.port, version="v1", more="", scheme="http", listener="", mount=MOUNT
    )
    process = balancer(text)
    config = BEFORE.format(port=process.port, options="send-proxy-v2-ssl-cn")
    before = peers.haproxy(config.replace("PORT", f"PORT ssl crt {pem}"))
    context = ssl._create_unverified_context()
    assert ask(before.port, 1, context) == [f"{CLIENT} 127.0.0.1 {CLIENT} https"]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_checks_with_headers_both_ways(balancer: Starts, peers: Peers, version: str) -> None:
    """
    Checks begin with a header too: HAProxy's here, ours there.
    """
    member = peers.haproxy(MEMBER)
    more = "hcmethod=GET hcuri=/ hcinterval=100ms hcpasses=1"
    text = BALANCER.format(
        member=member.port, version=version, more=more, scheme="http", listener="", mount=MOUNT
    )
    process = balancer(text)
    options = "send-proxy-v2 check check-send-proxy inter 100 fall 1 rise 1"
    config = BEFORE.format(port=process.port, options=options)
    before = peers.haproxy(
        config.replace("listen before", "listen before\n    option httpchk GET /c")
    )
    assert process.record("/c")["client"] == "127.0.0.1"

    def answered() -> list[str]:
        # Until its check has passed it is HAProxy that answers: 503.
        with suppress(AssertionError):
            return ask(before.port)
        return []

    found = until(answered, "HAProxy's check passes")
    assert found == [f"{CLIENT} 127.0.0.1 {CLIENT} http"]
    assert "down" not in process.log()


def test_others_cannot_send_headers(balancer: Starts, peers: Peers) -> None:
    """
    Who is not listed is served without one, and refused with one.
    """
    member = peers.haproxy(MEMBER)
    text = BALANCER.format(
        member=member.port, version="v1", more="", scheme="http", listener="", mount=MOUNT
    )
    process = balancer(text)
    assert ask(process.port) == [f"{CLIENT} 127.0.0.1 {CLIENT} http"]
    config = BEFORE.format(port=process.port, options="send-proxy source 127.0.0.8")
    before = peers.haproxy(config)
    with closing(http.client.HTTPConnection("127.0.0.1", before.port, timeout=10)) as connection:
        connection.request("GET", "/")
        with connection.getresponse() as answer:
            assert answer.status in (400, 502)
