"""
How often and how long: what is known of many exchanges without keeping any of them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate
from operator import add

from txbalancer.core.counters import Counters
from txbalancer.core.outcome import Outcome

_STEPS = (1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0, 5.0, 6.3, 8.0)

BOUNDS = tuple(step * 10.0**power for power in range(-4, 3) for step in _STEPS)
"""Upper ends of the classes of a L{Histogram}, in seconds: 0.1 ms to 800 s, ten a decade."""

COARSE = tuple(index for index in range(7, 58) if index % 10 in (0, 4, 7))
"""
Indices of those C{BOUNDS} that are 1, 2.5 and 5 times a power of ten, from 0.5 ms to 50 s:
enough for graphs.
"""


class Histogram:
    """
    Spans of time, by classes that grow by about a quarter each.

    @ivar counts: how many spans are in each class; the last one has those beyond all bounds.
    @ivar seconds: the sum of the spans.
    """

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        """
        Count a span.
        """
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds

    def merge(self, other: Histogram) -> None:
        """
        Count the spans of another histogram as well.
        """
        if not any(other.counts):
            return  # as of a member that never had to queue
        self.counts = list(map(add, self.counts, other.counts))
        self.seconds += other.seconds

    @property
    def total(self) -> int:
        """
        How many spans there are.
        """
        return sum(self.counts)


def percentiles(counts: Sequence[int], parts: Iterable[float]) -> list[float | None]:
    """
    Return spans that C{parts} of all spans do not exceed, to a quarter; C{None} without any.

    @param counts: as of a L{Histogram}, or the difference of two.
    @param parts: from above 0 to 1, such as 0.5 and 0.95.
    @return: seconds: the upper ends of the classes where they lie.
    """
    sums = list(accumulate(counts))
    total = sums[-1] if sums else 0
    if not total:
        return [None for _ in parts]
    # The first class by whose end there are as many; one is empty where its sum is no other.
    last = len(BOUNDS) - 1
    return [BOUNDS[min(bisect_left(sums, max(part * total, 1)), last)] for part in parts]


class Meter(Counters):
    """
    Counters with times, for the exchanges of one listener with one member.

    @ivar failed: attempts at this member that failed, by reason; an exchange that another
        member answered then is no failure.
    @ivar sticky: exchanges that came here because of their session.
    @ivar total: how long exchanges lasted; C{first_byte}: until their answer began;
        C{connect}: to make a connection, for those that needed a new one; C{queue}: waiting
        for a member or a connection, for those that did.
    """

    __slots__ = ("connect", "failed", "first_byte", "queue", "sticky", "total")

    def __init__(self) -> None:
        super().__init__()
        self.failed: dict[str, int] = {}
        self.sticky = 0
        self.total = Histogram()
        self.first_byte = Histogram()
        self.connect = Histogram()
        self.queue = Histogram()

    def measure(self, outcome: Outcome) -> None:
        """
        Add one exchange.
        """
        self.count(outcome)
        self.total.add(outcome.duration)
        if outcome.first_byte:
            self.first_byte.add(outcome.first_byte)
        if outcome.connect:
            self.connect.add(outcome.connect)
        if outcome.queue:
            self.queue.add(outcome.queue)
        if outcome.sticky is not None and not outcome.route_changed:
            self.sticky += 1

    def merge(self, other: Meter) -> None:
        """
        Count what another meter has counted as well.
        """
        self.tally(other)
        for name in ("total", "first_byte", "connect", "queue"):
            getattr(self, name).merge(getattr(other, name))

    def tally(self, other: Meter) -> None:
        """
        Do the same but for the times, which are most of the work.
        """
        self.classes = list(map(add, self.classes, other.classes))
        self.retries += other.retries
        self.bytes_in += other.bytes_in
        self.bytes_out += other.bytes_out
        self.seconds += other.seconds
        self.sticky += other.sticky
        for mine, its in ((self.failures, other.failures), (self.failed, other.failed)):
            for reason, count in its.items():
                mine[reason] = mine.get(reason, 0) + count


def merged(meters: Iterable[Meter]) -> Meter:
    """
    Return one meter for all.
    """
    result = Meter()
    for each in meters:
        result.merge(each)
    return result


def whole(meters: Sequence[Meter]) -> Meter:
    """
    Return one meter for all, to be looked at only: nearly always there is but one.
    """
    return meters[0] if len(meters) == 1 else merged(meters)


def tallied(meters: Iterable[Meter]) -> Meter:
    """
    Return one meter for all, without times.
    """
    result = Meter()
    for each in meters:
        result.tally(each)
    return result


Key = tuple[str, str, str]
"""Names of listener, balancer and member; empty where an exchange did not get that far."""


class Meters:
    """
    The meters of a service, one for each listener with each member: each exchange is counted
    once, and every sum is made where it is asked for.

    Names come from the configuration or from people's commands, never from requests.
    """

    __slots__ = ("by_key",)

    def __init__(self) -> None:
        self.by_key: dict[Key, Meter] = {}

    def measure(self, outcome: Outcome) -> None:
        """
        Add one exchange.
        """
        key = (outcome.peer.listener, outcome.balancer, outcome.member)
        try:
            meter = self.by_key[key]
        except KeyError:
            meter = self.by_key[key] = Meter()
        meter.measure(outcome)
        for member, reason in outcome.tried:
            at = self._at((key[0], key[1], member)).failed
            at[reason] = at.get(reason, 0) + 1

    def _at(self, key: Key) -> Meter:
        return self.by_key.setdefault(key, Meter())

    def select(
        self, listener: str | None = None, balancer: str | None = None, member: str | None = None
    ) -> Meter:
        """
        Return the sum over a listener, balancer or member; C{None} stands for all.
        """
        return merged(
            meter
            for (its_listener, its_balancer, its_member), meter in self.by_key.items()
            if listener in (None, its_listener)
            and balancer in (None, its_balancer)
            and member in (None, its_member)
        )

    def by_places(self) -> dict[tuple[str, str], list[Meter]]:
        """
        Return (balancer, member) -> meters of all listeners, to be looked at only.
        """
        found: dict[tuple[str, str], list[Meter]] = {}
        for (_, balancer, member), meter in self.by_key.items():
            found.setdefault((balancer, member), []).append(meter)
        return found

    def forget(self, known: Iterable[tuple[str, str]]) -> None:
        """
        Give up the meters of members that are gone; the sums keep what they counted.

        @param known: (balancer, member) of those that stay.
        """
        staying = set(known)
        balancers = {balancer for balancer, _ in staying}
        for key in list(self.by_key):
            listener, balancer, member = key
            if not member or (balancer, member) in staying:
                continue
            meter = self.by_key.pop(key)
            self._at((listener, balancer if balancer in balancers else "", "")).merge(meter)
