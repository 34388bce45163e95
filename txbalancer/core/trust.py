"""
Who a request comes from when proxies before this one say so in a header.

The header is read from the right: each proxy appended who came to it, so what a trusted
one wrote counts, and the first address that is no trusted proxy's is the client. What is
left of that anybody may have written. Source: RFC 7239 section 7.4; httpd 2.4
C{mod_remoteip}, in meaning.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple, Protocol

from txbalancer.core.networks import within
from txbalancer.core.request import Peer
from txbalancer.core.specs import ListenerSpec

_MOST_HOPS = 64
"""Addresses that are looked at; a chain of proxies has a few."""

_HOST_PORT = re.compile(
    rb"\[([0-9A-Fa-f:.]{2,45})\](?::(\d{1,5}))?|([0-9.]{7,15})(?::(\d{1,5}))?|([0-9A-Fa-f:.]{2,45})"
)
_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_PAIR = rb"(%b)=(%b|\"(?:[^\"\\]|\\.)*\")" % (_TOKEN, _TOKEN)
_NEXT_PAIR = re.compile(rb"[ \t]*(?:%b)?[ \t]*(;|$)" % _PAIR)
_PUBLIC_IPV6 = ip_network("2000::/3")
_PRIVATE_IPV4 = tuple(
    ip_network(each)
    for each in (
        "10.0.0.0/8",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "224.0.0.0/3",
    )
)


class Head(Protocol):
    """
    As much of a request's head as this needs, see
    L{RequestHead<txbalancer.http1.heads.RequestHead>}.
    """

    lines: list[bytes]
    noted: dict[bytes, bytes]

    def header(self, name: bytes) -> bytes | None:
        """
        Return a header's value by its lower-case name.
        """


class _Hop(NamedTuple):
    """
    One address that a proxy told.

    @ivar proto: what it told beside: C{b"http"}, C{b"https"} or nothing.
    """

    client: str
    port: int
    proto: bytes = b""


class Trust:
    """
    Which proxies a listener believes, and what.
    """

    __slots__ = ("_external", "_header", "_internal", "_proto", "_read")

    def __init__(self, spec: ListenerSpec) -> None:
        self._internal = within(spec.trusted_proxies)
        self._external = within(spec.external_proxies)
        self._proto = spec.trusted_proto
        self._header = spec.trusted_header.lower().encode()
        self._read = _forwarded_hop if self._header == b"forwarded" else _plain_hop

    def believe(self, head: Head, peer: Peer) -> Peer:
        """
        Return who sent a request, and take what was read out of its header.

        What is sent on to members is then made from the client as if it had come here.

        @param peer: who is connected; returned itself unless it is trusted and tells of
            somebody else.
        """
        client = peer.client
        internal = self._internal(client)
        if not (internal or self._external(client)):
            return peer
        rest = head.header(self._header)
        told: _Hop | None = None
        for _ in range(_MOST_HOPS):
            found = self._read(rest) if rest else None
            if found is None:
                break
            hop, left = found
            if not internal and _is_private(hop.client):
                break
            told, rest = hop, left
            internal = self._internal(hop.client)
            if not (internal or self._external(hop.client)):
                break
        secure = self._secure(head, told, peer.secure)
        if told is None and secure == peer.secure:
            return peer
        if told is not None:
            _leave(head, self._header, rest or b"")
        return peer.behind(*(told or (client, peer.port))[:2], secure)

    def _secure(self, head: Head, told: _Hop | None, secure: bool) -> bool:
        if not self._proto:
            return secure
        if self._header == b"forwarded":
            proto = told.proto if told is not None else b""
        else:
            proto = (head.header(b"x-forwarded-proto") or b"").lower()
        return proto == b"https" if proto in (b"http", b"https") else secure


def _leave(head: Head, name: bytes, rest: bytes) -> None:
    """
    Put what is left of a header in its place.
    """
    if name in head.noted:
        if rest:
            head.noted[name] = rest
        else:
            del head.noted[name]
        return
    size = len(name)
    head.lines = [
        line for line in head.lines if line[size : size + 1] != b":" or line[:size].lower() != name
    ]
    if rest:
        head.lines.append(name.title() + b": " + rest)


def _plain_hop(value: bytes) -> tuple[_Hop, bytes] | None:
    """
    Read the last of a list of addresses; return it and what is left of it.
    """
    rest, _, last = value.rpartition(b",")
    found = _address(last.strip(b" \t"))
    return None if found is None else (_Hop(*found), rest.rstrip(b" \t"))


def _forwarded_hop(value: bytes) -> tuple[_Hop, bytes] | None:
    """
    Read the last element of Forwarded; return it and what is left of it.

    A comma may be within quotes, and a quote that a client left open must not swallow what
    its proxy appended: the last comma after which there is a whole element counts.
    """
    end = len(value)
    for _ in range(_MOST_HOPS):
        end = value.rfind(b",", 0, end)
        pairs = _pairs(value[end + 1 :])
        if pairs is not None:
            found = _address(pairs.get(b"for", b""))
            if found is None:
                return None
            return _Hop(*found, pairs.get(b"proto", b"").lower()), value[: max(end, 0)].rstrip()
        if end < 0:
            break
    return None


def _pairs(element: bytes) -> dict[bytes, bytes] | None:
    """
    Read one element of Forwarded; C{None} when it is none (RFC 7239 section 4).
    """
    pairs: dict[bytes, bytes] = {}
    place, more = 0, b";"
    while more:
        match = _NEXT_PAIR.match(element, place)
        if match is None:
            return None
        name, value, more = match.groups()
        place = match.end()
        if name is None:
            continue
        if value[:1] == b'"':
            value = re.sub(rb"\\(.)", rb"\1", value[1:-1])
        if pairs.setdefault(name.lower(), value) is not value:
            return None
    return pairs


@lru_cache(maxsize=4096)
def _address(text: bytes) -> tuple[str, int] | None:
    """
    Read an address, with a port or without; C{None} for anything else.
    """
    match = _HOST_PORT.fullmatch(text)
    if match is None:
        return None
    bracketed, port, plain, port_of_plain, bare = match.groups()
    try:
        address = ip_address((bracketed or plain or bare).decode("ascii"))
    except ValueError:
        return None
    number = int(port or port_of_plain or 0)
    if number > 65535 or (bracketed and address.version == 4):
        return None
    return str(getattr(address, "ipv4_mapped", None) or address), number


@lru_cache(maxsize=4096)
def _is_private(client: str) -> bool:
    """
    Tell whether an address means something within a network only (RFC 1918 and the like).
    """
    address: IPv4Address | IPv6Address = ip_address(client)
    if isinstance(address, IPv6Address):
        return address not in _PUBLIC_IPV6
    return any(address in each for each in _PRIVATE_IPV4)
