"""
The targets of mounts as Twisted resources.

A L{BalancerResource} takes an exchange at the end of the head, so that bodies stream.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import Any
from weakref import WeakSet

from twisted.logger import Logger, LogLevel
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from txbalancer.core.balancer import Balancer
from txbalancer.core.gates import Gate, GateSpec, adjusted, limit_name
from txbalancer.core.health import ProbeResult
from txbalancer.core.lines import Line
from txbalancer.core.member import Member
from txbalancer.core.mounts import Mount
from txbalancer.core.prospects import readiest
from txbalancer.core.reload import reconfigure
from txbalancer.core.rollcall import roll_call
from txbalancer.core.specs import BalancerSpec, MemberSpec, MountSpec, ToBalancer
from txbalancer.errors import BalancerError, NoMemberAvailable
from txbalancer.net.deadlines import NEVER
from txbalancer.proxy.attempts import Attempts
from txbalancer.proxy.faults import Faults
from txbalancer.proxy.h2.pool import make_http_pool
from txbalancer.proxy.mounted import MountedBalancer
from txbalancer.proxy.pool import MemberPool
from txbalancer.proxy.runtime import Runtime
from txbalancer.proxy.sharing import Sharing
from txbalancer.proxy.throttle import Throttle
from txbalancer.proxy.tree import forward, place_of

_LONGEST = 60
"""Seconds of C{Retry-After} where nothing tells, or it is more."""


class BalancerResource(Resource):
    """
    A balancer, reachable through mounts.

    @ivar balancer: the domain's part: who is elected, who is out.
    @ivar gate: before all its requests; C{None} where they are not limited.
    @ivar mounted: it behind its mounts.
    """

    isLeaf = True
    log = Logger()

    def __init__(
        self,
        runtime: Runtime,
        balancer: Balancer,
        make_pool: Callable[[Runtime, MemberSpec], MemberPool] = make_http_pool,
    ) -> None:
        """
        @param make_pool: makes what has the connections of a member.
        """
        super().__init__()
        self._make_pool = make_pool
        self.runtime = runtime
        self.balancer = balancer
        self.mounted: WeakSet[MountedBalancer] = WeakSet()
        self._waiting: Line[Attempts] = Line()
        self.gate: Gate | None = None
        self._limit(balancer.spec)
        self._sharing: Sharing | None = None
        self._throttle = Throttle()
        self._outages = Throttle(10.0)
        self._faults = Faults()
        self._timer: Any = None
        # When was looked last, what was found, and who was in use then, for L{retry_after}.
        self._back: tuple[float, float, Member | None] = (-inf, inf, None)

    def open_pools(self) -> None:
        """
        Give every member its connection pool, with its options and TLS files as they are now,
        and let its exchanges be watched as these options want it.

        @raise StartError: when a member's TLS files cannot be used.
        """
        members = self.balancer.members
        if any(member.spec.max or member.spec.maxrequests for member in members):
            self._sharing = self._sharing or Sharing(self.balancer, self.runtime.now)
        for member in members:
            if member.pool is None:
                member.pool = self._make_pool(self.runtime, member.spec)
            else:
                member.pool.configure(member.spec)
            member.pool.join(member, self._sharing)
        for each in self.mounted:
            each.observe()

    def reconfigure(self, spec: BalancerSpec) -> None:
        """
        Take another spec, with the live state of every member that stays.
        """
        reloaded = reconfigure(self.balancer, spec, self.runtime.now())
        self._limit(spec)
        self.open_pools()
        for member in reloaded.removed:
            self._faults.forget(member)
            if member.pool is not None:
                member.pool.leave()
        for member in self.balancer.members:
            member.pool.serve_waiting()  # max may be higher now
            member.pool.serve_others()
        self.serve_waiting()

    def _limit(self, spec: BalancerSpec) -> None:
        name = limit_name(f"balancer {spec.name}")
        own = GateSpec(name, spec.max_requests, spec.queue, spec.queue_timeout)
        self.gate = adjusted(self.gate, own, self._soon, self.runtime.counting.gate)

    def _soon(self, act: Callable[[], None]) -> None:
        self.runtime.reactor.callLater(0, act)

    def member(self, name: str) -> Member | None:
        """
        Return a member by its name.
        """
        return self.balancer.named.get(name)

    def checked(self, name: str, result: ProbeResult, counts: bool = True) -> None:
        """
        Note a probe's result for a member, and let it count for the verdict.

        @param counts: whether it does.
        """
        member = self.member(name)
        if member is None:
            return
        member.probes.append((self.runtime.wall(), result))
        if counts:
            member.probe, member.probed = result, self.runtime.now()
            member.probe_counts.add(result)
            self.balancer.health(member, result.passed, self.runtime.now(), result.text)

    def leave(self) -> None:
        """
        Take no more requests: idle connections are closed, others after their exchange.
        """
        for member in self.balancer.members:
            if member.pool is not None:
                member.pool.leave()

    def render(self, request: Request) -> int:
        """
        Answer in a tree of C{twisted.web} resources, wherever this one is put there.

        The L{Runtime} has to be running: C{runtime.deadlines.start(runtime.now)}.
        """
        place, path = place_of(request)
        name = self.balancer.spec.name
        spec = MountSpec("tree", place.decode("latin-1"), ToBalancer(name, "/"))
        forward(MountedBalancer(self, spec), Mount(spec), request, path)
        return NOT_DONE_YET

    # -- exchanges

    @property
    def waiting(self) -> int:
        """
        How many exchanges wait for any member at all, or before the gate.
        """
        before = 0 if self.gate is None else len(self.gate.line)
        return len(self._waiting) + before

    def wait(self, exchange: Attempts) -> None:
        """
        Hold an exchange that found no member, for at most the balancer's C{timeout}.

        Apache polls (APACHE X26); here a member's return serves the first that waits.
        """
        timeout = self.balancer.spec.timeout
        if not timeout:
            exchange.no_member()
            return
        exchange.wait_until(self.runtime.now() + timeout)
        self._waiting.add(exchange, exchange.high)
        self._arm()

    def forget(self, exchange: Attempts) -> None:
        """
        Drop an exchange that may be waiting, because its client left.
        """
        self._waiting.discard(exchange)

    def serve_waiting(self) -> None:
        """
        Look for members for those that wait; called when a member came back.
        """
        while self._waiting:
            exchange = self._waiting.first()
            member = self.balancer.elect(self.runtime.now(), exchange.head)
            if member is None:
                self._arm()
                return
            self._waiting.take()
            exchange.elected(member)

    def _arm(self) -> None:
        """
        Wake up when the next member in error may be tried again.
        """
        until = self.balancer.next_chance(self.runtime.now())
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        if until < NEVER:
            delay = max(0.001, until - self.runtime.now() + 0.001)
            self._timer = self.runtime.reactor.callLater(delay, self.serve_waiting)

    # -- messages

    def explain(self, error: BalancerError) -> str:
        """
        Say what happened in words for the visitor; members and addresses stay out of it.
        """
        if isinstance(error, NoMemberAvailable):
            return "No part of this service is available at the moment. Please try again shortly."
        if error.status == 504:
            return "The service took too long to answer."
        if error.status in (502, 503):
            return "The service did not answer properly."
        return str(error)

    def retry_after(self, members: Sequence[Member] = ()) -> int:
        """
        Tell clients in how many seconds another try makes sense, 1 to 60.

        @param members: the only ones that will do; none for any.
        """
        now = self.runtime.now()
        wait = (self.balancer.next_return(now, members) if members else self._next(now)) - now
        return max(1, min(_LONGEST, int(wait) + 1)) if wait < NEVER else _LONGEST

    def _next(self, now: float) -> float:
        """
        Return when any member may take requests. Where it is asked most, under load and in an
        outage, members may be many: all are looked at once a second, and whenever the one that was
        found in use may just have gone out.
        """
        looked, back, ready = self._back
        if ready is not None:
            back = self.balancer.next_return(now, (ready,))
        if now - looked >= 1.0 or (back <= now) != (ready is not None):
            found = readiest(self.balancer.members, now)
            back = inf if found is None else self.balancer.next_return(now, (found,))
            self._back = (now, back, found if back <= now else None)
        return back

    def log_fault(self, member: Member, error: BalancerError) -> None:
        """
        Note what a member did, if somebody has to mend it.
        """
        self._faults.note(self.balancer.spec.name, member, error, self.runtime.now())

    def log_failure(self, exchange: Attempts, error: BalancerError) -> None:
        """
        Note a failed exchange, within reason: the access log has them all. That nobody could
        take it is for whoever is in charge (APACHE A33), what a member did for whoever debugs.
        """
        members = self.balancer.members
        gone = not any(each.usable for each in members)
        outage = gone or error.status == 503
        throttle = self._outages if outage else self._throttle
        more = throttle.permit(self.runtime.now())
        if more is None:
            return
        missing = gone or type(error) is NoMemberAvailable
        self.log.emit(
            LogLevel.warn if outage else LogLevel.debug,
            "{balancer}: {method} {target}: {status}: {error}{more}",
            more=more,
            balancer=self.balancer.spec.name,
            method=exchange.head.method.decode("latin-1"),
            target=exchange.head.target.decode("latin-1"),
            status=error.status,
            error=f"no member is left: {roll_call(members)}" if missing else str(error),
        )
