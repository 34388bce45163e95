"""
PROXY headers, from bytes to values and back.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.net import proxytlv
from txbalancer.net.proxyprotocol import (
    LOCAL,
    UNKNOWN,
    V1_LONGEST,
    V2_LONGEST,
    V2_START,
    ProxyHeader,
    build_v1,
    build_v2,
    parse,
)
from txbalancer.net.proxytlv import BadProxyHeader, SSLFacts, crc32c, read_ssl, write_tlv

PORTS = st.integers(0, 65535)


def endpoints(version):
    plain = st.ip_addresses(v=version).filter(lambda each: not getattr(each, "ipv4_mapped", None))
    return st.tuples(plain.map(str), PORTS)


PAIRS = st.one_of(
    st.tuples(endpoints(4), endpoints(4)),
    st.tuples(endpoints(6), endpoints(6)),
)
PATHS = st.binary(max_size=108).filter(lambda path: not path.endswith(b"\0"))
TLVS = st.lists(st.tuples(st.sampled_from([1, 2, 4, 0x30, 0xE0, 0xEF]), st.binary(max_size=60)))
HEADERS = st.one_of(
    st.just(LOCAL),
    st.builds(
        lambda pair, datagram, tlvs: ProxyHeader(*pair, False, datagram, tuple(tlvs)),
        PAIRS | st.tuples(PATHS, PATHS),
        st.booleans(),
        TLVS,
    ),
)


@given(PAIRS, st.binary(max_size=20))
def test_a_line_of_version_1_is_read_as_it_was_written(pair, rest):
    """
    What follows the header is not part of it.
    """
    header = ProxyHeader(*pair)
    line = build_v1(header)
    assert len(line) <= V1_LONGEST
    assert parse(line + rest) == (header, len(line))


@given(HEADERS, st.booleans(), st.binary(max_size=20))
def test_a_header_of_version_2_is_read_as_it_was_written(header, checksum, rest):
    """
    With a checksum it says one thing more, the checksum.
    """
    made = build_v2(header, checksum)
    found, size = parse(made + rest)
    assert size == len(made)
    if checksum and not header.local:
        assert found.tlvs[0][0] == proxytlv.CRC32C
        found = replace(found, tlvs=found.tlvs[1:])
    assert found == header


@given(HEADERS | PAIRS.map(lambda pair: ProxyHeader(*pair)), st.sampled_from([build_v1, build_v2]))
def test_every_beginning_of_a_header_waits_for_more(header, build):
    """
    However it is cut, nothing is decided before the last byte.
    """
    made = build(header)
    assert all(parse(made[:size]) is None for size in range(len(made)))
    assert parse(made)[1] == len(made)


@given(st.binary(max_size=300) | st.builds(lambda tail: V2_START + tail, st.binary(max_size=300)))
def test_junk_is_refused_or_waited_for_but_never_more(data):
    """
    Whatever comes, the answer is a header, a wait or BadProxyHeader; a wait ends by itself.
    """
    try:
        found = parse(data)
    except BadProxyHeader:
        return
    if found is None:
        assert len(data) < V2_LONGEST
    else:
        assert 0 < found[1] <= len(data)


@given(HEADERS, st.data())
def test_one_changed_byte_is_found_by_the_checksum(header, data):
    """
    A header with a checksum is taken as it was sent, or not at all.
    """
    header = replace(header, local=False)
    made = bytearray(build_v2(header, checksum=True))
    place = data.draw(st.integers(16, len(made) - 1))
    made[place] ^= data.draw(st.integers(1, 255))
    try:
        found = parse(bytes(made))
    except BadProxyHeader:
        return
    # The type of the checksum's own TLV, or a length before it, made it something else.
    assert found is not None
    assert proxytlv.CRC32C not in dict(found[0].tlvs)


def test_the_example_of_a_line():
    """
    Section 2.1: addresses, then ports.
    """
    line = b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\nGET / HTTP/1.1\r\n"
    header, size = parse(line)
    assert header == ProxyHeader(("192.168.0.1", 56324), ("192.168.0.11", 443))
    assert line[size:] == b"GET / HTTP/1.1\r\n"


def test_addresses_of_ipv6_are_made_short():
    """
    One address has one spelling in logs and rules.
    """
    line = b"PROXY TCP6 2001:0DB8:0:0:0:0:0:1 ::1 1 2\r\n"
    assert parse(line)[0].source == ("2001:db8::1", 1)


def test_addresses_of_ipv4_within_ipv6_are_those_of_ipv4():
    """
    Rules and logs know a client by one address, whatever family its proxy has written.
    """
    line = b"PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n"
    assert parse(line)[0] == ProxyHeader(("192.0.2.7", 1), ("::1", 2))
    block = bytes.fromhex("0d0a0d0a000d0a515549540a21210024") + (
        IPv6Address("::ffff:192.0.2.7").packed + IPv6Address("::1").packed + b"\0\1\0\2"
    )
    assert parse(block)[0] == ProxyHeader(("192.0.2.7", 1), ("::1", 2))


@pytest.mark.parametrize(
    "line", [b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN ffff:f...f:ffff ffff 65535 65535\r\n"]
)
def test_an_unknown_client_has_no_addresses(line):
    """
    What follows UNKNOWN is to be ignored.
    """
    assert parse(line) == (UNKNOWN, len(line))


@pytest.mark.parametrize(
    "line",
    [
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
        b"PROXY TCP4 192.0.2.1  192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 ::1 ::1 1 2\r\n",
        b"PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n",
        b"PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY UNKNOWNS\r\n",
        b"PROXY UNKNOWN \n\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n",
        b"PROXY UNKNOWN" + b" " * 94 + b"\r\n",
        b"PROXY " + b"1" * 101,
        b"proxy TCP4",
        b"GET / HTTP/1.1\r\n",
        b"\r\n\r\n\x01",
    ],
)
def test_lines_that_are_none(line):
    """
    Nothing is guessed: one blank, one spelling of a number, one end of a line.
    """
    with pytest.raises(BadProxyHeader):
        parse(line)


def block(command=0x21, kind=0x11, body=b"\x7f\0\0\1\x7f\0\0\2\0\1\0\2", size=None):
    size = len(body) if size is None else size
    return V2_START + struct.pack("!BBH", command, kind, size) + body


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (block(command=0x11), "command 0x11"),
        (block(command=0x22), "command 0x22"),
        (block(kind=0x41), "transport 0x41"),
        (block(kind=0x13), "transport 0x13"),
        (block(kind=0x21), "too short"),
        (block(size=11), "too short"),
        (block(size=4081), "at most 4096"),
        (block(body=bytes(12) + b"\x01\0"), "cut short"),
        (block(body=bytes(12) + b"\x01\0\x05http"), "0x01 is longer"),
        (block(body=bytes(12) + write_tlv(3, b"\0\0\0\0")), "checksum"),
        (block(body=bytes(12) + write_tlv(3, b"\0\0\0")), "checksum"),
        (block(body=bytes(12) + write_tlv(5, bytes(129))), "at most 128"),
        (block(body=bytes(12) + write_tlv(0x20, bytes(4))), "TLS is cut short"),
        (block(body=bytes(12) + write_tlv(0x20, bytes(6))), "cut short"),
    ],
)
def test_blocks_that_are_none(data, why):
    """
    The fault is named, for the log.
    """
    with pytest.raises(BadProxyHeader, match=why):
        parse(data)


def test_a_check_of_the_proxys_own_says_nothing_else():
    """
    LOCAL: what follows in the block is to be discarded (section 2.2).
    """
    data = block(command=0x20, kind=0x11, body=b"whatever")
    assert parse(data) == (LOCAL, len(data))


@pytest.mark.parametrize("kind", [0x00, 0x10, 0x01])
def test_an_unspecified_family_has_no_addresses(kind):
    """
    It may still have TLVs, which begin where the addresses of its family end.
    """
    body = (bytes(12) if kind == 0x10 else b"") + write_tlv(2, b"a.test")
    header, _ = parse(block(kind=kind, body=body))
    assert header == ProxyHeader(tlvs=((2, b"a.test"),))
    assert header.value(proxytlv.AUTHORITY) == b"a.test"
    assert header.value(proxytlv.ALPN) is None


def test_the_check_value_of_the_checksum():
    """
    RFC 3720 B.4, and the value that catalogues of CRCs give.
    """
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA


@pytest.mark.parametrize(
    ("client", "verify", "secure", "verified"),
    [
        (1, 1, True, False),
        (3, 0, True, True),
        (5, 0, True, True),
        (3, 1, True, False),
        (0, 0, 0, 0),
    ],
)
def test_what_is_said_of_tls(client, verify, secure, verified):
    """
    A certificate counts when there was one, and it was found good.
    """
    inner = write_tlv(0x21, b"TLSv1.3") + write_tlv(0x22, b"anna") + write_tlv(0x23, b"AES")
    facts = read_ssl(struct.pack("!BI", client, verify) + inner)
    assert facts == SSLFacts(bool(secure), bool(verified), b"TLSv1.3", b"anna", b"AES")


def test_addresses_of_both_families_go_as_ipv6():
    """
    A header has one family; the IPv4 address is mapped, and a zone left out.
    """
    header = ProxyHeader(("192.0.2.1", 1), ("fe80::1%eth0", 2))
    for made in (build_v1(header), build_v2(header)):
        found, _ = parse(made)
        assert IPv6Address("::ffff:192.0.2.1").packed in made or b" ::ffff:c000:201 " in made
        assert found.source == ("192.0.2.1", 1)
        assert found.destination == ("fe80::1", 2)


def test_what_version_1_cannot_say():
    """
    Checks and unix sockets are UNKNOWN there.
    """
    assert build_v1(LOCAL) == build_v1(ProxyHeader(b"/a", b"/b")) == b"PROXY UNKNOWN\r\n"
    assert parse(build_v2(UNKNOWN))[0] == UNKNOWN
