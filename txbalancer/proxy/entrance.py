"""
What a listener does with requests before it looks for their mount; each part is there only
where the listener is told to do it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from txbalancer.core.headers import FORWARDING
from txbalancer.core.request import Peer
from txbalancer.core.specs import ListenerSpec
from txbalancer.core.trust import Trust
from txbalancer.http1.heads import RequestHead
from txbalancer.proxy.local import LocalAnswer

if TYPE_CHECKING:
    from txbalancer.proxy.site import Site

Begin = Callable[[Any, RequestHead], None]

IDENTITY = b"x-ssl-client-"
"""Beginning of the names of headers that tell of a client's certificate."""
_TOLD = (
    (b"X-SSL-Client-Verify: ", "SSL_CLIENT_VERIFY"),
    (b"X-SSL-Client-S-DN: ", "SSL_CLIENT_S_DN"),
    (b"X-SSL-Client-S-DN-CN: ", "SSL_CLIENT_S_DN_CN"),
    (b"X-SSL-Client-I-DN: ", "SSL_CLIENT_I_DN"),
    (b"X-SSL-Client-M-Serial: ", "SSL_CLIENT_M_SERIAL"),
    (b"X-SSL-Client-V-End: ", "SSL_CLIENT_V_END"),
)
_HARMLESS = bytes(range(256)).translate(None, bytes(range(32)) + b"\x7f")
_BLANKED = bytes(each if each in _HARMLESS else 32 for each in range(256))


def believing(spec: ListenerSpec, begin: Begin) -> Begin:
    """
    Find out who is behind a proxy, and go on.
    """

    trust = Trust(spec)

    def believe(channel: Any, head: RequestHead) -> None:
        head.peer = trust.believe(head, head.peer)
        begin(channel, head)

    return believe


def told_by(spec: ListenerSpec) -> frozenset[bytes]:
    """
    Return the names of headers by which trusted proxies tell of clients: a proxy that passes its
    client's C{Connection} on must not lose what it said itself.
    """
    if spec.trusted_proxies or spec.external_proxies:
        return FORWARDING | {spec.trusted_header.lower().encode()}
    return frozenset()


def identifying(tells: bool, begin: Begin) -> Begin:
    """
    Drop what clients say of a certificate, and go on.

    @param tells: whether to say what is true instead.
    """

    def identify(channel: Any, head: RequestHead) -> None:
        head.lines = [each for each in head.lines if not _claims(each)]
        if tells:
            head.lines += identity_of(head.peer)
        begin(channel, head)

    return identify


def _claims(line: bytes) -> bool:
    # To what is behind CGI an underscore is a hyphen.
    return line[: len(IDENTITY)].lower().replace(b"_", b"-") == IDENTITY


def identity_of(peer: Peer) -> list[bytes]:
    """
    Return the header lines about a client's certificate; without one only that there is none.
    """
    tell = peer.tls
    if tell is None:
        return [b"X-SSL-Client-Verify: NONE"]
    return [start + value.translate(_BLANKED) for start, name in _TOLD if (value := tell(name))]


def leading(site: Site, port: int) -> Begin:
    """
    Answer every request with its URL under https:.

    @param port: of the listener with TLS.
    """
    place = b"" if port == 443 else b":%d" % port

    def lead(channel: Any, head: RequestHead) -> None:
        host, _, number = (head.host or site.server_name).rpartition(b":")
        if not host or not (number.isdigit() or not number):
            host = head.host or site.server_name
        path = head.path if head.path != b"*" else b"/"
        query = b"" if head.query is None else b"?" + head.query
        # 308 keeps the method; what asks with GET may know only 301.
        status = 301 if head.method in (b"GET", b"HEAD") else 308
        answer = LocalAnswer(site.runtime, channel, head, status, "ok")
        location = b"Location: https://" + host + place + path + query
        answer.send([site.runtime.date_line(), location], b"")

    return lead
