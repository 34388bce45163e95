"""
The header lines that go on: to the member with a request, to the client with an answer.

Lines and noted values come from a head that was parsed and checked, without
what concerns one connection only. Lines go on verbatim and in order; the noted
names are made anew. Framing, Connection, Upgrade and Expect are the business of
who writes the head. Source: APACHE items H2 to H8, H31 and H60 to H65.
"""

from __future__ import annotations

import functools
import re

from txbalancer.core.request import Peer
from txbalancer.core.reverse import Pair, Reverse, rewrite_cookie
from txbalancer.core.specs import MountSpec
from txbalancer.errors import ClientError

FORWARDING = frozenset(
    (
        b"forwarded",
        b"max-forwards",
        b"via",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-proto",
        b"x-forwarded-server",
    )
)
"""Noted names of a request that go on, changed or not."""

REVERSED = (
    (b"location", b"Location: "),
    (b"content-location", b"Content-Location: "),
    (b"uri", b"URI: "),
    (b"destination", b"Destination: "),
)
"""Noted names of an answer that tell where something is (H60)."""

_ANSWERED = frozenset((b"via", *(name for name, _ in REVERSED)))
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


class HeaderRules:
    """
    What a mount wants done to header lines, looked up once.

    @ivar plain_request: no more than X-Forwarded-* is to be added.
    @ivar addproto: X-Forwarded-Proto is to be ours.
    @ivar bare: nothing is to be added to a request.
    @ivar plain_answer: nothing is to be added or changed but what a reverse map does.
    @ivar noquery: the query is not passed on.
    @ivar maxforwards: given to requests without Max-Forwards; C{None} for none.
    @ivar edits_host: the configuration changes Host, which is then in what is noted.
    @ivar edits_proto: it changes X-Forwarded-Proto, and is believed, unlike clients.
    @ivar server_name: own name, empty for the listener's.
    @ivar introduction: one object for all mounts that tell members the same of a peer.
    """

    __slots__ = (
        "addheaders",
        "addproto",
        "bare",
        "cookie_domain",
        "cookie_path",
        "edits_host",
        "edits_proto",
        "forwarded",
        "introduction",
        "maxforwards",
        "noquery",
        "plain_answer",
        "plain_request",
        "preservehost",
        "server_name",
        "via",
    )

    def __init__(self, spec: MountSpec) -> None:
        self.addheaders = spec.addheaders
        self.addproto = spec.addheaders and spec.addproto
        self.forwarded = spec.forwarded
        self.preservehost = spec.preservehost
        self.via = spec.via
        self.noquery = spec.noquery
        self.maxforwards = spec.maxforwards
        self.cookie_domain = _pairs(spec.reverse_cookie_domain)
        self.cookie_path = _pairs(spec.reverse_cookie_path)
        adds_via = spec.via in ("on", "full")
        edited = {each.name.lower() for each in spec.requestheader}
        self.edits_host = "host" in edited
        self.edits_proto = "x-forwarded-proto" in edited
        self.server_name = spec.server_name.encode("idna")
        self.introduction = _introduction(self.server_name, self.addproto)
        self.plain_request = spec.addheaders and not (
            spec.forwarded or adds_via or self.edits_host or spec.maxforwards is not None
        )
        self.bare = not (
            spec.addheaders
            or spec.forwarded
            or adds_via
            or self.edits_host
            or spec.maxforwards is not None
        )
        self.plain_answer = not (adds_via or self.cookie_domain or self.cookie_path)


@functools.cache
def _introduction(*parts: object) -> tuple[object, ...]:
    return parts


def request_lines(
    lines: list[bytes],
    noted: dict[bytes, bytes],
    rules: HeaderRules,
    peer: Peer,
    host: bytes,
    member_host: bytes,
    version: bytes = b"1.1",
) -> list[bytes]:
    """
    Make the header lines of the request to a member, but for framing and connection.

    @param lines: the client's lines that pass on; not changed, so that a retry can use them.
    @param noted: lower-case name -> value of those taken out.
    @param host: the client's Host, empty when there is none.
    @param member_host: the member's host, with its port unless that is the scheme's own.
    @param version: of the client's HTTP, for Via.
    @return: a new list, Host first.
    @raise ClientError: 400 when Max-Forwards is no number, or is used up (H8).
    """
    if rules.preservehost:
        member_host = host or rules.server_name or peer.server_name
    own = peer.forwarded
    if own[0] is not rules.introduction:
        own = _introduce(peer, rules)
    if rules.plain_request and host and own[1] and FORWARDING.isdisjoint(noted):
        return [b"Host: " + member_host, *lines, own[1], b"X-Forwarded-Host: " + host, own[2]]
    if rules.bare and FORWARDING.isdisjoint(noted):
        return [b"Host: " + member_host, *lines]
    if rules.edits_host:
        host = noted.get(b"host", b"")
        if rules.preservehost:
            member_host = host or rules.server_name or peer.server_name
    made = [b"Host: " + member_host, *lines]
    hops = noted.get(b"max-forwards")
    if hops is not None:
        made.append(b"Max-Forwards: %d" % _one_hop_less(hops))
    elif rules.maxforwards is not None:
        made.append(b"Max-Forwards: %d" % rules.maxforwards)
    via = noted.get(b"via")
    if rules.via in ("on", "full"):
        via = _joined(via, _via(rules, peer, version))
    if via is not None and rules.via != "block":
        made.append(b"Via: " + via)
    _add_forwarded(made, noted, rules, peer, host)
    return made


