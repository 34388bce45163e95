"""
C{hash}: the same key always goes to the same member while it is there.

Each member has points on a ring, in number by its load factor; a key belongs to the
next point. When a member leaves, only its own keys move, and they come back with it, in a slow
start some at a time.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Callable, Sequence
from hashlib import blake2b
from random import Random

from zope.interface import implementer, provider

from txbalancer.core.lbmethods.byrequests import ByRequests
from txbalancer.core.ledger import Ledger
from txbalancer.core.member import Member
from txbalancer.core.request import Request
from txbalancer.core.specs import BalancerSpec
from txbalancer.interfaces import ILBMethod, ILBMethodFactory

POINTS = 160
"""Points of a member with load factor 1."""

MOST_POINTS = 1 << 16
"""About as many points as a ring may have in all."""

Key = Callable[[Request], bytes | None]


def key(text: str) -> Key:
    """
    Make the function that takes the key, C{hashkey} in the spec, out of a request.
    """
    kind, _, name = text.partition(":")
    if kind == "source":
        return lambda request: request.peer.client.encode()
    if kind == "path":
        return lambda request: request.path
    if kind == "uri":
        return _uri
    if kind == "header":
        header = name.lower().encode()
        return lambda request: request.header(header)
    pattern = rb"(?<![^;\s])%b=([^;]*)" if kind == "cookie" else rb"(?<![^&])%b=([^&]*)"
    search = re.compile(pattern % re.escape(name.encode())).search
    if kind == "cookie":
        return lambda request: _first(search(request.header(b"cookie") or b""))
    return lambda request: _first(search(request.query or b""))


def _uri(request: Request) -> bytes:
    return request.path if request.query is None else b"%b?%b" % (request.path, request.query)


def _first(found: re.Match[bytes] | None) -> bytes | None:
    return found[1] if found else None


def points(name: str, count: int) -> list[int]:
    """
    Return C{count} places on the ring; a greater count adds to those of a smaller one.
    """
    found: list[int] = []
    for block in range(0, count, 8):
        digest = blake2b(b"%d %b" % (block, name.encode())).digest()
        found += [int.from_bytes(digest[at : at + 8]) for at in range(0, 64, 8)]
    return found[:count]


def scale(spec: BalancerSpec) -> float:
    """
    Return points per hundredth of load factor: as few halvings as keep the ring small.

    Halvings, so that few keys move when the number of members changes.
    """
    share = POINTS / 100
    while share * sum(member.loadfactor for member in spec.members) > MOST_POINTS:
        share /= 2
    return share


@provider(ILBMethodFactory)
@implementer(ILBMethod)
class Hash:
    """
    Requests without the key go by requests. lbstatus is used for those only.
    """

    name = "hash"
    needs: frozenset[str] = frozenset()  # but for its key: all but the source are parts of requests

    __slots__ = ("_fallback", "_key", "_owner", "_ring", "_scale", "_sizes")

    def __init__(self, spec: BalancerSpec) -> None:
        self._key = key(spec.hashkey)
        self._scale = scale(spec)
        self._fallback = ByRequests(spec)
        self._sizes: dict[Member, int] = {}
        self._owner: dict[int, Member] = {}
        self._ring: list[int] = []

    def build(self, members: Sequence[Member], ledger: Ledger, random: Random) -> None:
        self._fallback.build(members, ledger, random)
        sizes = {each: max(1, int(each.factor * self._scale)) for each in members}
        if sizes == self._sizes:
            return
        # Only what changed is hashed: a whole ring takes tens of milliseconds.
        owner = self._owner
        gone = [(each, size) for each, size in self._sizes.items() if sizes.get(each) != size]
        for each, size in gone:
            for point in points(each.name, size):
                owner.pop(point, None)
        ring = [point for point in self._ring if point in owner]
        for each, size in sizes.items():
            if self._sizes.get(each) != size:
                fresh = points(each.name, size)
                owner.update(dict.fromkeys(fresh, each))
                ring += fresh
        ring.sort()
        self._sizes, self._ring = sizes, ring

    def choose(self, request: Request | None) -> Member:
        value = None if request is None else self._key(request)
        if value is None:
            return self._fallback.choose(request)
        ring = self._ring
        place = bisect(ring, int.from_bytes(blake2b(value, digest_size=8).digest()))
        return self._owner[ring[place if place < len(ring) else 0]]

    def released(self, member: Member) -> None:
        """
        Load is not looked at.
        """

    def reset(self, members: Sequence[Member]) -> None:
        """
        Nothing is kept.
        """


factory = Hash
