"""
Who the client is when trusted proxies tell of it.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.core.request import Peer
from txbalancer.core.specs import ListenerSpec
from txbalancer.core.trust import Trust
from txbalancer.http1.limits import Limits
from txbalancer.http1.requests import parse_request

PROXY = Peer("10.0.0.1", 4000, "web")


def listener(**more):
    return ListenerSpec("web", **({"trusted_proxies": ("10.0.0.0/8", "2001:db8::/32")} | more))


def head(*lines):
    return parse_request(b"\r\n".join((b"GET / HTTP/1.1", b"Host: a.test", *lines)), Limits())


def believed(*lines, peer=PROXY, **more):
    """
    Return who is believed to be the client, and the head that is left.
    """
    request = head(*lines)
    return Trust(listener(**more)).believe(request, peer), request


@pytest.mark.parametrize(
    ("value", "client", "rest"),
    [
        (b"192.0.2.1", "192.0.2.1", None),
        (b"198.51.100.1, 192.0.2.1", "192.0.2.1", b"198.51.100.1"),
        (b"192.0.2.1, 10.1.1.1,10.2.2.2", "192.0.2.1", None),
        (b"evil, 192.0.2.1 , 10.1.1.1", "192.0.2.1", b"evil"),
        (b"10.3.3.3, 10.1.1.1", "10.3.3.3", None),
        (b"192.0.2.1, unknown, 10.1.1.1", "10.1.1.1", b"192.0.2.1, unknown"),
        (b"192.0.2.1:81", "192.0.2.1", None),
        (b"2001:db9::1", "2001:db9::1", None),
        (b"[2001:DB9::1]", "2001:db9::1", None),
        (b"[2001:db9::1]:443, [2001:db8::1]:1", "2001:db9::1", None),
        (b"::ffff:192.0.2.1", "192.0.2.1", None),
    ],
)
def test_the_first_that_is_no_proxy_from_the_right(value, client, rest):
    """
    What was believed is taken out of the header; what is left of it stays.
    """
    peer, request = believed(b"X-Forwarded-For: " + value)
    assert peer.client == client
    assert peer.through == "10.0.0.1"
    assert peer.listener == "web"
    assert request.header(b"x-forwarded-for") == rest


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"192.0.2.1,",
        b"unknown",
        b"192.0.2.256",
        b"192.0.2.1:65536",
        b"192.0.2.1:",
        b"192.0.2.01",
        b"[192.0.2.1]",
        b"2001:db9::1:443:1:1:1:1:1",
        b"fe80::1%eth0",
        b"shop.test",
        b"192.0.2.1, 10.0.0.1 10.0.0.2",
    ],
)
def test_junk_is_never_believed(value):
    """
    Then the client is who is connected, and the header stays as it came.
    """
    peer, request = believed(b"X-Forwarded-For: " + value)
    assert peer is PROXY
    assert request.header(b"x-forwarded-for") == value


def test_nobody_else_is_believed():
    """
    A client may write what it likes.
    """
    client = Peer("192.0.2.9")
    peer, request = believed(
        b"X-Forwarded-For: 198.51.100.1", b"X-Forwarded-Proto: https", peer=client
    )
    assert peer is client
    assert not peer.secure
    assert request.header(b"x-forwarded-for") == b"198.51.100.1"


def test_several_lines_are_one_list():
    """
    A proxy may add a line instead of lengthening one.
    """
    peer, request = believed(b"X-Forwarded-For: 1.1.1.1, 192.0.2.1", b"X-Forwarded-For: 10.9.9.9")
    assert peer.client == "192.0.2.1"
    assert request.header(b"x-forwarded-for") == b"1.1.1.1"


def test_there_is_an_end_to_it():
    """
    A chain of more hops than anybody has is not followed to its end.
    """
    value = b"192.0.2.1" + b", 10.0.0.2" * 1000
    peer, _ = believed(b"X-Forwarded-For: " + value)
    assert peer.client == "10.0.0.2"


def test_only_the_header_that_was_named_is_read():
    """
    Proxies append to one header; another would be the client's own.
    """
    peer, _ = believed(b"Forwarded: for=192.0.2.1", b"X-Real-IP: 192.0.2.2")
    assert peer is PROXY


@pytest.mark.parametrize("rest", [None, b"junk"])
def test_a_header_of_another_name(rest):
    """
    It leaves the lines that go on, but for what is left of it.
    """
    value = b"192.0.2.1" if rest is None else rest + b", 192.0.2.1"
    peer, request = believed(
        b"Accept: x", b"X-Client-IP: " + value, b"X-Other: y", trusted_header="x-client-ip"
    )
    assert peer.client == "192.0.2.1"
    assert request.header(b"x-client-ip") == rest
    kept = [b"Accept: x", b"X-Other: y"]
    assert request.lines == kept + ([] if rest is None else [b"X-Client-Ip: junk"])


@pytest.mark.parametrize(
    ("client", "told"),
    [
        ("192.168.1.1", "10.0.0.1"),
        ("127.0.0.1", "10.0.0.1"),
        ("fd00::1", "10.0.0.1"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db9::1", "2001:db9::1"),
    ],
)
def test_private_addresses_of_external_proxies(client, told):
    """
    Such an address would be that of another network (mod_remoteip).
    """
    peer, _ = believed(
        b"X-Forwarded-For: " + client.encode(),
        trusted_proxies=(),
        external_proxies=("10.0.0.1",),
    )
    assert peer.client == told


def test_external_and_internal_proxies_in_one_chain():
    """
    An internal proxy is believed of any address, the external one before it of public ones.
    """
    more = {"trusted_proxies": ("10.0.0.0/8",), "external_proxies": ("203.0.113.5",)}
    value = b"X-Forwarded-For: %b, 203.0.113.5, 10.4.4.4"
    assert believed(value % b"192.0.2.1", **more)[0].client == "192.0.2.1"
    assert believed(value % b"192.168.0.1", **more)[0].client == "203.0.113.5"


@pytest.mark.parametrize(
    ("proto", "before", "secure"),
    [
        (b"https", False, True),
        (b"HTTPS", False, True),
        (b"http", True, False),
        (b"https, http", False, False),
        (b"ftp", True, True),
        (b"", True, True),
    ],
)
def test_the_scheme_that_a_trusted_proxy_tells(proto, before, secure):
    """
    One word counts; anything else is what the connection itself is.
    """
    connected = Peer("10.0.0.1", secure=before)
    lines = (b"X-Forwarded-For: 192.0.2.1", b"X-Forwarded-Proto: " + proto)
    assert believed(*lines, peer=connected)[0].secure is secure
    assert believed(*lines, peer=connected, trusted_proto=False)[0].secure is before


def test_the_scheme_alone_is_believed_too():
    """
    Without an address the client is the proxy itself, under TLS.
    """
    peer, _ = believed(b"X-Forwarded-Proto: https")
    assert (peer.client, peer.port, peer.secure) == ("10.0.0.1", 4000, True)


@pytest.mark.parametrize(
    ("value", "client", "rest"),
    [
        (b"for=192.0.2.1", "192.0.2.1", None),
        (b'For="192.0.2.1:81";proto=https', "192.0.2.1", None),
        (b'for="[2001:db9::1]:81"; by=_x ;', "2001:db9::1", None),
        (b"for=1.1.1.1, for=192.0.2.1;proto=http, for=10.1.1.1", "192.0.2.1", b"for=1.1.1.1"),
        (b'for=192.0.2.1;host="a,b\\"c", for=10.1.1.1', "192.0.2.1", None),
        # A quote that was left open takes nothing of what comes after it.
        (b'for="x, for=192.0.2.1', "192.0.2.1", b'for="x'),
        (b'x="\\, for="192.0.2.1"', "192.0.2.1", b'x="\\'),
    ],
)
def test_forwarded_is_read_from_the_right(value, client, rest):
    """
    With its quotes and parameters (RFC 7239 section 4).
    """
    peer, request = believed(b"Forwarded: " + value, trusted_header="Forwarded")
    assert peer.client == client
    assert request.header(b"forwarded") == rest


@pytest.mark.parametrize(
    "value",
    [
        b"for=unknown",
        b"for=_hidden",
        b"proto=https",
        b"for=192.0.2.1;for=192.0.2.2",
        b"for=192.0.2.1 by=x",
        b'for="192.0.2.1',
        b"192.0.2.1",
        b'for=192.0.2.1;host=",for=192.0.2.2"x',
        b'","' * 200,
        b"",
    ],
)
def test_junk_in_forwarded_is_never_believed(value):
    """
    Neither hidden names, nor what breaks the rules.
    """
    peer, _ = believed(b"Forwarded: " + value, trusted_header="forwarded")
    assert peer is PROXY


def test_the_scheme_in_forwarded_is_that_of_the_clients_own_element():
    """
    What proxies speak among each other does not matter, nor does X-Forwarded-Proto.
    """
    peer, _ = believed(
        b"Forwarded: for=192.0.2.1;proto=https, for=10.1.1.1;proto=http",
        b"X-Forwarded-Proto: http",
        trusted_header="forwarded",
    )
    assert peer.secure


@given(st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=60))
def test_whatever_a_client_writes_its_proxy_has_the_last_word(text):
    """
    Nothing before what a trusted proxy appended changes who is believed.
    """
    junk = text.encode("latin-1").strip()
    request = head()
    request.noted[b"x-forwarded-for"] = junk + b", 192.0.2.1"
    assert Trust(listener()).believe(request, PROXY).client == "192.0.2.1"
    request.noted[b"forwarded"] = junk + b", for=192.0.2.1"
    trust = Trust(listener(trusted_header="forwarded"))
    assert trust.believe(request, PROXY).client == "192.0.2.1"
    quoted = junk + b', for="192.0.2.1:80"'
    request.noted[b"forwarded"] = quoted
    assert trust.believe(request, PROXY).client == "192.0.2.1"
