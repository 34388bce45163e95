"""
Clients that speak TLS to a plain port, or plain HTTP to one of TLS.
"""

from __future__ import annotations

import pytest
from OpenSSL import SSL
from twisted.logger import capturedLogs, formatEvent

from tests.integration.certificates import Authority
from tests.services.worlds import GET, World

CONFIGURATION = """
[txbalancer]
access-log = off
[listener:secure]
endpoint = tcp:443
mode = {mode}
tls-certificate = {pair.certificate}
tls-key = {pair.key}
{more}
[listener:web]
endpoint = tcp:80
h2c = {h2c}
[balancer:any]
members = {scheme}://10.0.0.1:9000
[mount:/]
to = status:204
[mount:any]
listener = secure
to = balancer://any{slash}
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """
    Return a certificate with its key.
    """
    return Authority(tmp_path_factory.mktemp("ca")).issue("shop.test")


def make(pair, more="", *, mode="http", h2c="off") -> World:
    """
    Start a service with a listener of each kind, and note its outcomes.
    """
    stream = mode == "tcp"
    scheme, slash = ("tcp", "") if stream else ("http", "/")
    text = CONFIGURATION.format(
        pair=pair, more=more, mode=mode, h2c=h2c, scheme=scheme, slash=slash
    )
    if not stream:
        text = text.replace("[mount:any]", "[mount:/any]")
    world = World(text).start()
    world.outcomes = []
    world.service.runtime.finish = world.outcomes.append
    return world


def told(logged) -> str:
    """
    Return the messages that are no matter of debugging.
    """
    return "\n".join(formatEvent(each) for each in logged if each["log_level"].name != "debug")


@pytest.mark.parametrize("http2", ["on", "off"])
@pytest.mark.parametrize("limit", ["", "max-connections = 1"])
def test_plain_http_to_a_port_of_tls(pair, http2, limit) -> None:
    """
    The client reads in plain HTTP where to go, and the connection ends; the listener's log and
    the access log say it, too. HSTS is not for answers without TLS (RFC 6797 7.2).
    """
    world = make(pair, f"http2 = {http2}\nhsts = 1h\n{limit}")
    with capturedLogs() as logged:
        client = world.client(443, GET)
        world.advance(0)
    answer = client.taken()
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"ask for https://shop.test/ instead." in answer
    assert b"Strict-Transport-Security" not in answer
    assert client.half_closed
    client.end()
    world.advance(0)
    assert client.ended == "closed"
    assert "listener secure: 192.0.2.1: no TLS: not-tls: plain HTTP" in told(logged)
    (outcome,) = world.outcomes
    assert (outcome.status, outcome.reason) == (400, "plain-on-tls")
    assert not outcome.peer.secure
    assert not world.service.listeners["secure"].site.channels


@pytest.mark.parametrize(
    "request_", [b"DELETE /x HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: <b>\r\n\r\n"]
)
def test_whom_a_client_wants_may_not_be_known(pair, request_) -> None:
    """
    Any method is known for one; a host that is missing or odd is not repeated.
    """
    answer = make(pair).client(443, request_).taken()
    assert b"ask for an https:// URL instead." in answer


def test_a_body_does_not_keep_the_answer_from_being_read(pair) -> None:
    """
    What the client still sends is read for a while; who never stops is cut off.
    """
    world = make(pair)
    client = world.client(443, b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n")
    assert client.taken().startswith(b"HTTP/1.1 400 ")
    client.send(b"x" * 100_000)
    world.advance(4)
    assert not client.ended
    world.advance(2)
    assert client.ended


@pytest.mark.parametrize(
    "data", [b"\x00" * 20, b"hello there everybody\r\n\r\n", b"GET" + bytes(9)]
)
def test_what_is_no_request_gets_no_answer_in_http(pair, data) -> None:
    """
    Neither TLS nor HTTP.
    """
    client = make(pair).client(443, data)
    assert b"HTTP" not in client.taken()


def test_a_listener_of_connections_has_no_answer_in_http(pair) -> None:
    """
    In C{mode = tcp} nobody can tell what clients speak; the log has a guess.
    """
    world = make(pair, mode="tcp")
    with capturedLogs() as logged:
        client = world.client(443, GET)
        world.advance(0)
    assert b"HTTP" not in client.taken()
    assert client.ended == "closed"
    assert "not-tls: plain HTTP" in told(logged)


@pytest.mark.parametrize("h2c", ["on", "off"])
@pytest.mark.parametrize("size", [3, 1000])
def test_tls_to_a_plain_port(pair, h2c, size) -> None:
    """
    The log and the access log call it by its name, however little has come.
    """
    hello = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), None)
    hello.set_connect_state()
    with pytest.raises(SSL.WantReadError):
        hello.do_handshake()
    world = make(pair, h2c=h2c)
    with capturedLogs() as logged:
        client = world.client(80, hello.bio_read(1 << 16)[:size])
        world.advance(0)
    assert client.taken().startswith(b"HTTP/1.1 400 ")
    assert [each.reason for each in world.outcomes] == ["tls-on-plain"]
    assert "web: 192.0.2.1: 400: TLS to a plain port" in told(logged)
