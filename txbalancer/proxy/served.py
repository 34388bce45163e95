"""
What every request that is answered has in common, whoever answers it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from txbalancer.core.outcome import Outcome
from txbalancer.errors import ClientError
from txbalancer.http1.heads import RequestHead, ResponseHead

if TYPE_CHECKING:
    from txbalancer.proxy.channel import ClientChannel
    from txbalancer.proxy.runtime import Runtime


def local_address(channel: ClientChannel) -> str:
    """
    Return the address that a client connected to; empty where there is none.
    """
    if channel.transport is None:
        return ""
    host = getattr(channel.transport.getHost(), "host", "")
    return host.removeprefix("::ffff:") if isinstance(host, str) else ""


class Served:
    """
    One request of a client, and the record of how it was answered.

    The channel calls it with what the client does; it ends in L{Runtime.finish}, exactly
    once, whatever ended it.

    @ivar status: the status answered, 0 while there is none.
    @ivar reason: one word for what went other than well.
    """

    __slots__ = (
        "answer",
        "bytes_in",
        "bytes_out",
        "channel",
        "finished",
        "head",
        "reason",
        "runtime",
        "started",
        "status",
    )

    def __init__(self, runtime: Runtime, channel: ClientChannel, head: RequestHead) -> None:
        self.runtime = runtime
        self.channel = channel
        self.head = head
        self.started = runtime.now()
        self.status = 0
        self.reason = "ok"
        self.bytes_in = 0
        self.bytes_out = 0
        self.answer: ResponseHead | None = None
        self.finished = False
        channel.exchange = self

    # -- what the client does

    def request_data(self, data: bytes) -> None:
        """
        Take a piece of the request's body.
        """
        self.bytes_in += len(data)

    def request_sink(self) -> Any:
        """
        Return the transport by which the body may go on without coming up here, or C{None}.
        """
        return None

    def request_moved(self, size: int) -> None:
        """
        Count a piece of the request's body that went on without coming up here.
        """
        self.bytes_in += size

    def request_end(self, trailers: list[bytes]) -> None:
        """
        The request is complete.
        """

    def client_error(self, error: ClientError) -> None:
        """
        The client broke its request off or against the rules.
        """
        raise NotImplementedError

    def client_gone(self, error: ClientError) -> None:
        """
        The client is not there any more.
        """
        self.finish(error.reason)

    def client_blocked(self) -> None:
        """
        The client does not read as fast as it is answered.
        """

    def client_unblocked(self) -> None:
        """
        The client has caught up.
        """

    # -- the end

    def queued(self, seconds: float) -> None:
        """
        Note how long it has waited before it was begun with; for records that tell it.
        """

    def finish(self, reason: str) -> None:
        """
        Record the outcome; the first call counts.
        """
        if not self.finished:
            self.finished = True
            self.reason = reason
            self.runtime.finish(self.outcome())

    def outcome(self) -> Outcome:
        """
        Make the record of this exchange.
        """
        raise NotImplementedError
