"""
Requests that come through trusted proxies: where the client they tell of is seen.
"""

from __future__ import annotations

import pytest

from tests.proxy.h2.ends import Browser
from txbalancer.control.logformat import compile_format
from txbalancer.http2.frames import HEADERS, frame
from txbalancer.net.proxyprotocol import parse
from txbalancer.testing import MemoryRig

CONFIGURATION = """
[listener:web]
endpoint = tcp:80
trusted-proxies = 192.0.2.0/24
{listener}
[balancer:shop]
lbmethod = hash
members =
    http://10.0.0.1 {more}
    http://10.0.0.2 {more}
[mount:/local]
to = status:204
require = local
[mount:/own]
to = status:204
require = ip 198.51.100.7
[mount:/]
to = balancer://shop/
forwarded = on
"""
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def get(*lines, path=b"/"):
    return b"\r\n".join((b"GET %b HTTP/1.1" % path, b"Host: a", *lines, b"", b""))


@pytest.fixture
def rig():
    return MemoryRig(CONFIGURATION.format(listener="", more=""))


def asked(rig, proxy, *lines):
    """
    Send a request through the proxy; returns what the member gets.
    """
    proxy.send(get(*lines))
    member = rig.accept()
    head = member.taken()
    member.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
    return head


def test_members_are_told_of_the_client(rig):
    """
    As if it had come here; what it wrote itself stays to the left.
    """
    proxy = rig.client()
    head = asked(rig, proxy, b"X-Forwarded-For: junk, 198.51.100.7", b"X-Forwarded-Proto: https")
    assert b"\r\nX-Forwarded-For: junk, 198.51.100.7\r\n" in head
    assert b"\r\nX-Forwarded-Proto: https\r\n" in head
    assert b"\r\nForwarded: for=198.51.100.7;host=a;proto=https\r\n" in head


@pytest.mark.parametrize(
    ("option", "header"),
    [
        ("", b"X-Forwarded-For: 198.51.100.7"),
        ("trusted-header = Forwarded", b"Forwarded: for=198.51.100.7"),
        ("trusted-header = X-Real-IP", b"X-Real-IP: 198.51.100.7"),
    ],
)
def test_connection_does_not_drop_what_a_proxy_said(option, header):
    """
    A proxy that passes on its client's Connection is believed all the same; what else that names
    is dropped.
    """
    rig = MemoryRig(CONFIGURATION.format(listener=option, more=""))
    names = b"Connection: %b, X-Forwarded-Proto, X-Own" % header.partition(b":")[0]
    https = b"X-Forwarded-Proto: https"
    head = asked(rig, rig.client(), names, header, https, b"X-Own: 1")
    assert [each.peer.client for each in rig.outcomes] == ["198.51.100.7"]
    assert b"\r\nX-Forwarded-For: 198.51.100.7\r\n" in head
    assert b"X-Own" not in head
    proto = b"http" if option.endswith("Forwarded") else b"https"
    assert b"\r\nForwarded: for=198.51.100.7;host=a;proto=%b\r\n" % proto in head


def test_connection_does_not_drop_identities(rig):
    """
    What a proxy says of a client's certificate reaches the member, whatever Connection names.
    """
    verified = b"X-SSL-Client-Verify: NONE"
    head = asked(rig, rig.client(), b"Connection: x-ssl-client-verify", verified)
    assert b"\r\n%b\r\n" % verified in head


def test_streams_have_no_connection_to_drop_it_by():
    """
    HTTP/2 knows no Connection: a request with it is malformed (RFC 9113 8.2.2), one without is
    its proxy's client's.
    """
    rig = MemoryRig(CONFIGURATION.format(listener="h2c = on", more=""))
    proxy = Browser(rig)
    names = b"\x00\x0aconnection\x0fx-forwarded-for"
    proxy.ask("/own", b"x-forwarded-for: 198.51.100.7")
    assert proxy.status(1) == 204
    proxy.raw(frame(HEADERS, 5, 3, b"\x82\x86\x44\x04/own\x41\x01a" + names))
    assert [each.peer.client for each in rig.outcomes] == ["198.51.100.7", "192.0.2.1"]
    assert [each.reason for each in rig.outcomes] == ["ok", "malformed"]


