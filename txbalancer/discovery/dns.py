"""
C{dns+http://NAME[:PORT]}: a member at every address of a name (A and AAAA).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from txbalancer.config.members import Address, parse_url
from txbalancer.core.discovery import Answer
from txbalancer.core.schemes import is_secure
from txbalancer.core.specs import SourceSpec
from txbalancer.discovery.lookups import Addresses, Resolver
from txbalancer.interfaces import IMemberSource, IMemberSourceFactory

MakeResolver = Callable[[tuple[str, ...], Any], Any]


def line_of(place: Address, address: str, port: int, name: str, asked: str) -> str:
    """
    Write the line of a member.

    @param name: what its certificate has to be for.
    @param asked: the C{sni} that the source's line gives; it counts more.
    """
    host = f"[{address}]" if ":" in address else address
    sni = f" sni={name}" if is_secure(place.scheme) and not asked else ""
    return f"{place.scheme}://{host}:{port}{place.path}{sni}"


@implementer(IMemberSource)
class DNSSource:
    """
    Asks for the addresses of one name.
    """

    def __init__(self, spec: SourceSpec, place: Address, resolver: Any) -> None:
        self._place, self._resolver = place, resolver
        self._sni = spec.member.sni
        self._addresses = Addresses(resolver, spec.family)

    def find(self) -> Deferred[Answer]:
        """
        Ask for all addresses.
        """
        return self._addresses.find(self._place.host).addCallback(self._answer)

    def _answer(self, found: tuple[list[str], float | None, str]) -> Answer:
        addresses, ttl, note = found
        place = self._place
        lines = [line_of(place, each, place.port, place.host, self._sni) for each in addresses]
        return Answer(tuple(lines), ttl, note=note)

    def close(self) -> None:
        """
        Ask no more.
        """
        self._resolver.close()


@implementer(IMemberSourceFactory)
class DNSFactory:
    """
    For C{dns+SCHEME://NAME}.
    """

    name = "dns"
    interval = 30.0
    takes = frozenset({"ttl-floor", "family", "resolver"})

    def __init__(self, make_resolver: MakeResolver = Resolver) -> None:
        """
        @param make_resolver: makes what is asked, of C{resolver =} and a reactor.
        """
        self._make_resolver = make_resolver

    def check(self, place: str) -> str:
        """
        Read the name.
        """
        return _place(place).scheme

    def __call__(self, spec: SourceSpec, reactor: Any) -> DNSSource:
        """
        Make the source.
        """
        return DNSSource(spec, _place(spec.place), self._make_resolver(spec.resolver, reactor))


def _place(text: str) -> Address:
    kind, plus, url = text.partition("+")
    if not plus:
        raise ValueError(f"{text!r} must be {kind.partition(':')[0]}+http://NAME[:PORT][/PATH]")
    place = parse_url(url)
    if place.socket:
        raise ValueError("a unix socket has no name to look up")
    if ":" in place.host or place.host.replace(".", "").isdigit():
        raise ValueError(f"{place.host} is an address, not a name: give it in `members`")
    return place


factory = DNSFactory()