def response_lines(
    lines: list[bytes],
    noted: dict[bytes, bytes],
    rules: HeaderRules,
    reverse: Reverse | None,
    peer: Peer,
    host: bytes,
    version: bytes = b"1.1",
) -> list[bytes]:
    """
    Make the header lines of the answer to a client, but for framing and connection.

    @param lines: the member's lines that pass on.
    @param noted: lower-case name -> value of those taken out.
    @param reverse: the mount's rules for Location and the like, or C{None}.
    @param host: the client's Host, for absolute locations.
    @param version: of the member's HTTP, for Via.
    @return: a new list, or C{lines} itself when there is nothing to do.
    """
    if rules.plain_answer and _ANSWERED.isdisjoint(noted):
        return lines
    if rules.cookie_domain or rules.cookie_path:
        made = [_cookie_line(line, rules) for line in lines]
    else:
        made = lines.copy()
    scheme = b"https" if peer.secure else b"http"
    for name, start in REVERSED:
        value = noted.get(name)
        if value is not None:
            made.append(start + (reverse.rewrite(value, scheme, host) if reverse else value))
    if b"via" in noted and rules.via != "block":
        made.append(b"Via: " + noted[b"via"])
    if rules.via in ("on", "full"):
        made.append(b"Via: " + _via(rules, peer, version))
    return made


def hops_left(value: bytes) -> int:
    """
    Read Max-Forwards; at 0, TRACE and OPTIONS are to be answered here, others refused (H8).

    @raise ClientError: 400 when it is no number.
    """
    if not value.isdigit() or len(value) > 10:
        raise ClientError("Max-Forwards is not a number")
    return int(value)


def _one_hop_less(value: bytes) -> int:
    hops = hops_left(value)
    if hops == 0:
        raise ClientError("Max-Forwards has reached zero: the request goes in circles")
    return hops - 1


def _introduce(peer: Peer, rules: HeaderRules) -> tuple[object, bytes, bytes]:
    """
    Make what tells members of a peer: X-Forwarded-For, and the lines after X-Forwarded-Host.

    It is kept as long as requests of the connection are for mounts that say the same. A
    client on a unix socket has no address: its first line is empty.
    """
    address = peer.client.encode()
    rest = b"X-Forwarded-Server: " + (rules.server_name or peer.server_name)
    if rules.addproto:
        rest += b"\r\nX-Forwarded-Proto: https" if peer.secure else b"\r\nX-Forwarded-Proto: http"
    peer.forwarded = (rules.introduction, b"X-Forwarded-For: " + address if address else b"", rest)
    return peer.forwarded


def _add_forwarded(
    made: list[bytes], noted: dict[bytes, bytes], rules: HeaderRules, peer: Peer, host: bytes
) -> None:
    get = noted.get
    client, server = get(b"x-forwarded-for"), get(b"x-forwarded-server")
    hosts, proto = get(b"x-forwarded-host"), get(b"x-forwarded-proto")
    if rules.addheaders:
        client = _joined(client, peer.client.encode())
        hosts = _joined(hosts, host)
        server = _joined(server, rules.server_name or peer.server_name)
        if rules.addproto and not rules.edits_proto:
            # What a client says of its own connection is not to be trusted.
            proto = b"https" if peer.secure else b"http"
    for start, value in (
        (b"X-Forwarded-For: ", client),
        (b"X-Forwarded-Host: ", hosts),
        (b"X-Forwarded-Server: ", server),
        (b"X-Forwarded-Proto: ", proto),
    ):
        if value is not None:
            made.append(start + value)
    forwarded = get(b"forwarded")
    if rules.forwarded:
        forwarded = _joined(forwarded, _forwarded_element(peer, host))
    if forwarded is not None:
        made.append(b"Forwarded: " + forwarded)


def _forwarded_element(peer: Peer, host: bytes) -> bytes:
    """
    Describe this hop for Forwarded. Source: RFC 7239 sections 4 and 6.
    """
    # The zone of a link-local address means nothing elsewhere.
    address = peer.client.partition("%")[0].encode()
    if b":" in address:
        address = b"[" + address + b"]"
    element = b"for=" + _quoted(address or b"unknown")
    if host:
        element += b";host=" + _quoted(host)
    return element + (b";proto=https" if peer.secure else b";proto=http")


def _quoted(value: bytes) -> bytes:
    if _TOKEN.fullmatch(value):
        return value
    return b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def _joined(value: bytes | None, more: bytes) -> bytes | None:
    """
    Append to a list of a header; an empty part adds nothing.
    """
    return value + b", " + more if value and more else more or value


def _via(rules: HeaderRules, peer: Peer, version: bytes) -> bytes:
    comment = b" (txbalancer)" if rules.via == "full" else b""
    return version + b" " + (rules.server_name or peer.server_name) + comment


def _cookie_line(line: bytes, rules: HeaderRules) -> bytes:
    if line[:11].lower() != b"set-cookie:":
        return line
    return line[:11] + rewrite_cookie(line[11:], rules.cookie_domain, rules.cookie_path)


def _pairs(pairs: tuple[tuple[str, str], ...]) -> tuple[Pair, ...]:
    return tuple((inside.encode(), public.encode()) for inside, public in pairs)
