"""
Members: their URLs, and lines of C{URL key=value …}.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from txbalancer.config import hctemplates, words
from txbalancer.config.options import MEMBER_OPTIONS, TABLES, parse, unknown
from txbalancer.core.registry import Registry
from txbalancer.core.schemes import SCHEMES, mode_of
from txbalancer.core.specs import MemberSpec

PORTS = {name: each.port for name, each in SCHEMES.items()}
KNOWN_SCHEMES = frozenset(
    {"ajp", "balancer", "fcgi", "ftp", "h2", "h2c", "scgi", "uwsgi", "ws", "wss"}
)
_OTHERS = f"{', '.join(list(SCHEMES)[:-1])} or {list(SCHEMES)[-1]}"
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)(.*)", re.DOTALL)
_HOST_PORT = re.compile(r"(\[[^\]]*\]|[^:\[]*)(?::(.*))?", re.DOTALL)
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_PATH = re.compile(r"[!-~]*")
_MOST_URL = 1023
"""Characters of a URL: it is a label of metrics, a line in every table, and part of paths."""


@dataclass(frozen=True, slots=True)
class Address:
    """
    Where a member is; see L{MemberSpec} for the parts.
    """

    url: str
    scheme: str
    host: str
    port: int
    path: str
    socket: str

    @property
    def identity(self) -> tuple[str, str, int, str, str]:
        """
        Equal for addresses that differ in spelling only.
        """
        return self.scheme, self.host, self.port, self.path.rstrip("/"), self.socket


def parse_url(text: str) -> Address:
    """
    Read and normalise a member's URL. Source: APACHE items 0.3 and 0.4, read strictly.

    @raise ValueError: saying what is wrong and what is allowed.
    """
    if len(text) > _MOST_URL:
        raise ValueError(f"{text[:40]}… has {len(text)} characters: {_MOST_URL} are allowed")
    if text[:5].lower() == "unix:":
        socket, bar, text = text[5:].partition("|")
        if not bar or not socket.startswith("/") or not _PATH.fullmatch(socket):
            raise ValueError("a unix socket is written unix:/PATH|http://HOST/")
        # `unix:/path|http:` is Apache's short form.
        short = text[-1:] == ":" and text[:-1].lower() in PORTS
        text = f"{text}//localhost" if short else text
    else:
        socket = ""
    match = _URL.fullmatch(text)
    if match is None:
        raise ValueError(_no_scheme(text))
    scheme, authority, path = match[1].lower(), match[2], match[3]
    _check_scheme(scheme)
    if "@" in authority:
        raise ValueError("a user name or password in a URL is not supported")
    if "?" in path or "#" in path:
        raise ValueError(f"{text!r} has a query or fragment: only a path may follow the host")
    if not _PATH.fullmatch(path):
        raise ValueError(f"{path!r} has a character that must be written as %XX")
    if mode_of(scheme) != "http":
        if path not in ("", "/"):
            raise ValueError(f"{text!r} has a path: {scheme}:// takes a host and a port only")
        path = ""
    host, port = _host_port(authority, PORTS[scheme])
    if not (port or socket):
        raise ValueError(f"the port is missing: {scheme}://HOST:PORT is expected")
    shown = f"[{host}]" if ":" in host else host
    url = f"{scheme}://{shown}" + (f":{port}" if port != PORTS[scheme] else "") + path
    return Address(f"unix:{socket}|{url}" if socket else url, scheme, host, port, path, socket)


def _check_scheme(scheme: str) -> None:
    if scheme in PORTS:
        return
    if scheme in ("ws", "wss"):
        raise ValueError(f"{scheme}:// is not needed: http{scheme[2:]}:// carries WebSocket too")
    if scheme in KNOWN_SCHEMES:
        raise ValueError(f"{scheme}:// is not available in this version; use {_OTHERS}")
    raise ValueError(f"{scheme}:// is not known; use {_OTHERS}")


def _no_scheme(text: str) -> str:
    guess = re.fullmatch(
        r"(?:(https?):?/*)?((?:[\w.-]+|\[[\w:.]+\])(?::\d+)?(?:/\S*)?)", text, re.I
    )
    hint = f" (did you mean {(guess[1] or 'http').lower()}://{guess[2]}?)" if guess else ""
    return f"{text!r} is no URL: http://HOST[:PORT][/PATH] is expected{hint}"


def _host_port(authority: str, default: int) -> tuple[str, int]:
    match = _HOST_PORT.fullmatch(authority)
    if match is None:
        raise ValueError(f"{authority!r} is not HOST or HOST:PORT")
    host, port = match[1].lower(), match[2]
    if port is None:
        return _check_host(host), default
    if not re.fullmatch(r"\d{1,9}", port, re.ASCII) or not 1 <= int(port) <= 65535:
        hint = "; an IPv6 address needs brackets: [::1]" if authority.count(":") > 1 else ""
        raise ValueError(f"port {port!r} is not a number from 1 to 65535{hint}")
    return _check_host(host), int(port)


def _check_host(host: str) -> str:
    if not host:
        raise ValueError("the host is missing: http://HOST[:PORT][/PATH] is expected")
    if host.startswith("["):
        try:
            IPv6Address(host[1:-1])
        except ValueError as error:
            raise ValueError(f"{host} is not an IPv6 address") from error
        if "%" in host:
            raise ValueError(f"{host} has a zone: give the address without %")
        return host[1:-1]
    if re.fullmatch(r"[\d.]+", host, re.ASCII):
        try:
            return str(IPv4Address(host))
        except ValueError as error:
            raise ValueError(f"{host!r} is not an IPv4 address") from error
    if len(host) > 253 or not all(map(_LABEL.fullmatch, host.split("."))):
        raise ValueError(f"{host!r} is not a host name: use letters, digits, - and .")
    return host


def parse_options(
    found: list[str],
    defaults: Mapping[str, Any],
    registry: Registry,
    templates: hctemplates.Templates = {},  # noqa: B006 (is only read)
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """
    Read the C{key=value} words of a member.

    @param defaults: attribute -> value, for options that the line does not give.
    @param templates: what C{hctemplate} may name; options after it count more than its own.
    @return: attribute -> value, and the faults as (key, text).
    """
    given: dict[str, Any] = {}
    seen: set[str] = set()
    faults: list[tuple[str, str]] = []
    for word in found:
        key, equals, text = word.partition("=")
        key = key.lower()
        if not equals:
            hint = f" (did you mean {key}=…?)" if key in MEMBER_OPTIONS else ""
            faults.append((word, f"is not of the form key=value{hint}"))
            continue
        try:
            if key in seen:
                raise ValueError("is given twice")
            seen.add(key)
            if key == hctemplates.KIND:
                given |= hctemplates.find_template(text, templates)
                continue
            if key not in MEMBER_OPTIONS:
                raise ValueError(_unknown(key))
            attribute, option = MEMBER_OPTIONS[key]
            given[attribute] = None
            given[attribute] = parse(option, text, registry)
        except ValueError as error:
            faults.append((key, str(error)))
    return {**defaults, **given}, faults


def _unknown(key: str) -> str:
    if key in TABLES["balancer"]:
        return "belongs to the balancer: give it a line of its own in the section"
    return unknown(key, "member", MEMBER_OPTIONS)


def make_member(address: Address, options: Mapping[str, Any]) -> MemberSpec:
    """
    Put address and options together, as a member of a balancer.

    The path loses its final slash, because a request's path, which begins with one, follows
    it; Apache would send two (APACHE items H53 and X29).
    """
    return MemberSpec(
        url=address.url,
        scheme=address.scheme,
        host=address.host,
        port=address.port,
        path=address.path.rstrip("/"),
        socket=address.socket,
        **options,
    )


def split_line(text: str) -> tuple[str, list[str]]:
    """
    Split C{URL key=value …} into the URL and the rest.

    @raise ValueError: for a quote that is not closed, or no URL.
    """
    url, *rest = words.split(text) or [""]
    return url, rest
