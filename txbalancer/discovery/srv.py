"""
C{srv+http://_SERVICE._PROTOCOL.NAME}: the members that SRV records name (RFC 2782).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from twisted.internet.defer import Deferred, DeferredSemaphore, gatherResults, succeed
from twisted.names import dns
from zope.interface import implementer

from txbalancer.config.members import Address, parse_url
from txbalancer.core.discovery import Answer
from txbalancer.core.specs import SourceSpec
from txbalancer.discovery.dns import MakeResolver, line_of
from txbalancer.discovery.lookups import (
    TYPES,
    Addresses,
    Lookup,
    LookupFailed,
    Resolver,
    look_up,
    text_of,
)
from txbalancer.interfaces import IMemberSource, IMemberSourceFactory

AT_ONCE = 10
"""Targets whose addresses are asked for at the same time."""

MOST_LBSET = 99

_HOST_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*").fullmatch
"""Nothing else may come into the line of a member, where blanks divide options."""

Found = tuple[list[str], float | None, str]


def shares(weights: Iterable[int]) -> dict[int, int]:
    """
    Turn weights, 0 to 65535, into load factors, 1 to 100: as they are where they are small.
    """
    known = set(weights)
    most = max(known, default=0)
    return {each: max(1, each if most <= 100 else round(each * 100 / most)) for each in known}


@implementer(IMemberSource)
class SRVSource:
    """
    Asks for SRV records, and for the addresses of their targets where those do not come along.
    """

    def __init__(self, spec: SourceSpec, place: Address, resolver: Any) -> None:
        self._place, self._resolver = place, resolver
        self._sni, self._most = spec.member.sni, spec.most
        self._types = TYPES[spec.family]
        self._addresses = Addresses(resolver, spec.family)

    def find(self) -> Deferred[Answer]:
        """
        Ask for all targets.
        """
        return look_up(self._resolver, self._place.host, dns.SRV).addCallback(self._targets)

    def _targets(self, result: Lookup) -> Deferred[Answer]:
        # A lone target of "." says that there is no such service (RFC 2782).
        records = sorted(
            (each for each in result.found if _target(each)),
            key=lambda each: (each.priority, _target(each), each.port),
        )[: self._most]
        names = sorted({_target(each) for each in records})
        for each in names:
            if not _HOST_NAME(each):
                raise LookupFailed(f"{self._place.host}: the target {each!r} is no host name")
        note = result.note or ("" if records else "the service is said not to be there (SRV .)")
        few = DeferredSemaphore(AT_ONCE)
        asked = [few.run(self._find, name, result.extra) for name in names]

        def answer(found: list[Found]) -> Answer:
            self._addresses.keep(names)
            ttls = [
                each for each in (result.ttl, *(ttl for _, ttl, _ in found)) if each is not None
            ]
            lines = self._lines(
                records, {name: each[0] for name, each in zip(names, found, strict=True)}
            )
            missing = next((each[2] for each in found if each[2]), "")
            return Answer(tuple(lines), min(ttls, default=None), note=note or missing)

        return gatherResults(asked, consumeErrors=True).addCallbacks(answer, _first)

    def _find(self, name: str, extra: list[Any]) -> Deferred[Found]:
        """
        Return the addresses of a target, from what came along if it is there.
        """
        along = [each for each in extra if each.type in self._types and _text(each.name) == name]
        if along:
            ttl = float(min(each.ttl for each in along))
            return succeed((sorted(text_of(each.payload) for each in along), ttl, ""))
        return self._addresses.find(name)

    def _lines(self, records: list[Any], addresses: dict[str, list[str]]) -> Iterable[str]:
        """
        Write a line for each address: lower priorities are lower lbsets, weights load factors.
        """
        lbsets = {
            each: min(number, MOST_LBSET)
            for number, each in enumerate(sorted({each.priority for each in records}))
        }
        factors = shares(each.weight for each in records)
        for each in records:
            name = _target(each)
            for address in addresses[name]:
                line = line_of(self._place, address, each.port, name, self._sni)
                yield f"{line} lbset={lbsets[each.priority]} loadfactor={factors[each.weight]}"

    def close(self) -> None:
        """
        Ask no more.
        """
        self._resolver.close()


def _target(record: Any) -> str:
    return _text(record.target)


def _text(name: Any) -> str:
    # On the wire names have any bytes.
    return str(name.name.decode("latin-1")).lower().rstrip(".")


def _first(reason: Any) -> Any:
    """
    Fail with what a question failed with, not with that several were asked.
    """
    return getattr(reason.value, "subFailure", reason)


@implementer(IMemberSourceFactory)
class SRVFactory:
    """
    For C{srv+SCHEME://NAME}.
    """

    name = "srv"
    interval = 30.0
    takes = frozenset({"ttl-floor", "family", "resolver"})

    def __init__(self, make_resolver: MakeResolver = Resolver) -> None:
        """
        @param make_resolver: as of L{DNSFactory<txbalancer.discovery.dns.DNSFactory>}.
        """
        self._make_resolver = make_resolver

    def check(self, place: str) -> str:
        """
        Read the name.
        """
        return _place(place).scheme

    def __call__(self, spec: SourceSpec, reactor: Any) -> SRVSource:
        """
        Make the source.
        """
        return SRVSource(spec, _place(spec.place), self._make_resolver(spec.resolver, reactor))


def _place(text: str) -> Address:
    match = re.fullmatch(r"[^+]+\+([^:/]+)://([^:/?#]+)(:\d*)?(/.*)?", text)
    if match is None:
        raise ValueError(f"{text!r} must be srv+http://_SERVICE._tcp.NAME[/PATH]")
    scheme, name, port, path = match.groups()
    if port:
        raise ValueError(f"{text!r} has a port: SRV records name those")
    # Some schemes have no port of their own, so that one has to be there.
    return parse_url(f"{scheme}://{name}:9{path or ''}")


factory = SRVFactory()