def test_each_request_of_a_connection_has_its_own_client(rig):
    """
    A proxy sends many clients' requests on one connection.
    """
    proxy = rig.client()
    for number in (1, 2, 1):
        client = b"198.51.100.%d" % number
        head = asked(rig, proxy, b"X-Forwarded-For: " + client)
        assert b"\r\nX-Forwarded-For: %b\r\n" % client in head
    assert b"X-Forwarded-For: 192.0.2.1\r\n" in asked(rig, proxy)
    assert [each.peer.client for each in rig.outcomes] == [
        "198.51.100.1",
        "198.51.100.2",
        "198.51.100.1",
        "192.0.2.1",
    ]


def test_rules_are_about_the_client(rig):
    """
    require sees it; that of local never holds for somebody behind a proxy.
    """
    proxy = rig.client()
    for path, client, status in (
        (b"/own", b"198.51.100.7", b"204"),
        (b"/own", b"198.51.100.8", b"403"),
        (b"/local", b"127.0.0.1", b"403"),
        (b"/local", b"192.0.2.254", b"403"),
    ):
        proxy.send(get(b"X-Forwarded-For: " + client, path=path))
        assert proxy.taken().split(b" ")[1] == status, (path, client)


def test_elections_by_source_are_by_client(rig):
    """
    Clients of one proxy are spread, and each keeps its member.
    """
    proxy = rig.client()
    chosen = {}
    for _ in range(2):
        for number in range(16):
            asked(rig, proxy, b"X-Forwarded-For: 198.51.100.%d" % number)
            chosen.setdefault(number, set()).add(rig.outcomes[-1].member)
    assert all(len(each) == 1 for each in chosen.values())
    assert len(set.union(*chosen.values())) == 2


def test_the_log_has_both(rig):
    """
    %a is the client, %{c}a who is connected.
    """
    proxy = rig.client()
    asked(rig, proxy, b"X-Forwarded-For: 198.51.100.7:5555")
    asked(rig, proxy)
    line = compile_format("%h %a %{remote}p %{c}a")
    assert [line(each) for each in rig.outcomes] == [
        b"198.51.100.7 198.51.100.7 5555 192.0.2.1\n",
        b"192.0.2.1 192.0.2.1 40000 192.0.2.1\n",
    ]


def test_a_client_in_front_is_not_believed():
    """
    Only proxies that are listed are.
    """
    rig = MemoryRig(CONFIGURATION.format(listener="", more="").replace("192.0.2.0/24", "10.0.0.1"))
    head = asked(rig, rig.client(), b"X-Forwarded-For: 198.51.100.7", b"X-Forwarded-Proto: https")
    assert b"\r\nX-Forwarded-For: 198.51.100.7, 192.0.2.1\r\n" in head
    assert b"\r\nX-Forwarded-Proto: http\r\n" in head


def test_a_reload_can_change_whom_to_believe(rig):
    """
    It counts from the next request on.
    """
    proxy = rig.client()
    asked(rig, proxy, b"X-Forwarded-For: 198.51.100.7")
    text = CONFIGURATION.format(listener="", more="").replace("trusted-proxies = 192.0.2.0/24", "")
    rig.site.configure(MemoryRig(text).spec.listeners[0])
    asked(rig, proxy, b"X-Forwarded-For: 198.51.100.7")
    assert [each.peer.client for each in rig.outcomes] == ["198.51.100.7", "192.0.2.1"]


def test_a_member_with_sendproxy_gets_a_connection_for_each_request():
    """
    The next request may be of another client, whom the header would not name.
    """
    rig = MemoryRig(CONFIGURATION.format(listener="", more="sendproxy=v1"))
    proxy = rig.client()
    for number in (1, 2, 2):
        proxy.send(get(b"X-Forwarded-For: 198.51.100.%d" % number))
        member = rig.accept()
        header, _ = parse(member.taken())
        assert header.source == (f"198.51.100.{number}", 0)
        member.send(OK)
        assert member.ended
        assert proxy.taken().endswith(b"ok")
