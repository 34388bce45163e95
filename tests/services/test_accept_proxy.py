"""
Listeners that clients reach through proxies which send PROXY headers.
"""

from __future__ import annotations

import struct

import pytest
from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.logger import formatEvent, globalLogPublisher

from tests.integration.certificates import Authority
from tests.services.worlds import GET, OK, World
from txbalancer.net.proxyprotocol import LOCAL, ProxyHeader, build_v1, build_v2
from txbalancer.net.proxytlv import SSL, write_tlv
from txbalancer.testing import MemoryTransport

CONFIGURATION = """
[txbalancer]
access-log = off
graceful-timeout = 10s
[listener:web]
endpoint = tcp:80
accept-proxy = 198.51.100.0/24 unix
head-timeout = 3s
{more}
[balancer:shop]
members =
    http://10.0.0.1
[mount:/here]
to = metrics:
require = local
[mount:/]
to = balancer://shop/
"""
HEADER = ProxyHeader(("203.0.113.7", 4711), ("203.0.113.1", 443))
V1, V2 = build_v1(HEADER), build_v2(HEADER, checksum=True)


@pytest.fixture
def world():
    made = World(CONFIGURATION.format(more="")).start()
    made.outcomes = []
    made.service.runtime.finish = made.outcomes.append
    return made


@pytest.fixture
def logged():
    """
    Return what gives the messages so far.
    """
    events = []
    globalLogPublisher.addObserver(events.append)
    yield lambda: "\n".join(filter(None, map(formatEvent, events)))
    globalLogPublisher.removeObserver(events.append)


def connect(world, host="198.51.100.9"):
    """
    Connect somebody; no host is a unix socket.
    """
    address = IPv4Address("TCP", host, 40000) if host else UNIXAddress(None)
    protocol = world.reactor.open[80].buildProtocol(address)
    return MemoryTransport(world.reactor, protocol, address)


def asked(world):
    """
    Return the head that the member gets, and let it answer.
    """
    member = world.accept()
    head = member.taken()
    member.send(OK)
    return head


@pytest.mark.parametrize("header", [V1, V2])
@pytest.mark.parametrize("host", ["198.51.100.9", ""])
def test_the_client_is_whom_the_header_names(world, header, host):
    """
    Members, rules and records see the client; the proxy is known beside it.
    """
    proxy = connect(world, host)
    proxy.send(header + GET)
    assert b"\r\nX-Forwarded-For: 203.0.113.7\r\n" in asked(world)
    assert proxy.taken().endswith(b"\r\n\r\nok")
    (outcome,) = world.outcomes
    assert (outcome.peer.client, outcome.peer.port) == ("203.0.113.7", 4711)
    assert outcome.peer.through == host


@pytest.mark.parametrize("header", [V1, V2])
def test_it_does_not_matter_how_the_bytes_come(world, header):
    """
    A header may come byte by byte, and the request in the same piece as its end.
    """
    proxy = connect(world)
    for place in range(len(header)):
        proxy.send(header[place : place + 1])
        assert not world.openings()
    proxy.send(GET)
    assert b"X-Forwarded-For: 203.0.113.7\r\n" in asked(world)


def test_further_requests_need_no_header(world):
    """
    The header stands once at the beginning of a connection.
    """
    proxy = connect(world)
    proxy.send(V1 + GET)
    member = world.accept()
    member.send(OK)
    member.taken()
    proxy.send(GET)
    assert b"X-Forwarded-For: 203.0.113.7\r\n" in member.taken()
    member.send(OK)
    proxy.send(V1 + b"\r\n")
    assert b" 400 " in proxy.taken()


def test_a_check_of_the_proxys_own_is_the_proxys(world):
    """
    LOCAL: nobody's connection is passed on.
    """
    proxy = connect(world)
    proxy.send(build_v2(LOCAL) + GET)
    assert b"X-Forwarded-For: 198.51.100.9\r\n" in asked(world)
    assert world.outcomes[0].peer.through is None


def test_tls_at_the_proxy_is_said_to_members(world):
    """
    The client came under TLS, whatever is spoken behind the proxy.
    """
    inner = write_tlv(0x21, b"TLSv1.3") + write_tlv(0x22, b"anna")
    tls = struct.pack("!BI", 7, 0) + inner
    header = ProxyHeader(HEADER.source, HEADER.destination, tlvs=((SSL, tls), (2, b"a.test")))
    proxy = connect(world)
    proxy.send(build_v2(header) + GET)
    assert b"\r\nX-Forwarded-Proto: https\r\n" in asked(world)
    assert world.outcomes[0].peer.facts == {
        "proxy-tls-version": b"TLSv1.3",
        "proxy-tls-name": b"anna",
        "proxy-authority": b"a.test",
    }


def test_a_name_that_was_not_verified_is_not_told(world):
    """
    Only a certificate that the proxy found good says who the client is.
    """
    tls = struct.pack("!BI", 3, 1) + write_tlv(0x22, b"anna")
    proxy = connect(world)
    header = ProxyHeader(HEADER.source, HEADER.destination, tlvs=((SSL, tls),))
    proxy.send(build_v2(header) + GET)
    asked(world)
    assert world.outcomes[0].peer.facts == {"proxy-tls-version": b"TLS"}


def test_others_are_served_as_they_are(world):
    """
    Who is not listed needs no header.
    """
    client = connect(world, "192.0.2.1")
    client.send(GET)
    assert b"X-Forwarded-For: 192.0.2.1\r\n" in asked(world)


