"""
Sections C{[listener:NAME]} to specs.

Endpoints are Twisted's server endpoint strings; only their form is judged here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from ipaddress import ip_address

from txbalancer.config.ini import Section
from txbalancer.config.options import SECTIONS, read_options, split_entries
from txbalancer.config.scope import Placed, Scope, check_name
from txbalancer.config.suggest import choose_from
from txbalancer.core.specs import ListenerSpec

_PIECE = re.compile(r"(?:\\.|[^:\\])*", re.DOTALL)
_PORT = r"\d{1,9}"
EndpointKey = tuple[str, str, str]


def _number(least: int, most: int) -> Callable[[str], str]:
    def check(text: str) -> str:
        if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or not least <= int(text) <= most:
            raise ValueError(f"{text!r} is not a number from {least} to {most}")
        return str(int(text))

    return check


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError as error:
        raise ValueError(
            f"interface {text!r} is not an address (write : in IPv6 as \\:)"
        ) from error


def _path(text: str) -> str:
    if not text:
        raise ValueError("a path is needed: unix:/PATH")
    return text


def _mode(text: str) -> str:
    if not re.fullmatch(r"0?[0-7]{3}", text, re.ASCII):
        raise ValueError(f"mode {text!r} is not octal, such as 660")
    return text


def _word(*allowed: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"{text!r} is not known{choose_from(text, allowed)}")
        return text

    return check


_BACKLOG = _number(1, 65535)
_FORMS: dict[str, tuple[str, dict[str, Callable[[str], str]]]] = {
    "tcp": ("port", {"port": _number(0, 65535), "interface": _address, "backlog": _BACKLOG}),
    "tcp6": ("port", {"port": _number(0, 65535), "interface": _address, "backlog": _BACKLOG}),
    "udp": ("port", {"port": _number(0, 65535), "interface": _address}),
    "unix": (
        "address",
        {"address": _path, "mode": _mode, "backlog": _BACKLOG, "lockfile": _word("0", "1")},
    ),
    "systemd": (
        "domain",
        {
            "domain": _word("INET", "INET6", "UNIX"),
            "index": _number(0, 1000),
            "name": lambda text: text,
        },
    ),
}
_EXAMPLES = (
    "tcp:PORT, tcp:PORT:interface=ADDRESS, udp:PORT, unix:/PATH or systemd:domain=INET:index=0"
)


def parse_endpoint(text: str) -> EndpointKey:
    """
    Check the form of a server endpoint string.

    @return: what makes it the same as another: kind, main part, interface.
    @raise ValueError: saying what is wrong and what is allowed.
    """
    kind, found = endpoint_parts(text)
    detail = found.get("interface") or found.get("index") or found.get("name") or ""
    return kind, found[_FORMS[kind][0]], detail


def endpoint_parts(text: str) -> tuple[str, dict[str, str]]:
    """
    Read a server endpoint string.

    @return: its kind, and what it says by name.
    @raise ValueError: saying what is wrong and what is allowed.
    """
    kind, *pieces = _split(text)
    if kind == "ssl":
        raise ValueError("TLS is configured with tcp: and the key tls-certificate")
    if kind not in _FORMS:
        hint = f" (did you mean tcp:{text}?)" if re.fullmatch(_PORT, text, re.ASCII) else ""
        raise ValueError(f"{text!r} is no endpoint: use {_EXAMPLES}{hint}")
    main, checks = _FORMS[kind]
    found: dict[str, str] = {}
    for place, piece in enumerate(pieces):
        key, equals, value = piece.partition("=")
        if not equals and place == 0 and kind != "systemd":
            key, value = main, piece
        if key not in checks:
            raise ValueError(f"{kind}: {piece!r} is not known{choose_from(key, checks)}")
        found[key] = checks[key](_unescape(value))
    if kind == "systemd" and ("index" in found) == ("name" in found):
        raise ValueError("systemd: either index or name is needed: systemd:domain=INET:index=0")
    if main not in found:
        raise ValueError(f"{kind}: the {main} is missing: use {_EXAMPLES}")
    return kind, found


def _split(text: str) -> list[str]:
    pieces, place = [], 0
    while True:
        match = _PIECE.match(text, place)
        assert match is not None  # it matches the empty text too
        pieces.append(match[0])
        place = match.end() + 1
        if place > len(text):
            return pieces


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def read_listener(
    section: Section, seen: dict[EndpointKey, int], scope: Scope
) -> Placed[ListenerSpec]:
    """
    Make the spec of a listener; faults are noted.

    @param seen: line of each endpoint met so far; this listener's are added.
    """
    findings = scope.findings
    name = check_name(section, findings)
    mine, _ = split_entries(section, SECTIONS["listener"][1], (), findings)
    options = scope.defaults(ListenerSpec)
    options |= read_options(section, mine, scope.registry, findings)
    spec = ListenerSpec(name=name, endpoint=_endpoints(section, seen, scope), **options)
    if spec.tls_key and not spec.tls_certificate and "tls-certificate" not in section.entries:
        findings.error(
            section.line_of("tls-key"), section.title, "tls-key", "tls-certificate is missing"
        )
    for key, text in _faults_of_mode(spec):
        findings.error(section.line_of(key), section.title, key, text)
    return Placed(spec, section)


def _faults_of_mode(spec: ListenerSpec) -> Iterator[tuple[str, str]]:
    """
    Yield (key, text) for what does not go with a listener's mode.
    """
    datagrams = spec.mode == "udp"
    for endpoint in spec.endpoint:
        is_udp = endpoint.startswith("udp:")
        if datagrams and not is_udp:
            yield "endpoint", f"{endpoint}: mode = udp needs udp:PORT or udp:PORT:interface=ADDRESS"
        elif is_udp and not datagrams:
            yield "endpoint", f"{endpoint} needs mode = udp"
    if datagrams and spec.secure:
        yield "mode", "there is no TLS over datagrams here: leave tls-certificate out, or use tcp"
    if datagrams and spec.accept_proxy:
        yield "accept-proxy", "is for connections, and mode = udp has none"


def _endpoints(section: Section, seen: dict[EndpointKey, int], scope: Scope) -> tuple[str, ...]:
    entry = section.entries.get("endpoint")
    lines = entry.lines if entry else []
    if not lines:
        scope.findings.error(
            section.line_of("endpoint"),
            section.title,
            "endpoint",
            f"is missing: use {_EXAMPLES}, one per line",
        )
    for line, text in lines:
        try:
            key = parse_endpoint(text)
            first = (
                line
                if key[:2] in (("tcp", "0"), ("tcp6", "0"), ("udp", "0"))
                else seen.setdefault(key, line)
            )
            if first != line:
                raise ValueError(f"{text} is there already, in line {first}")
        except ValueError as error:
            scope.findings.error(line, section.title, "endpoint", str(error))
    return tuple(text for _, text in lines)
