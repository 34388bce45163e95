"""
The live state of a member: what a specification becomes once traffic flows.
"""

from __future__ import annotations

from collections import deque
from math import inf
from typing import Any, NamedTuple

from txbalancer.core import flags
from txbalancer.core.health import Health, ProbeCounts, ProbeResult
from txbalancer.core.passive.slowstart import FULL
from txbalancer.core.passive.tally import Tally
from txbalancer.core.passive.watched import Watched
from txbalancer.core.specs import MemberSpec

PROBES_KEPT = 10
"""Probes of a member whose transcripts can be looked at."""

BY_HEALTH = flags.INIT | flags.UNUSABLE
"""Flags that decide who may carry traffic."""

IN_PANIC = flags.INIT | flags.HELD
"""Those that do where health is ignored."""


class Temporary(NamedTuple):
    """
    That a member's load factor holds for some time only.

    @ivar until: when that is over, by the balancers' clock.
    @ivar loadfactor: the one that comes back then, in hundredths.
    """

    until: float
    loadfactor: int


class Origin(NamedTuple):
    """
    That a source of members knows a member.

    @ivar source: its place, as C{discover} has it.
    @ivar spec: what it says of the member.
    """

    source: str
    spec: MemberSpec


class _Looked:
    """
    What each request looks at or changes, in slots side by side: of 1,000 members none stays in
    the processor's caches from one request to its next, and each line of memory has to be fetched.
    """

    __slots__ = (
        "base",
        "busy",
        "elected",
        "factor",
        "flags",
        "name",
        "pool",
        "read",
        "route",
        "tally",
        "transferred",
    )


class Member(_Looked):
    """
    One destination of a balancer, with its rank, its flags and its counters.

    Flags, factors, lbset and routes are changed through the balancer only, which
    has to notice; the byte counters may be added to by whoever moves the bytes.

    @ivar name: the member's URL; its identity within the balancer.
    @ivar index: place in the order of declaration, from 0.
    @ivar flags: bits of L{txbalancer.core.flags}.
    @ivar factor: the load factor by which it is elected: a part of C{lbfactor} while it starts
        slowly; see L{set_share}.
    @ivar share: that part in percent.
    @ivar lead: what C{bytraffic} adds to its traffic, so that who comes back has not to catch up.
    @ivar mask: the flags that decide whether it is usable: C{BY_HEALTH} or C{IN_PANIC}.
    @ivar quota: what C{elected} is when it takes no more trials.
    @ivar tally: what its traffic showed; C{watched}: what was made of that.
    @ivar route: label of this member's sessions; empty for none.
    @ivar redirect: route to use for its sessions while it is unusable; empty for none.
    @ivar base: the settled part of lbstatus; see L{txbalancer.core.ledger.Ledger}.
    @ivar weight: what one election adds to lbstatus: the factor, or 0 if not compared.
    @ivar credit: what one sticky hit adds to lbstatus: the factor, or 0 if not usable.
    @ivar busy: attempts in progress; C{others}: those of other processes with the same members,
        as they were a moment ago, where the lbmethod goes by that.
    @ivar elected: attempts ever begun.
    @ivar transferred: bytes sent to the member; C{read}: bytes received (APACHE A13).
    @ivar error_time: when it last went into error, monotonic; C{-inf} for long ago.
    @ivar retries: how often it came out of error without a new connection since.
    @ivar failures: times of the failures that still count towards C{maxfails}.
    @ivar since: when the flags last changed; C{cause}: why, for people; C{flips}: how often.
    @ivar room: requests it says it could take, for lbmethod heartbeat; C{None} = unknown.
    @ivar temporary: until when the load factor holds; C{None} = for good.
    @ivar origin: which source of members knows it; C{None} for one that people gave.
    @ivar probe: what the last health check found, and C{probed} when; C{None} before the first.
    @ivar probe_counts: what all of them found.
    @ivar probes: the last L{PROBES_KEPT} of them, the oldest first, each with its wall-clock time;
        those that somebody asked for and that do not count, too.
    @ivar pool: free for the shell: the member's connections.
    """

    __slots__ = (
        "_lbfactor",
        "cause",
        "credit",
        "error_time",
        "failures",
        "flips",
        "health",
        "index",
        "lbset",
        "lead",
        "mask",
        "origin",
        "others",
        "probe",
        "probe_counts",
        "probed",
        "probes",
        "quota",
        "redirect",
        "retries",
        "room",
        "share",
        "since",
        "spec",
        "temporary",
        "watched",
        "weight",
    )

    def __init__(self, spec: MemberSpec, index: int = 0) -> None:
        self.spec = spec
        self.name = spec.url
        self.index = index
        self.flags = spec.status
        self.share, self.lead = FULL, 0
        self.lbfactor = spec.loadfactor
        self.lbset = spec.lbset
        self.route = spec.route.encode()
        self.redirect = spec.redirect.encode()
        self.base = self.weight = self.credit = 0
        self.busy = self.others = self.elected = self.transferred = self.read = 0
        self.error_time = -inf
        self.retries = self.flips = 0
        self.failures: list[float] = []
        self.health = Health()
        self.since = -inf
        self.cause = ""
        self.room: int | None = None
        self.temporary: Temporary | None = None
        self.origin: Origin | None = None
        self.probe: ProbeResult | None = None
        self.probe_counts = ProbeCounts()
        self.probes: deque[tuple[float, ProbeResult]] = deque(maxlen=PROBES_KEPT)
        self.probed = -inf
        self.pool: Any = None
        self.mask = BY_HEALTH
        self.quota: float = inf
        self.tally = Tally()
        self.watched = Watched()

    def __repr__(self) -> str:
        return f"<Member {self.name} {flags.describe(self.flags).strip()}>"

    @property
    def usable(self) -> bool:
        """
        Whether the flags let it carry traffic at all (APACHE 0.10).
        """
        return self.flags & self.mask == flags.INIT

    @property
    def lbfactor(self) -> int:
        """
        Load factor in hundredths, 100 to 10000, as people set it.
        """
        return self._lbfactor

    @lbfactor.setter
    def lbfactor(self, value: int) -> None:
        self._lbfactor = value
        self.set_share(self.share)

    def set_share(self, share: int) -> None:
        """
        Let it have a part of its load factor only, in percent; elections have to notice.
        """
        self.share = share
        self.factor = max(1, self._lbfactor * share // FULL)

    def retryable(self, now: float) -> bool:
        """
        Tell whether its error may be forgiven at C{now} (APACHE A25).
        """
        return self.flags & (flags.IN_ERROR | flags.STOPPED) == flags.IN_ERROR and (
            self.flags & flags.IGNORE_ERRORS != 0 or now > self.error_time + self.spec.retry
        )
