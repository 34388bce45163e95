"""
Requests that wait before anybody has begun with them, with what is there of their body.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from txbalancer.core.mounts import Mount
from txbalancer.core.outcome import Outcome
from txbalancer.errors import ClientError
from txbalancer.http1.heads import RequestHead
from txbalancer.proxy.served import Served

if TYPE_CHECKING:
    from txbalancer.proxy.channel import ClientChannel
    from txbalancer.proxy.site import Site

_KEPT = 65536
"""Bytes of a body that are read meanwhile."""


class Waiting(Served):
    """
    One request that waits.

    It makes no record of a request that goes on to somebody else, which is then as if it
    had been there all the time.

    @ivar deadline: when it has waited too long.
    """

    __slots__ = ("_complete", "_mount", "_pieces", "_site", "_trailers", "deadline")

    def __init__(
        self,
        site: Site,
        channel: ClientChannel,
        head: RequestHead,
        mount: Mount,
        patience: float,
    ) -> None:
        """
        @param patience: seconds that it may wait.
        """
        super().__init__(site.runtime, channel, head)
        self._site, self._mount = site, mount
        self._pieces: list[bytes] = []
        self._trailers: list[bytes] = []
        self._complete = False
        self.deadline = self.started + patience
        self.runtime.deadlines.add(self)

    # -- handing over

    def _hand_over(self, begin: Callable[[], None]) -> None:
        """
        Let somebody else go on with the request, with all that came of it meanwhile.
        """
        self._leave()
        channel = self.channel
        # Whether reading goes on is for the other to say, but not before it has all this.
        paused, channel.paused = channel.paused, False
        begin()
        other = self._other()
        if other is not None:
            other.started = self.started
        for piece in self._pieces:
            if other is not None:
                other.request_data(piece)
                other = self._other()
        if other is not None and self._complete:
            other.request_end(self._trailers)
        if paused and not channel.paused:
            channel.resume()

    def _other(self) -> Served | None:
        """
        Return who has the request now; C{None} when it is over.
        """
        found = self.channel.exchange
        return found if found is not None and found.head is self.head else None

    def _leave(self) -> None:
        """
        Wait no more.
        """
        self.finished = True
        self.runtime.deadlines.discard(self)

    # -- what the client does

    def request_data(self, data: bytes) -> None:
        """
        Keep what comes of the body, within reason.
        """
        super().request_data(data)
        self._pieces.append(data)
        if self.bytes_in >= _KEPT and not self.channel.paused:
            self.channel.pause()

    def request_end(self, trailers: list[bytes]) -> None:
        """
        The request is complete.
        """
        self._complete, self._trailers = True, trailers

    def client_error(self, error: ClientError) -> None:
        """
        The client broke its request: tell it so.
        """
        self._pieces.clear()
        self._hand_over(
            lambda: self._site.answer(
                self.channel, self.head, error.status, error.reason, str(error), self._mount
            )
        )
        other = self._other()
        if other is not None:
            other.client_error(error)

    def client_gone(self, error: ClientError) -> None:
        """
        The client left: nothing needs to be decided.
        """
        self._leave()
        self.finished = False
        self.finish(error.reason)

    def expired(self, now: float) -> None:
        """
        Act on having waited too long.
        """
        raise NotImplementedError

    def outcome(self) -> Outcome:
        """
        Record a request whose client left.
        """
        now = self.runtime.now()
        return Outcome(
            request=self.head,
            peer=self.head.peer,
            status=0,
            reason=self.reason,
            bytes_in=self.bytes_in,
            started=self.runtime.wall() - (now - self.started),
            duration=now - self.started,
        )
