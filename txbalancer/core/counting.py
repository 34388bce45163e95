"""
Who counts for limits: one process for itself, or several together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from txbalancer.core.clients import Clients
from txbalancer.core.gates import Crowd, Gate, GateSpec, Wake
from txbalancer.core.ratelimits import Rates, RateTable
from txbalancer.core.specs import LimitSpec


class Counting:
    """
    Makes what counts, for a process that has nobody beside it.

    @cvar several: whether others have to be told at once of what there is here.
    """

    several = False

    def gate(self, spec: GateSpec, wake: Wake) -> Gate:
        """
        Make the gate of a listener or balancer.
        """
        return Gate(spec, wake)

    def crowd(self, spec: GateSpec, wake: Wake) -> Crowd:
        """
        Make the gates of a listener's clients.
        """
        return Crowd(spec, wake)

    def clients(self, listener: str, there: Iterable[str]) -> Clients:
        """
        Make what counts the connections, or sessions, of each client of a listener.

        @param there: addresses of those that are open already.
        """
        return Clients(there)

    def rates(self, spec: LimitSpec, former: Rates | None) -> Rates:
        """
        Return what may remember the rates of a limit; it is still to be configured.

        @param former: what did so under former options, which this does not change; C{None} for
            none, or when all begin anew.
        """
        if former is None:
            return RateTable(spec.rate.per_second, spec.burst, spec.keys)
        return former

    def connections(self, own: Callable[[], int]) -> Callable[[], int]:
        """
        Return what tells how many connections the whole service has.

        @param own: returns how many this process has.
        """
        return own
