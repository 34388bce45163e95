"""
What is sent to containers.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ajp.container import asked, body, packets
from txbalancer.ajp import codes, requests
from txbalancer.ajp.requests import Client, HeaderLines, attribute
from txbalancer.errors import ClientError

CLIENT = Client.of("192.0.2.1", 40000, "127.0.0.1")
names = st.from_regex(rb"[A-Za-z][A-Za-z0-9-]{0,20}", fullmatch=True)
values = st.binary(max_size=40).filter(lambda value: value.strip(b" \t") == value)


def made(
    method: bytes = b"GET",
    path: bytes = b"/",
    headers: tuple[bytes, ...] = (),
    attributes: tuple[bytes, ...] = (),
    client: Client = CLIENT,
    size: int = 8192,
    secure: bool = False,
) -> bytes:
    """
    Make a request.
    """
    lines = HeaderLines().encode(list(headers))
    if method not in codes.METHODS:
        attributes += (attribute(codes.METHOD, method),)
    start = requests.opening(method, b"HTTP/1.1")
    called = requests.service(b"shop.test", 80, secure)
    return requests.request(start, path, client, called, lines, attributes, size)


def test_a_plain_request() -> None:
    """
    It has what Apache 2.4.71 was seen to send, byte by byte.
    """
    expected = (
        b"\x02\x02\x00\x08HTTP/1.1\x00\x00\x0c/app/p%20q/x\x00\x00\t127.0.0.1\x00\xff\xff"
        b"\x00\t127.0.0.1\x00\x1bX\x00\x00\x03\xa0\x0b\x00\x0e127.0.0.1:7000\x00"
        b"\x00\x0fX-Forwarded-For\x00\x00\x079.9.9.9\x00\xa0\t\x00\x03a=b\x00"
        b"\x0c\x00\x05sesam\x00\x05\x00\x03y=1\x00"
        b"\n\x00\x0fAJP_REMOTE_PORT\x00\x00\x0538962\x00"
        b"\n\x00\x0eAJP_LOCAL_ADDR\x00\x00\t127.0.0.1\x00\xff"
    )
    lines = [b"Host: 127.0.0.1:7000", b"X-Forwarded-For: 9.9.9.9", b"Cookie: a=b"]
    packet = requests.request(
        requests.opening(b"GET", b"HTTP/1.1"),
        b"/app/p%20q/x",
        Client.of("127.0.0.1", 38962, "127.0.0.1"),
        requests.service(b"127.0.0.1", 7000, False),
        HeaderLines().encode(lines),
        (attribute(codes.SECRET, b"sesam"), attribute(codes.QUERY_STRING, b"y=1")),
        8192,
    )
    assert packets(packet) == [expected]


@given(
    st.sampled_from([*codes.METHODS, b"PATCH", b"STRANGE"]),
    st.binary(max_size=60),
    st.lists(st.tuples(names, values), max_size=8),
    st.booleans(),
)
def test_what_is_written_is_read(
    method: bytes, path: bytes, headers: list[tuple[bytes, bytes]], secure: bool
) -> None:
    """
    A container reads the very method, path, headers and client.
    """
    lines = tuple(name + b": " + value for name, value in headers)
    client = Client.of("2001:db8::1", 7, "")
    (payload,) = packets(made(method, path, lines, client=client, secure=secure))
    found = asked(payload)
    if found.method:
        assert found.method == method
    assert (found.path, found.address, found.secure) == (path, b"2001:db8::1", secure)
    assert [(name.lower(), value) for name, value in headers] == [
        (name.lower(), value) for name, value in found.headers
    ]
    assert found.attributes["AJP_REMOTE_PORT"] == b"7"
    assert "AJP_LOCAL_ADDR" not in found.attributes


def test_methods_have_apaches_numbers() -> None:
    """
    GET is 2, the last of them 27; others are told by name.
    """
    assert codes.METHODS[b"GET"] == 2
    assert codes.METHODS[b"MKACTIVITY"] == 27
    assert asked(packets(made(b"PATCH"))[0]).method == b"PATCH"


def test_a_head_that_does_not_fit_is_refused() -> None:
    """
    The packet's size counts with its own four bytes; the remedy is told.
    """
    base = len(made(path=b"/"))
    made(path=b"/" * (8192 - base + 1))
    with pytest.raises(ClientError, match="raise iobuffersize") as caught:
        made(path=b"/" * (8192 - base + 2))
    assert caught.value.status == 431
    made(path=b"/" * 20000, size=65536)


def test_pieces_of_a_body() -> None:
    """
    As much as fits into the size that was agreed on, and no more than a length can say.
    """
    assert requests.most_body(8192) == 8186
    assert requests.most_body(65536) == 65529
    assert [body(each) for each in packets(requests.body(b"abc") + requests.NO_MORE)] == [
        b"abc",
        b"",
    ]


def test_key_size() -> None:
    """
    The length of the TLS key is a number.
    """
    (payload,) = packets(made(attributes=(requests.key_size(256),)))
    assert asked(payload).attributes["key_size"] == b"256"


def test_lines_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A line is made once; when there are too many all are forgotten.
    """
    monkeypatch.setattr(requests, "_MOST_REMEMBERED", 300)
    lines = HeaderLines()
    first = lines.encode([b"A: 1"])
    assert lines.encode([b"A: 1"])[0] is first[0]
    for number in range(10):
        assert lines.encode([b"A: %d" % number]) == [requests.header(b"A: %d" % number)]
        assert len(lines._made) <= 4


def test_what_is_known_of_tls() -> None:
    """
    Cipher, key and certificate are told as by mod_ssl, as far as there are any.
    """
    known = {
        "SSL_CIPHER": b"TLS_AES_256_GCM_SHA384",
        "SSL_CIPHER_USEKEYSIZE": b"256",
        "SSL_PROTOCOL": b"TLSv1.3",
        "SSL_CLIENT_CERT": b"-----BEGIN CERTIFICATE-----",
    }
    (payload,) = packets(made(client=Client.of("a", 1, "", known.get), secure=True))
    found = asked(payload)
    assert found.secure
    assert found.attributes == {
        "0x7": b"-----BEGIN CERTIFICATE-----",
        "0x8": b"TLS_AES_256_GCM_SHA384",
        "key_size": b"256",
        "AJP_SSL_PROTOCOL": b"TLSv1.3",
        "AJP_REMOTE_PORT": b"1",
    }
    (payload,) = packets(made(client=Client.of("a", 1, "", {}.get)))
    assert set(asked(payload).attributes) == {"AJP_REMOTE_PORT"}


@pytest.mark.parametrize("size", [65534, 65535, 70000])
def test_no_length_is_told_wrong(size: int) -> None:
    """
    What no packet can hold is refused, wherever it stands.
    """
    with pytest.raises(ClientError):
        made(path=b"/" * size, size=65536)
    with pytest.raises(ClientError):
        made(headers=(b"A: " + b"b" * size,), size=65536)
