"""
How the streams of a connection share its transport.
"""

from __future__ import annotations

from txbalancer.http2.sending import Sending
from txbalancer.proxy.link import Link


class SharedTransport(Link):
    """
    Writes what streams send, and tells their connection when the far end takes no more.

    @ivar connection: the connection's protocol.
    """

    __slots__ = ()

    connection: Sending

    def write(self) -> None:
        """
        Write what there is.
        """
        out = self.connection.out
        if out:
            data = b"".join(out)
            out.clear()
            self.transport.write(data)

    def pauseProducing(self) -> None:
        """
        The far end does not read as fast as it is written to.

        Transports say so again with each write, as those that answer a ping: that puts
        nothing off.
        """
        if not self.connection.blocked:
            self.connection.blocked = True
            self._progress = -1
            self.deadline = self._patience()

    def _patience(self) -> float:
        """
        Return until when the far end may take nothing, monotonic.
        """
        raise NotImplementedError
