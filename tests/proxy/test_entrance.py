"""
What a listener does before it looks for a mount: identity of clients, the way to https:, HSTS.
"""

from __future__ import annotations

import pytest

from tests.proxy.rigs import OK, check_rest
from txbalancer.core.request import Peer
from txbalancer.http1.limits import Limits
from txbalancer.http1.lines import NOT_IN_TRAILERS
from txbalancer.http1.requests import parse_request
from txbalancer.proxy import entrance
from txbalancer.proxy.entrance import identifying, identity_of
from txbalancer.testing import MemoryRig

CONFIGURATION = """
[listener:web]
endpoint = tcp:80
{options}
[balancer:shop]
members = http://10.0.0.1
[mount:/]
to = balancer://shop/
"""


def ask(options: str, request: bytes) -> bytes:
    """
    Return the answer of a listener that asks no member.
    """
    rig = MemoryRig(CONFIGURATION.format(options=options))
    client = rig.client()
    client.send(request)
    answer = client.taken()
    check_rest(rig)
    return answer


@pytest.mark.parametrize(
    ("request_line", "host", "option", "status", "location"),
    [
        (b"GET /a?b=c", b"shop.test", "On", 301, b"https://shop.test/a?b=c"),
        (b"HEAD /a", b"shop.test:8080", "On", 301, b"https://shop.test/a"),
        (b"POST /a", b"shop.test", "On", 308, b"https://shop.test/a"),
        (b"GET /", b"shop.test", "8443", 301, b"https://shop.test:8443/"),
        (b"GET /", b"[::1]:80", "On", 301, b"https://[::1]/"),
        (b"GET /", b"[::1]", "8443", 301, b"https://[::1]:8443/"),
        (b"GET http://other.test/x?y", b"shop.test", "On", 301, b"https://other.test/x?y"),
        (b"OPTIONS *", b"shop.test", "On", 308, b"https://shop.test/"),
    ],
)
def test_the_way_to_https(request_line, host, option, status, location) -> None:
    """
    Every request is answered with its own URL under https:, the method kept unless it is GET.
    """
    text = request_line + b" HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"
    answer = ask(f"redirect-to-https = {option}", text)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"\r\nLocation: " + location + b"\r\n" in answer


def test_a_client_without_a_host_is_led_to_the_listeners_name() -> None:
    """
    HTTP/1.0 may come without Host.
    """
    answer = ask("redirect-to-https = On\nserver-name = me.test", b"GET /a HTTP/1.0\r\n\r\n")
    assert b"\r\nLocation: https://me.test/a\r\n" in answer


def test_without_tls_hsts_is_not_said() -> None:
    """
    RFC 6797 7.2: not over a connection in the clear.
    """
    rig = MemoryRig(CONFIGURATION.format(options="hsts = 1d"))
    client = rig.client()
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    rig.accept().send(OK)
    assert b"trict-" not in client.taken()


@pytest.mark.parametrize(
    ("line", "times"),
    [(b"", 1), (b"Strict-Transport-Security: max-age=1\r\n", 1), (b"strict-transport-x: 1\r\n", 1)],
)
def test_hsts_is_said_once(line, times) -> None:
    """
    It is added to each answer, unless the member has said it.
    """
    rig = MemoryRig(CONFIGURATION.format(options=""))
    rig.site.secure, rig.site.hsts = True, b"Strict-Transport-Security: max-age=86400"
    client = rig.client()
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    rig.accept().send(OK.replace(b"\r\n\r\n", b"\r\n" + line + b"\r\n"))
    answer = client.taken()
    assert answer.lower().count(b"strict-transport-security:") == times
    assert (b"max-age=1\r\n" in answer) is (b"max-age=1\r\n" in line)


def peer(**told: bytes) -> Peer:
    """
    Make a client under TLS of whom this is known.
    """
    made = Peer("192.0.2.1", secure=True)
    made.tls = told.get
    return made


def head(*lines: bytes):
    """
    Make the head of a request.
    """
    return parse_request(
        b"\r\n".join((b"GET / HTTP/1.1", b"Host: a", *lines)), Limits(underscores="keep")
    )


@pytest.mark.parametrize("tells", [False, True])
def test_claims_of_clients_are_dropped(tells) -> None:
    """
    Whatever begins like our own headers is taken out, also with underscores; what is true
    takes its place where the listener says so.
    """
    seen = []
    begin = identifying(tells, lambda channel, head: seen.append(head))
    request = head(
        b"X-SSL-Client-Verify: SUCCESS",
        b"x-ssl-client-anything: 1",
        b"X_SSL_CLIENT_S_DN: CN=root",
        b"X-SSL-Clients: stay",
        b"X-SSL: stay",
    )
    request.peer = peer(SSL_CLIENT_VERIFY=b"NONE")
    begin(None, request)
    lines = [b"X-SSL-Clients: stay", b"X-SSL: stay"]
    assert seen[0].lines == lines + ([b"X-SSL-Client-Verify: NONE"] if tells else [])


def test_what_members_are_told() -> None:
    """
    Only what there is, and nothing that would be another line.
    """
    found = identity_of(
        peer(
            SSL_CLIENT_VERIFY=b"SUCCESS",
            SSL_CLIENT_S_DN=b"CN=a\r\nX-Evil: 1",
            SSL_CLIENT_M_SERIAL=b"0A",
        )
    )
    assert found == [
        b"X-SSL-Client-Verify: SUCCESS",
        b"X-SSL-Client-S-DN: CN=a  X-Evil: 1",
        b"X-SSL-Client-M-Serial: 0A",
    ]
    assert identity_of(Peer("192.0.2.1")) == [b"X-SSL-Client-Verify: NONE"]


def test_what_is_said_of_certificates_is_not_said_in_trailers() -> None:
    """
    Some members put trailers among the headers.
    """
    said = {start.partition(b":")[0].lower() for start, _ in entrance._TOLD}
    assert said <= NOT_IN_TRAILERS
