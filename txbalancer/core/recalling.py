"""
What others have found of passive health: other processes with the same members, and former ones.
"""

from __future__ import annotations

from txbalancer.core import flags
from txbalancer.core.member import Member
from txbalancer.core.passive.breaker import CLOSED, Circuit
from txbalancer.core.passive.ejection import Ejection
from txbalancer.core.passive.record import Record
from txbalancer.core.watching import Watching


class Recalling(Watching):
    """
    The members of a balancer, and what became of them elsewhere.
    """

    __slots__ = ()

    def switch(self, circuit: Circuit, now: float) -> None:
        """
        Let the balancer's circuit breaker be as another process's is.
        """
        if self.breaker is not None and self.breaker.follow(circuit, now):
            self._tell_breaker(self.breaker)

    def learn(
        self,
        member: Member,
        fallen: int,
        ejection: Ejection | None,
        circuit: Circuit | None,
        now: float,
    ) -> None:
        """
        Take over why another process has set flags of a member, before they are set here.

        @param fallen: those flags; C{ejection} and C{circuit}: as they are there.
        """
        its = member.watched
        if ejection is not None and fallen & flags.EJECTED & ~member.flags:
            self._note_ejection(member, ejection)
        if circuit is not None and fallen & flags.BROKEN and its.breaker is not None:
            its.breaker.follow(circuit, now)
            if fallen & flags.TRIAL:
                member.quota = member.elected + its.breaker.left

    def recall(self, member: Member, record: Record, since: float, now: float) -> None:
        """
        Go on with what a former process had found, as far as its time is not over.

        @param since: from when on the times in the record count.
        """
        its, found = member.watched, record.ejection
        its.ejections.update(record.ejections)
        quiet = now - since
        firm = self._plain or member.flags & flags.IGNORE_ERRORS
        if found is not None and self.outlying and not firm:
            until = since + found.until
            quiet = now - until
            if quiet < 0.0:
                its.ejection = found._replace(until=until)
                member.flags |= flags.EJECTED
        # Each interval without an ejection takes one off, also while nobody looked.
        its.times = max(0, record.times - int(max(0.0, quiet) // self._passive.outlier_interval))
        if record.breaker is not None and its.breaker is not None and not firm:
            its.breaker.resume(_later(record.breaker, since), now)
            if its.breaker.state != CLOSED:
                member.flags |= flags.TRIPPED
        if member.flags & flags.PASSIVE:
            self._left_out.add(member)
        if record.warming is not None and member.spec.slow_start:
            self.slowly[member] = since - record.warming
            self.go_on(now)

    def recall_all(self, breaker: Circuit | None, since: float, now: float) -> None:
        """
        Go on with the circuit breaker of the whole balancer as it was.
        """
        if breaker is not None and self.breaker is not None:
            self.breaker.resume(_later(breaker, since), now)


def _later(breaker: Circuit, since: float) -> Circuit:
    return breaker._replace(until=since + breaker.until)
