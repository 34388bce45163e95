"""
A request that has to wait for its member: where it stands, how long it stood there, and whether
another member would do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from txbalancer.core.balancer import Session
from txbalancer.core.member import Member
from txbalancer.net.deadlines import NEVER
from txbalancer.proxy.forwarding import Forwarding

if TYPE_CHECKING:
    from txbalancer.proxy.resource import BalancerResource


class Queueing(Forwarding):
    """
    Waits in the queue of a member, or of a balancer.

    @ivar deadline: when waiting, for a connection or for any member, has been too long.
    """

    __slots__ = (
        "_connect_time",
        "_queue_time",
        "_session",
        "_since",
        "_target",
        "_tried",
        "deadline",
    )

    _connect_time: float
    _queue_time: float
    _session: Session | None
    _since: float
    _target: BalancerResource
    _tried: tuple[tuple[Member, str], ...]
    deadline: float

    @property
    def high(self) -> bool:
        """
        Whether it goes before others.
        """
        return self._mount.spec.priority == "high"

    @property
    def unbound(self) -> bool:
        """
        Whether any member would do as well as the one that was elected.
        """
        return self._session is None

    def has_tried(self, member: Member) -> bool:
        """
        Tell whether a member has failed this request.
        """
        return any(each is member for each, _ in self._tried)

    def move(self, member: Member) -> None:
        """
        Take another member than the one that has no room.
        """
        assert self.member is not None
        self._target.balancer.move(self.member, member)
        self.member = member

    def queued(self, seconds: float) -> None:
        """
        Count a wait before all this.
        """
        self._queue_time += seconds

    def opening(self) -> None:
        """
        Note that a wait in the member's queue is over, and a connection is being made.
        """
        self._rest()
        self._note_wait(queued=True)

    def wait_until(self, deadline: float) -> None:
        """
        Wait in a queue, at most until C{deadline}.
        """
        self._rest()
        if deadline != NEVER:
            self.deadline = deadline
            self.runtime.deadlines.add(self)

    def expired(self, now: float) -> None:
        """
        Act on having waited too long.
        """
        raise NotImplementedError

    def _note_wait(self, queued: bool) -> None:
        """
        Count a wait that is over, or of another kind from now on.

        @param queued: whether it was for its turn, and not for a connection to be made.
        """
        now = self.runtime.now()
        if queued:
            self._queue_time += now - self._since
        else:
            self._connect_time += now - self._since
        self._since = now

    def _rest(self) -> None:
        """
        Wait no more, in whatever queue.
        """
        if self.deadline != NEVER:
            self.deadline = NEVER
            self.runtime.deadlines.discard(self)
            waits: Any = self
            self._target.forget(waits)
