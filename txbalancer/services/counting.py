"""
What counts for limits of a service with several processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from txbalancer.core.clients import Clients
from txbalancer.core.counting import Counting
from txbalancer.core.gates import Crowd, Gate, GateSpec, Wake
from txbalancer.core.ratelimits import Rates
from txbalancer.core.specs import LimitSpec
from txbalancer.services.shares import CONNECTIONS, Shares
from txbalancer.workers.clients import SharedClients
from txbalancer.workers.gates import SharedCrowd
from txbalancer.workers.guests import Guests
from txbalancer.workers.rates import RateMemory, SharedRates, create_rates
from txbalancer.workers.table import Table

Now = Callable[[], float]


class OfWorker(Counting):
    """
    One worker's part.
    """

    several = True

    def __init__(
        self,
        shares: Shares,
        table: Table,
        number: int,
        memories: Mapping[str, RateMemory],
    ) -> None:
        """
        @param number: the worker's own column.
        @param memories: of rates, by limit, as the supervisor has them.
        """
        self._shares, self._table, self._number = shares, table, number
        self._memories = memories
        self._guests = Guests(table, number)

    def gate(self, spec: GateSpec, wake: Wake) -> Gate:
        """
        Make the gate of a listener or balancer.
        """
        return self._shares.gate(spec, wake) or super().gate(spec, wake)

    def crowd(self, spec: GateSpec, wake: Wake) -> Crowd:
        """
        Make the gates of a listener's clients.
        """
        return SharedCrowd(spec, wake, self._guests, self._shares.look_after)

    def clients(self, listener: str, there: Iterable[str]) -> Clients:
        """
        Make what counts the connections, or sessions, of each client of a listener.
        """
        return SharedClients(self._guests, listener, there)

    def rates(self, spec: LimitSpec, former: Rates | None) -> Rates:
        """
        Return what remembers the rates of a limit: what the supervisor has made for it.
        """
        memory = self._memories.get(spec.name)
        if memory is None:
            return super().rates(spec, former)
        if not isinstance(former, SharedRates) or former.memory is not memory:
            former = SharedRates(memory)
        return former

    def connections(self, own: Callable[[], int]) -> Callable[[], int]:
        """
        Return what tells how many connections all workers have, and others how many there are here.
        """
        table, cells, row = self._table, self._table.column(self._number), CONNECTIONS

        def total() -> int:
            place = self._shares.rows.get(row)
            if place is None:
                return own()
            cells[place] = own()
            return table.total(place)

        return total


class OfSupervisor(Counting):
    """
    Makes the memory for rates, which count what the supervisor answers itself, too.
    """

    def __init__(self, table: Callable[[], Table], now: Now) -> None:
        """
        @param table: returns what all processes share.
        @param now: the clock that all processes of a machine share.
        """
        self._table, self._now = table, now

    def rates(self, spec: LimitSpec, former: Rates | None) -> Rates:
        """
        Return what remembers the rates of a limit, for all processes.
        """
        if not isinstance(former, SharedRates) or former.memory.keys != spec.keys:
            former = SharedRates(create_rates(spec.keys), self._now)
        return former