@pytest.mark.parametrize("header", [V1, V2])
def test_a_header_of_others_is_a_bad_request(world, header):
    """
    Nobody but the listed can say that he is somebody else.
    """
    client = connect(world, "192.0.2.1")
    client.send(header + GET)
    assert b" 400 " in client.taken()
    assert not world.openings()


@pytest.mark.parametrize("junk", [GET, b"\x16\x03\x01\x02\x00", V2[:12] + b"\x41\x11\0\0"])
def test_listed_ones_must_send_it(world, junk, logged):
    """
    A request without a header would be the proxy's own: it is refused, and the log says why.
    """
    proxy = connect(world)
    proxy.send(junk)
    assert proxy.ended == "aborted"
    assert not proxy.taken()
    assert "198.51.100.9 is in accept-proxy but sent" in logged()
    assert world.service.listeners["web"].view().refused == {"proxy-header": 1}


def test_the_header_has_its_time(world, logged):
    """
    It is sent at once by whoever sends it.
    """
    proxy = connect(world)
    proxy.send(V1[:9])
    world.advance(2.5)
    assert not proxy.ended
    world.advance(1)
    assert proxy.ended == "aborted"
    assert "no PROXY header within 3 s" in logged()


def test_who_only_looks_whether_we_are_there_is_no_fault(world, logged):
    """
    A check by connection ends without a header and without a message.
    """
    proxy = connect(world)
    proxy.end()
    assert proxy.lost
    assert not logged()
    assert not world.service.listeners["web"]._proxied.waiting


@pytest.mark.parametrize("more", ["", "h2c = on"])
def test_what_was_read_behind_the_header_waits_for_its_turn(more):
    """
    max-connections holds for the request that came with the header.
    """
    world = World(CONFIGURATION.format(more=f"max-connections = 1\n{more}")).start()
    first = connect(world)
    first.send(V1)
    second = connect(world)
    second.send(V1 + GET)
    assert not world.openings()
    first.end()
    world.reactor.advance(0)
    assert asked(world)
    assert second.taken().endswith(b"ok")


def test_a_client_elsewhere_is_not_local(world):
    """
    Its address may be 127.0.0.1: that of another machine.
    """
    for client, status in (("127.0.0.1", b"403"), ("203.0.113.1", b"403")):
        proxy = connect(world)
        header = ProxyHeader((client, 1), HEADER.destination)
        proxy.send(build_v1(header) + b"GET /here HTTP/1.1\r\nHost: a\r\n\r\n")
        assert proxy.taken().split(b" ")[1] == status


def test_a_reload_counts_for_new_connections(world):
    """
    With accept-proxy gone a header is a bad request; who has sent one goes on.
    """
    before = connect(world)
    before.send(V1)
    late = connect(world)
    text = CONFIGURATION.format(more="").replace("accept-proxy = 198.51.100.0/24 unix", "")
    world.reload(text)
    after = connect(world)
    after.send(V1 + GET)
    assert b" 400 " in after.taken()
    late.send(V1)
    before.send(GET)
    assert b"X-Forwarded-For: 203.0.113.7\r\n" in asked(world)


def test_a_stop_closes_those_that_have_said_nothing(world):
    """
    They are not in progress, so nobody waits for them.
    """
    proxy = connect(world)
    world.service.stopService()
    world.reactor.advance(0)
    assert proxy.ended == "closed"


@pytest.mark.parametrize("header", [V1, V2])
@pytest.mark.parametrize(
    ("host", "name"), [("192.0.2.66", "192.0.2.66"), ("", "a unix socket's client")]
)
def test_a_header_of_somebody_who_is_not_listed_is_told(logged, header, host, name):
    """
    The log names who sent it and the option, once a minute; the request is bad as ever.
    """
    world = World(CONFIGURATION.replace(" unix", "").format(more="")).start()
    for _ in range(3):
        proxy = connect(world, host)
        proxy.send(header)
        proxy.send(GET)
        assert b" 400 " in proxy.taken()
    text = f"listener web: {name} sent a PROXY header but is not in accept-proxy"
    assert logged().count(text) == 1
    world.advance(61)
    connect(world, host).send(header + GET)
    assert f"{text} (and 2 more like it)" in logged()


@pytest.mark.parametrize("header", [V1, V2])
def test_under_tls_it_is_told_as_well(tmp_path, logged, header):
    """
    The header is no handshake; that it is one is said instead of OpenSSL's words.
    """
    pair = Authority(tmp_path).issue("lb.test")
    more = f"tls-certificate = {pair.certificate}\ntls-key = {pair.key}"
    world = World(CONFIGURATION.format(more=more)).start()
    connect(world, "192.0.2.66").send(header + b"\x16\x03\x01")
    world.advance(0.1)
    text = "listener web: 192.0.2.66 sent a PROXY header but is not in accept-proxy"
    assert logged().count(text) == 1
    assert "no TLS" not in logged()


def test_other_bad_requests_tell_of_no_header(world, logged):
    """
    Neither what is just bad, nor a header where one was before, is anything to be listed.
    """
    connect(world, "192.0.2.66").send(b"PROXIED / HTTP\r\n\r\n")
    proxy = connect(world)
    proxy.send(V1 + V1 + GET)
    assert b" 400 " in proxy.taken()
    assert "accept-proxy" not in logged()
