"""
C{Listen}, and what holds for the connections of an address.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Any

from txbalancer.config.findings import Findings
from txbalancer.config.httpd.http2 import DIFFERING as OF_HTTP2
from txbalancer.config.httpd.http2 import read_http2
from txbalancer.config.httpd.readtimes import read_times
from txbalancer.config.httpd.remoteip import DIFFERING, options_of, read_remote_ip
from txbalancer.config.httpd.said import arguments, doubt, fault
from txbalancer.config.httpd.servers import ANY, Address
from txbalancer.config.httpd.tls import ENGINE, MERGED, differs, read_tls
from txbalancer.config.httpd.tree import Directive
from txbalancer.core import values
from txbalancer.core.specs import ListenerSpec, options

_LISTEN = re.compile(r"(?:(?P<host>\[[^\]]*\]|[^:]*):)?(?P<port>\d{1,5})")

Connection = dict[str, Any]
"""Attribute of a L{ListenerSpec} -> value, of what was said."""


@dataclass(frozen=True, slots=True)
class Listen:
    """
    One C{Listen}.

    @ivar address: where; L{ANY} for all addresses.
    @ivar secure: whether its protocol is https.
    @ivar ipv4: whether all addresses are only those of IPv4.
    """

    directive: Directive
    name: str
    address: Address
    secure: bool
    ipv4: bool = False


def read_listens(directives: Iterable[Directive], findings: Findings) -> tuple[Listen, ...]:
    """
    Read every C{Listen}.
    """
    found: list[Listen] = []
    for directive in directives:
        if directive.key == "listen":
            try:
                listen = _listen(directive)
                if any(each.address == listen.address for each in found):
                    raise ValueError(f"{directive.args[0]} is listened on already")
                found.append(listen)
            except ValueError as error:
                fault(findings, directive, error)
    return tuple(found)


def _listen(directive: Directive) -> Listen:
    text, *protocol = arguments(directive, 1, 2, "[ADDRESS:]PORT [PROTOCOL]")
    match = _LISTEN.fullmatch(text)
    if match is None or not 1 <= int(match["port"]) <= 65535:
        raise ValueError(f"{text!r} must be [ADDRESS:]PORT; an IPv6 address needs brackets")
    port = int(match["port"])
    if protocol and protocol[0].lower() not in ("http", "https"):
        raise ValueError(f"the protocol {protocol[0]!r} is not available: use http or https")
    secure = protocol[0].lower() == "https" if protocol else port == 443
    host = match["host"]
    if host in (None, "", ANY):
        return Listen(directive, f"port-{port}", (ANY, port), secure)
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        raise ValueError(f"{host!r} is not an address") from None
    if address.version == 4 and address.is_unspecified:
        return Listen(directive, f"port-{port}", (ANY, port), secure, ipv4=True)
    return Listen(directive, _name((str(address), port)), (str(address), port), secure)


def _name(address: Address) -> str:
    host, port = address
    name = re.sub(r"[.:]+", "-", host).strip("-") or "all"
    return f"{'ip6-' * (':' in host)}{name}-{port}"


def replace_address(listen: Listen, address: Address) -> Listen:
    """
    Make the listener of one address out of that of all.
    """
    return replace(listen, name=_name(address), address=address)


def show(address: Address) -> str:
    """
    Write an address as C{Listen} has it.
    """
    host, port = address
    return f"{f'[{host}]' if ':' in host else host}:{port or ANY}"


def endpoint(listen: Listen) -> str:
    """
    Write an address as an endpoint string.

    All addresses are those of IPv6, too, where the machine has it, as in Apache.
    """
    host, port = listen.address
    if host == ANY:
        return f"tcp:{port}" if listen.ipv4 or not has_ipv6() else f"tcp6:{port}"
    if ":" in host:
        return f"tcp6:{port}:interface={host.replace(':', chr(92) + ':')}"
    return f"tcp:{port}:interface={host}"


def has_ipv6() -> bool:
    """
    Tell whether one socket can take both IPv4 and IPv6 on this machine.
    """
    return socket.has_dualstack_ipv6()


def make_listener(
    listen: Listen, said: Connection, server_name: str, base: Mapping[str, Any]
) -> ListenerSpec:
    """
    Make the spec of one C{Listen}.

    @param said: by the first server of the address.
    @param base: the defaults in force.
    """
    told = {key: value for key, value in said.items() if key in KINDS}
    if not is_secure(listen, said):
        told = {key: value for key, value in told.items() if not key.startswith("tls_")}
    found = {**base, **told, **options_of(said)}
    if not said.get(KEEPALIVE, True):
        found["keepalive_timeout"] = 0.0
    found["server_name"] = server_name
    plain = ListenerSpec(listen.name, (endpoint(listen),), **found)
    return replace(plain, max_head=max(plain.max_head, plain.max_url + plain.max_line))


def is_secure(listen: Listen, said: Connection) -> bool:
    """
    Tell whether the connections of an address are under TLS.
    """
    return bool(said.get(ENGINE, listen.secure and said.get("tls_certificate")))


def lacks_engine(listen: Listen, said: Connection) -> bool:
    """
    Tell whether clients will expect TLS at an address, and nobody said whether there is any.
    """
    return listen.secure and ENGINE not in said and not is_secure(listen, said)


def read_connection(directives: Iterable[Directive], findings: Findings) -> Connection:
    """
    Read what a server says of its clients' connections.
    """
    found: Connection = {}
    directives = tuple(directives)
    for directive in directives:
        reader = READERS.get(directive.key)
        if reader is not None:
            try:
                found.update(reader(*arguments(directive, 1, 1, "one word")))
            except ValueError as error:
                fault(findings, directive, error)
    found.update(read_tls(directives, findings))
    found.update(read_remote_ip(directives, findings))
    found.update(read_http2(directives, findings))
    times = read_times(directives, findings)
    if "body_timeout" in found and "body_timeout" in times:
        times["body_timeout"] = min(times["body_timeout"], found["body_timeout"])
    return {**found, **times}


def _option(attribute: str) -> Callable[[str], Connection]:
    return lambda text: {attribute: KINDS[attribute].parse(text)}


def _timeout(text: str) -> Connection:
    seconds = values.duration(0.001).parse(text)
    return {"body_timeout": seconds, "write_timeout": seconds}


def _fields(text: str) -> Connection:
    number = values.integer(0, 32767).parse(text)
    # 0 is for no limit, which would let one request fill the memory.
    return {"max_headers": min(number or MOST_FIELDS, MOST_FIELDS)}


def _flag(attribute: str) -> Callable[[str], Connection]:
    return lambda text: {attribute: values.flag.parse(text)}


MOST_FIELDS = 10000
KEEPALIVE = "keep connections"
KINDS = {name: option.kind for name, option in options(ListenerSpec)}
READERS: dict[str, Callable[[str], Connection]] = {
    "keepalive": _flag(KEEPALIVE),
    "keepalivetimeout": _option("keepalive_timeout"),
    "limitrequestfields": _fields,
    "limitrequestfieldsize": _option("max_line"),
    "limitrequestline": _option("max_url"),
    "maxkeepaliverequests": _option("keepalive_requests"),
    "timeout": _timeout,
}


def warn_of_differences(
    first: Connection, other: Connection, section: Directive, findings: Findings
) -> None:
    """
    Tell that the first server of an address decides for all connections to it.
    """
    for attribute in sorted({*first, *other}):
        if first.get(attribute) == other.get(attribute):
            continue
        if attribute in MERGED:
            continue
        if told := differs(attribute):
            key, text = told
            written = [each for each in section.walk() if each.key == key]
            fault(findings, written[0] if written else section, text)
            continue
        doubt(
            findings,
            section,
            f"{_NAMES[attribute]} of the first <VirtualHost> of the address holds for all of them",
        )


_NAMES = {
    "body_min_rate": "RequestReadTimeout",
    "body_timeout": "TimeOut",
    "head_timeout": "RequestReadTimeout",
    "keepalive_requests": "MaxKeepAliveRequests",
    "keepalive_timeout": "KeepAliveTimeout",
    "max_headers": "LimitRequestFields",
    "max_line": "LimitRequestFieldSize",
    "max_url": "LimitRequestLine",
    "tls_ciphers": "SSLCipherSuite",
    "tls_honor_order": "SSLHonorCipherOrder",
    "tls_protocol": "SSLProtocol",
    "tls_strict_sni": "SSLStrictSNIVHostCheck",
    "tls_ticket_life": "SSLSessionCacheTimeout",
    "tls_tickets": "SSLSessionTickets",
    "write_timeout": "TimeOut",
    ENGINE: "SSLEngine",
    KEEPALIVE: "KeepAlive",
    **DIFFERING,
    **OF_HTTP2,
}
