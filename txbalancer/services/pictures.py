"""
Balancers as those who look at them see them, where other processes carry their traffic.
"""

from __future__ import annotations

from typing import Any

from txbalancer.core.balancer import Balancer
from txbalancer.core.specs import MemberSpec
from txbalancer.proxy.resource import BalancerResource
from txbalancer.proxy.runtime import Runtime


class PoolPicture:
    """
    What is told of a member's connections, instead of connections.

    @ivar open: those of all workers, as all numbers here; C{at_rest}, C{connecting} and
        C{waiting}: as of a L{MemberPool<txbalancer.proxy.pool.MemberPool>}.
    """

    __slots__ = ("at_rest", "connecting", "open", "waiting")

    def __init__(self, runtime: Runtime, spec: MemberSpec) -> None:
        self.open = self.at_rest = self.connecting = self.waiting = 0

    def configure(self, spec: MemberSpec) -> None:
        """
        Nothing to do: each worker opens connections by its own spec.
        """

    def serve_waiting(self) -> None:
        """
        Nobody waits here.
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
