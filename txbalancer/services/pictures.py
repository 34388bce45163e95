"""
Balancers and listeners as those who look at them see them, where other processes carry the
traffic.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from txbalancer.control.record import Record
from txbalancer.core.balancer import Balancer
from txbalancer.core.member import Member
from txbalancer.core.specs import ListenerSpec, MemberSpec
from txbalancer.proxy.resource import BalancerResource
from txbalancer.proxy.runtime import Runtime
from txbalancer.proxy.sharing import Sharing
from txbalancer.tls.listeners import ListenerTLS


class PoolPicture:
    """
    What is told of a member's connections, instead of connections.

    @ivar spec: the member's options.
    @ivar tls: what was last found good of its files.
    @ivar open: those of all workers, as all numbers here; C{at_rest}, C{connecting} and
        C{waiting}: as of a L{MemberPool<txbalancer.proxy.pool.MemberPool>}.
    """

    __slots__ = ("at_rest", "connecting", "open", "spec", "tls", "waiting")

    def __init__(self, runtime: Runtime, spec: MemberSpec) -> None:
        self.spec = spec
        self.tls: Any = None
        self.open = self.at_rest = self.connecting = self.waiting = 0

    def configure(self, spec: MemberSpec) -> None:
        """
        Take other options.
        """
        self.spec = spec

    def join(self, member: Member, sharing: Sharing | None) -> None:
        """
        Others of the balancer are nothing to it.
        """

    def serve_waiting(self) -> None:
        """
        Nobody waits here.
        """

    def serve_others(self) -> None:
        """
        Nor for others.
        """

    def leave(self) -> None:
        """
        Nothing is open here.
        """


class Picture(BalancerResource):
    """
    A balancer that is asked for no member.

    @ivar waiting: exchanges that wait for any member, in all workers.
    """

    waiting = 0

    def __init__(self, runtime: Runtime, balancer: Balancer, make_pool: Any = None) -> None:
        """
        @param make_pool: would make a pool of connections.
        """
        make: Any = PoolPicture
        super().__init__(runtime, balancer, make)


class ListenerPicture:
    """
    What the supervisor knows of a listener's certificates: as much as to tell of changed ones.

    @ivar spec: the listener's options.
    """

    def __init__(
        self,
        spec: ListenerSpec,
        certificates: dict[str, ListenerTLS | None],
        renewals: Record,
        wall: Callable[[], float],
    ) -> None:
        """
        @param certificates: those of each listener by its name, kept up to date.
        @param renewals: counts how often other ones were there.
        @param wall: returns seconds since the epoch.
        """
        self.spec = spec
        self._certificates = certificates
        self._renewals, self._wall = renewals, wall

    @property
    def tls(self) -> ListenerTLS | None:
        """
        How clients are spoken to under TLS, if they are.
        """
        return self._certificates.get(self.spec.name)

    def renew(self, tls: ListenerTLS) -> None:
        """
        Note that other certificates can be taken, as the workers do.
        """
        self._certificates[self.spec.name] = tls
        self._renewals.note(True, self._wall())

    def not_renewed(self) -> None:
        """
        Count certificates on the disk that could not be taken.
        """
        self._renewals.note(False, self._wall())
