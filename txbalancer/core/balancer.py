"""
A balancer: its members, who is chosen among them, and who is out and why.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from math import inf
from random import Random
from typing import Any, NamedTuple

from txbalancer import errors
from txbalancer.core import candidates, flags
from txbalancer.core.candidates import Labels, by_label
from txbalancer.core.member import Member, Origin
from txbalancer.core.passive.breaker import OPEN
from txbalancer.core.prospects import first_back
from txbalancer.core.recalling import Recalling
from txbalancer.core.registry import Registry
from txbalancer.core.request import Request
from txbalancer.core.sources import Binding, Sources
from txbalancer.core.specs import BalancerSpec
from txbalancer.core.standing import Flip

BY_SOURCE = b"source"
"""Name of a session that a client's address tells."""

_FIRST_CHOICE = flags.INIT | flags.UNUSABLE | flags.STANDBY | flags.TRIAL


class Session(NamedTuple):
    """
    A client's session as found in its request.

    @ivar name: the cookie or parameter that held it.
    @ivar route: the label in it; may name no member.
    @ivar members: the members that carry the label, usable or not, in order.
    """

    name: bytes
    route: bytes
    members: Sequence[Member]


class Balancer(Recalling):
    """
    Elects members for requests and keeps their live state.

    It survives a reload, see L{reconfigure}. Flags, factors, lbsets and routes of its
    members change only through it, or L{changed} is called after.

    @ivar spec: its options, with changes made at run time.
    @ivar configured: its options as in the configuration.
    @ivar dismissed: members that somebody removed and a source still names, with what it says.
    @ivar sticky: whether sessions are looked for at all.
    @ivar sources: which members the addresses of clients belong to, if that counts.
    @ivar on_source: called with what others who have the same clients should know of that; to be
        set by L{share_sources}.
    """

    __slots__ = (
        "_field",
        "_method",
        "_random",
        "_registry",
        "_routes",
        "_schemes",
        "_secret",
        "configured",
        "dismissed",
        "on_source",
        "sources",
        "spec",
        "sticky",
    )

    def __init__(
        self,
        spec: BalancerSpec,
        registry: Registry,
        random: Random,
        secret: bytes = b"",
        on_flip: Callable[[Flip], object] = lambda flip: None,
        plain: bool = False,
    ) -> None:
        """
        @param registry: the lbmethods and sticky schemes there are; C{spec} names some.
        @param secret: random bytes that last as long as the process; sign sticky
            cookies where the configuration has no secret.
        @param plain: a lone member without a balancer around it never goes into error
            (APACHE F7).
        @raise KeyError: for an lbmethod or scheme that the registry does not have.
        """
        super().__init__(on_flip, plain)
        self.spec = self.configured = spec
        self._registry = registry
        self._random = random
        self._secret = secret
        self._method = self._make_method(spec)
        self._schemes = self._make_schemes(spec)
        self.sources: Sources | None = None
        self.on_source: Callable[[Binding], object] | None = None
        self.dismissed: dict[str, Origin] = {}
        self._use_sources(spec)
        self._field: Sequence[Member] = ()
        self.install(Member(each) for each in spec.members)
        self.watch(spec)

    # -- who gets the request ---------------------------------------------

    def elect(
        self,
        now: float,
        request: Request | None = None,
        tried: Collection[Member] = (),
        allow_tried: bool = False,
    ) -> Member | None:
        """
        Choose a member by lbset, flags and lbmethod, and charge it for an attempt.

        The caller ends the attempt with L{release}.

        @param tried: members that failed this request before; not chosen again.
        @param allow_tried: choose among them after all when no other member is usable.
        @return: C{None} when nobody is available.
        """
        if tried:
            if now > self.valid_until or any(member.weight for member in tried):
                self._evaluate(now, tried)
                if allow_tried and not self._field:
                    self._evaluate(now, ())
        elif now > self.valid_until:
            self._evaluate(now, ())
        if not self._field:
            return None
        member: Member | None = self._method.choose(request)
        if member is None:
            return None
        member.elected += 1
        member.busy += 1
        return member

    def candidates(self, now: float) -> Sequence[Member]:
        """
        Return the members that are up for election.
        """
        if now > self.valid_until:
            self._evaluate(now, ())
        return self._field

    def move(self, old: Member, new: Member) -> None:
        """
        Let another member have an attempt that has not begun yet.
        """
        self.release(old)
        new.elected += 1
        new.busy += 1

    def session(self, request: Request, now: float = inf) -> Session | None:
        """
        Find the session that a request belongs to; the first scheme that knows decides, and
        after them the client's address.

        @param now: for the addresses, whose time runs out.
        """
        for scheme, labels in self._schemes:
            found = scheme.find(request, labels)
            if found is not None:
                name, route = found
                return Session(name, route, labels.get(route, ()))
        if self.sources is None:
            return None
        known = self.sources.find(request.peer.client, now)
        member = self.named.get(known) if known else None
        return Session(BY_SOURCE, member.route, (member,)) if member is not None else None

    def settle(self, request: Request, member: Member, now: float) -> None:
        """
        Let the address that a request came from belong to the member that took it.
        """
        if self.sources is not None:
            self.sources.note(request.peer.client, member.name, now)

    def follow(self, session: Session, now: float, tried: Collection[Member] = ()) -> Member | None:
        """
        Find the usable member of a session and charge it for an attempt (APACHE S9, S20).

        The caller ends the attempt with L{release}.

        @param tried: members that failed this request before; they count as unusable.
        @return: C{None} when the lbmethod has to choose.
        @raise errors.SessionRefused: when C{nofailover} forbids that (APACHE S23).
        """
        if not session.members:
            return None
        if self.members and self.members[0].flags & flags.IN_ERROR:
            self._recover(now, self._forces)
        member: Member | None = session.members[0]
        # Nearly always the first one can: the search is for the other cases.
        if session.members[0].flags & _FIRST_CHOICE != flags.INIT or member in tried:
            member = self._resolve(session.members, now, tried, 1, set())
        if member is None:
            if self.spec.nofailover:
                raise errors.SessionRefused(
                    f"{self.spec.name}: the member of this session is out of use and"
                    " nofailover forbids another"
                )
            return None
        self.ledger.charge_sticky(member)
        member.elected += 1
        member.busy += 1
        return member

    def carriers(self, route: bytes) -> Sequence[Member]:
        """
        Return the members with a route, usable or not, in order of declaration.
        """
        return self._routes.get(route, ())

    def remember(
        self, request: Request, session: Session | None, member: Member
    ) -> Iterable[bytes]:
        """
        Return header lines that tie the client to C{member}, without line ends.
        """
        lines = (scheme.remember(request, session, member) for scheme, _ in self._schemes)
        return [line for line in lines if line is not None]

    def share_sources(self, tell: Callable[[Binding], object]) -> None:
        """
        Have others who have the same clients know which member an address belongs to.
        """
        self.on_source = tell
        if self.sources is not None:
            self.sources.tell = tell

    def release(self, member: Member) -> None:
        """
        End an attempt; once for each member that L{elect} or L{follow} returned.
        """
        member.busy -= 1
        self._method.released(member)

    def next_chance(self, now: float) -> float:
        """
        Return when, by the clock alone, elections may turn out otherwise: somebody's
        C{retry} is over. C{inf} for never.
        """
        if now > self.valid_until:
            self._evaluate(now, ())
        return self.valid_until

    def next_return(self, now: float, members: Iterable[Member] = ()) -> float:
        """
        Return when requests that get none now may get a member, as far as that is known; nothing
        changes by it.

        @param members: the only ones that will do; none for any.
        @return: C{inf} when only people can help.
        """
        found = first_back(members or self.members, now)
        breaker = self.breaker
        if breaker is not None and breaker.state == OPEN:
            return max(found, breaker.until)
        return found

    @property
    def maxattempts(self) -> int:
        """
        Most further members tried in one request (APACHE B7).
        """
        most = self.spec.maxattempts
        return max(0, len(self.members) - 1) if most is None else most

    def lbstatus(self, member: Member) -> int:
        """
        Return a member's lbstatus in hundredths, as Apache's manager shows it.
        """
        return self.ledger.status(member)

    # -- what it is made of -----------------------------------------------

    def install(self, members: Iterable[Member]) -> None:
        """
        Make these the members, in this order, each keeping its lbstatus.
        """
        self._install(members)
        self.index()

    def index(self) -> None:
        """
        Note anew which member carries which route; to be called when routes changed.
        """
        self._routes = by_label(self.members, lambda member: (member.route,))
        self._schemes = [
            (scheme, by_label(self.members, scheme.labels)) for scheme, _ in self._schemes
        ]
        self.changed()

    def rehearse(self, spec: BalancerSpec) -> None:
        """
        Try what may fail about L{respec}; nothing is changed.

        @raise Exception: what the makers of lbmethods and sticky schemes raise.
        """
        self._make_method(spec)
        self._make_schemes(spec)

    def respec(self, spec: BalancerSpec) -> None:
        """
        Take other options; the members stay. A new lbmethod starts even (APACHE A17).
        """
        method, schemes = self._make_method(spec), self._make_schemes(spec)
        if spec.lbmethod != self.spec.lbmethod:
            self.ledger.restart()
            method.reset(self.members)
        self.spec, self._method, self._schemes = spec, method, schemes
        self._use_sources(spec)
        self.index()
        self.watch(spec)

    def _use_sources(self, spec: BalancerSpec) -> None:
        """
        Keep the addresses that are known, if addresses still count.
        """
        if not spec.stickysource:
            self.sources = None
        elif self.sources is None:
            self.sources = Sources(spec.stickysource, spec.stickysource_most, self.on_source)
        else:
            self.sources.lasting = spec.stickysource
            self.sources.most = spec.stickysource_most
        self.sticky = bool(self._schemes) or self.sources is not None

    def _make_method(self, spec: BalancerSpec) -> Any:
        return self._registry.lbmethods[spec.lbmethod](spec)

    def _make_schemes(self, spec: BalancerSpec) -> list[tuple[Any, Labels]]:
        names = (spec.stickyscheme,) if spec.stickyscheme else ("session", "cookie")
        made = (self._registry.sticky[name](spec, self._secret) for name in names)
        return [(scheme, {}) for scheme in made if scheme is not None]

    # -- the walk ---------------------------------------------------------

    @property
    def _forces(self) -> bool:
        # In panic members in error are used as they are.
        return self.spec.forcerecovery and not self.panicking

    def _evaluate(self, now: float, tried: Collection[Member]) -> None:
        """
        Find who is up for election and prepare the method for them.

        @param tried: who is left out, which holds for one election only.
        """
        found = candidates.field(self.members, now, self._forces, tried)
        flips = [self._revive(member, now) for member in found.revived]
        self._field = found.members
        self.ledger.arrange(found.members)
        if found.members:
            self._method.build(found.members, self.ledger, self._random)
        # A trial is one less for the next election.
        passing = tried or any(member.flags & flags.TRIAL for member in found.members)
        self.valid_until = -inf if passing else found.valid_until
        for flip in flips:
            self._emit(flip)

    def _resolve(
        self,
        members: Sequence[Member],
        now: float,
        tried: Collection[Member],
        depth: int,
        dead: set[tuple[bytes, int]],
    ) -> Member | None:
        """
        Find the first usable of C{members}, standbys last, or of their redirects.

        @param depth: redirects followed, and one; bounds cycles as Apache does.
        @param dead: (redirect, depth) pairs that led nowhere.
        """
        for standby in (0, flags.STANDBY):
            for member in members:
                if member.flags & flags.STANDBY != standby:
                    continue
                if member not in tried and self._usable(member, now):
                    return member
                hop = (member.redirect, depth)
                if member.redirect and depth < len(self.members) and hop not in dead:
                    further = self.carriers(member.redirect)
                    found = self._resolve(further, now, tried, depth + 1, dead)
                    if found is not None:
                        return found
                    dead.add(hop)
        return None
