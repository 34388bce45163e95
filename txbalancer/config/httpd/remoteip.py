"""
What a server says of the proxies before it: the directives of C{mod_remoteip}.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Any

from txbalancer.config.findings import Findings
from txbalancer.config.httpd.said import arguments, doubt, fault
from txbalancer.config.httpd.tree import Directive
from txbalancer.core import values
from txbalancer.core.networks import network

NAMES = (
    "RemoteIPHeader RemoteIPInternalProxy RemoteIPProxyProtocol RemoteIPProxyProtocolExceptions"
    " RemoteIPTrustedProxy"
)
"""The directives that are carried out."""

_HEADER, _PROXIES = "remote ip header", "remote ip proxies"
_PROTOCOL, _EXCEPTIONS = "proxy protocol", "proxy protocol exceptions"
DIFFERING = {
    _HEADER: "RemoteIPHeader",
    _PROXIES: "RemoteIPInternalProxy and RemoteIPTrustedProxy",
    _PROTOCOL: "RemoteIPProxyProtocol",
    _EXCEPTIONS: "RemoteIPProxyProtocolExceptions",
}
"""What was said, by key -> the directive."""

_EVERYBODY = ("0.0.0.0/0", "::/0", "unix")

Network = IPv4Network | IPv6Network


def read_remote_ip(directives: Iterable[Directive], findings: Findings) -> dict[str, Any]:
    """
    Read what a server says itself; faults are noted.

    @return: the keys of L{DIFFERING} that were said.
    """
    found: dict[str, Any] = {}
    for directive in directives:
        try:
            if directive.key == "remoteipheader":
                (word,) = arguments(directive, 1, 1, "the name of a header")
                found[_HEADER] = values.token(word)
            elif directive.key == "remoteipproxyprotocol":
                (word,) = arguments(directive, 1, 1, "On or Off")
                found[_PROTOCOL] = values.flag.parse(word)
            elif directive.key == "remoteipproxyprotocolexceptions":
                found[_EXCEPTIONS] = (*found.get(_EXCEPTIONS, ()), *_addresses(directive))
            elif directive.key in ("remoteipinternalproxy", "remoteiptrustedproxy"):
                internal = directive.key == "remoteipinternalproxy"
                more = ((word, internal) for word in _addresses(directive))
                found[_PROXIES] = (*found.get(_PROXIES, ()), *more)
        except ValueError as error:
            fault(findings, directive, error)
    header = next((each for each in directives if each.key == "remoteipheader"), None)
    if header is not None and _HEADER in found and _PROXIES not in found:
        doubt(
            findings,
            header,
            "everybody is believed, as in Apache: name your proxies by RemoteIPInternalProxy",
        )
    return found


def _addresses(directive: Directive) -> Iterator[str]:
    for word in arguments(directive, 1, 1000, "addresses and ranges"):
        try:
            yield network(word)
        except ValueError as error:
            raise ValueError(f"{error}; names are not looked up here") from None


def options_of(said: Mapping[str, Any]) -> dict[str, Any]:
    """
    Put together what was said for a server and for all of them.

    @return: attribute of a L{ListenerSpec<txbalancer.core.specs.ListenerSpec>} -> value.
    """
    made: dict[str, Any] = {}
    if said.get(_PROTOCOL):
        made["accept_proxy"] = _all_but(said.get(_EXCEPTIONS, ()))
    if _HEADER in said:
        # Without a list Apache believes everybody, but no private addresses.
        proxies = said.get(_PROXIES, tuple((word, False) for word in _EVERYBODY))
        made["trusted_header"] = said[_HEADER].lower()
        made["trusted_proxies"] = tuple(word for word, internal in proxies if internal)
        made["external_proxies"] = tuple(word for word, internal in proxies if not internal)
    return made


def _all_but(words: Iterable[str]) -> tuple[str, ...]:
    """
    Return ranges of all addresses but some.
    """
    left: list[Network] = [ip_network(each) for each in _EVERYBODY[:2]]
    for word in words:
        if word != "unix":
            out = ip_network(word)
            left = [piece for each in left for piece in _without(each, out)]
    made = [str(each) for each in left]
    return (*made, *(word for word in _EVERYBODY[2:] if word not in words))


def _without(whole: Network, out: Network) -> Iterable[Network]:
    if whole.version != out.version or not whole.overlaps(out):
        return (whole,)
    if out.prefixlen <= whole.prefixlen:
        return ()
    found: Any = whole.address_exclude(out)  # type: ignore[arg-type]
    return collapse_addresses(found)
