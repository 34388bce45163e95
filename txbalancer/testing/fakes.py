"""
One part each, for authors of plugins: requests, members, balancers and extensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.web.resource import Resource
from zope.interface import implementer

from txbalancer.core import lbmethods, stickiness
from txbalancer.core.balancer import Balancer
from txbalancer.core.builtin import factories
from txbalancer.core.discovery import Answer
from txbalancer.core.health import ProbeResult
from txbalancer.core.ledger import Ledger
from txbalancer.core.member import Member
from txbalancer.core.registry import Registry
from txbalancer.core.request import Peer, Request
from txbalancer.core.specs import BalancerSpec, MemberSpec, SourceSpec
from txbalancer.core.values import status
from txbalancer.interfaces import (
    ILBMethod,
    ILBMethodFactory,
    IMemberLoad,
    IMemberSource,
    IMemberSourceFactory,
    IMountable,
    IProbe,
    IStickyScheme,
    IStickySchemeFactory,
)


class FakePeer(Peer):
    """
    A client, which says nothing by itself.
    """

    def __init__(self, client: str = "192.0.2.1", port: int = 40000, secure: bool = False) -> None:
        super().__init__(client, port, "web", secure)


class FakeRequest:
    """
    The head of a request, as lbmethods and sticky schemes see it.

    @param headers: lower-case names, with C{_} for C{-}: C{FakeRequest(x_route=b"a")}.
    """

    def __init__(
        self,
        path: bytes = b"/",
        query: bytes | None = None,
        method: bytes = b"GET",
        host: bytes = b"shop.test",
        peer: Peer | None = None,
        **headers: bytes,
    ) -> None:
        self.method, self.path, self.query, self.host = method, path, query, host
        self.peer = peer or FakePeer()
        self.headers = {name.replace("_", "-").encode(): text for name, text in headers.items()}

    def header(self, name: bytes) -> bytes | None:
        """
        Return a header's value by its lower-case name.
        """
        return self.headers.get(name)


def make_member(url: str = "http://192.0.2.10:80", index: int = 0, **options: Any) -> Member:
    """
    Make a member in its first state.

    @param options: as in a configuration; C{status} may be text, such as C{"+D"}.
    """
    if isinstance(options.get("status"), str):
        options["status"] = status(options["status"])
    return Member(MemberSpec(url, **options), index)


def make_balancer(
    *members: Member | str, registry: Registry | None = None, seed: int = 1, **options: Any
) -> Balancer:
    """
    Make a balancer of members, or of their URLs, that draws lots by C{seed}.

    @param registry: what its options may name; the built-in parts by default.
    """
    if registry is None:
        registry = Registry(lbmethods=factories(lbmethods), sticky=factories(stickiness))
    found = [make_member(each) if isinstance(each, str) else each for each in members]
    spec = BalancerSpec("shop", tuple(each.spec for each in found), **options)
    return Balancer(spec, registry, Random(seed), b"s" * 32)


@implementer(ILBMethod)
class FakeLBMethod:
    """
    Always takes the first member, and notes what it is asked.

    @ivar asked: the requests that members were chosen for.
    """

    def __init__(self) -> None:
        self.asked: list[Request | None] = []
        self.back: list[Member] = []
        self._members: Sequence[Member] = ()

    def build(self, members: Sequence[Member], ledger: Ledger, random: Random) -> None:
        self._members = members
        self._ledger = ledger

    def choose(self, request: Request | None) -> Member:
        self.asked.append(request)
        self._ledger.charge_election(self._members[0])
        return self._members[0]

    def released(self, member: Member) -> None:
        self.back.append(member)

    def reset(self, members: Sequence[Member]) -> None:
        self.asked.clear()


@implementer(ILBMethodFactory)
class FakeLBMethodFactory:
    """
    For C{lbmethod = fake}.

    @ivar made: every method that was made.
    """

    name = "fake"
    needs: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.made: list[FakeLBMethod] = []

    def __call__(self, spec: BalancerSpec) -> FakeLBMethod:
        self.made.append(FakeLBMethod())
        return self.made[-1]


@implementer(IStickyScheme)
class FakeStickyScheme:
    """
    The route is what the header C{x-route} says; answers say it too.
    """

    def find(self, request: Request, known: Any) -> tuple[bytes, bytes] | None:
        route = request.header(b"x-route")
        return None if route is None else (b"x-route", route)

    def labels(self, member: Member) -> tuple[bytes, ...]:
        return (member.route,)

    def remember(self, request: Request, found: Any, member: Member) -> bytes | None:
        return b"X-Route: " + member.route


@implementer(IStickySchemeFactory)
class FakeStickySchemeFactory:
    """
    For C{stickyscheme = fake}.
    """

    name = "fake"

    def __call__(self, spec: BalancerSpec, secret: bytes) -> FakeStickyScheme:
        return FakeStickyScheme()


@implementer(IMemberLoad)
class FakeMemberLoad:
    """
    Knows the room of members by their URL.

    @ivar rooms: URL -> how many more requests; members that are not in it are unknown.
    """

    name = "fake"

    def __init__(self, rooms: dict[str, int] | None = None) -> None:
        self.rooms = rooms or {}

    def room(self, member: MemberSpec, now: float) -> int | None:
        return self.rooms.get(member.url)


@implementer(IMemberSource)
class FakeMemberSource:
    """
    Finds what it is told to find.

    @ivar answer: the next finding: an L{Answer}, C{None} for nothing new, an exception, or a
        Deferred.
    @ivar asked: how often it was asked.
    """

    def __init__(self, *lines: str) -> None:
        self.answer: Any = Answer(lines)
        self.asked = 0
        self.closed = False

    def find(self) -> Deferred[Answer | None]:
        self.asked += 1
        if isinstance(self.answer, Deferred):
            return self.answer
        return fail(self.answer) if isinstance(self.answer, Exception) else succeed(self.answer)

    def close(self) -> None:
        self.closed = True


@implementer(IMemberSourceFactory)
class FakeMemberSourceFactory:
    """
    For C{discover = fake:PLACE}.

    @ivar sources: by their places; the one of a place is made when it is asked for.
    """

    name = "fake"
    interval = 10.0
    takes: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.sources: dict[str, FakeMemberSource] = {}

    def check(self, place: str) -> str:
        if place == "fake:":
            raise ValueError("a place is expected after the colon: fake:PLACE")
        return ""

    def at(self, place: str) -> FakeMemberSource:
        """
        Return the source of a place.
        """
        return self.sources.setdefault(place, FakeMemberSource())

    def __call__(self, spec: SourceSpec, reactor: Any) -> FakeMemberSource:
        return self.at(spec.place)


@implementer(IProbe)
class FakeProbe:
    """
    For C{hcmethod = fake}: finds what it is told to find.

    @ivar result: the next finding; an exception fails the probe.
    @ivar asked: the members that were asked.
    """

    name = "fake"

    def __init__(self) -> None:
        self.result: ProbeResult | Deferred[ProbeResult] = ProbeResult(True, "well")
        self.asked: list[MemberSpec] = []

    def probe(self, reactor: Any, member: MemberSpec) -> Deferred[ProbeResult]:
        self.asked.append(member)
        return self.result if isinstance(self.result, Deferred) else succeed(self.result)


class FakePage(Resource):
    """
    Says where in the tree it is, and what it was asked.
    """

    def getChild(self, path: bytes, request: Any) -> Resource:
        return self

    def render(self, request: Any) -> bytes:
        """
        Answer C{GET at /above/ for /below}.
        """
        above, below = b"/".join(request.prepath), b"/".join(request.postpath)
        text: bytes = b"%b at /%b for /%b" % (request.method, above, below)
        return text


@implementer(IMountable)
class FakeMountable:
    """
    For C{to = resource:fake}: one short text.
    """

    name = "fake"

    def make_resource(self) -> Resource:
        return FakePage()
