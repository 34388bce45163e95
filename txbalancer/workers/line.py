"""
The line between a supervisor and a worker.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import connectionDone
from twisted.protocols.amp import AMP, BinaryBoxProtocol

from txbalancer.workers.orders import Noted, Reported, Seen, Troubled, Warned

MOST = 32 << 20
"""Bytes that a worker may leave unread before it is given up."""


class QuietAMP(AMP):
    """
    AMP that does not log each connection, and sends at once.
    """

    transport: Any

    def makeConnection(self, transport: Any) -> None:
        """
        Begin.
        """
        BinaryBoxProtocol.makeConnection(self, transport)

    def sendBox(self, box: Any) -> None:
        """
        Send a message, and do not leave that to the next turn of the loop, which may be long.
        """
        super().sendBox(box)
        push = getattr(self.transport, "doWrite", None)
        # Of a transport that is being closed the reactor has to hear what comes of it.
        if push is not None and not self.transport.disconnecting:
            push()

    def connectionLost(self, reason: Any = connectionDone) -> None:
        """
        End.
        """
        BinaryBoxProtocol.connectionLost(self, reason)
        self.transport = None


class Line(QuietAMP):
    """
    The supervisor's end of the line to a worker; what the worker says goes to its C{child}.

    A worker that reads nothing would have its supervisor keep all that it is told; it is ended
    when that is too much.
    """

    def __init__(self, child: Any) -> None:
        """
        @param child: a L{Child<txbalancer.workers.child.Child>}.
        """
        super().__init__()
        self._child = child
        self._full = False
        self._waiting = 0

    def connectionMade(self) -> None:
        """
        Have the transport say when the worker reads less than it is told.
        """
        self.transport.registerProducer(self, True)

    def pauseProducing(self) -> None:
        """
        Much is waiting to be read; the rest is counted.
        """
        self._full = True

    def resumeProducing(self) -> None:
        """
        All was read.
        """
        self._full, self._waiting = False, 0

    def stopProducing(self) -> None:
        """
        Nobody reads any more.
        """

    def sendBox(self, box: Any) -> None:
        """
        Send a message, if not too many wait already.
        """
        if self._full:
            if self._waiting > MOST:
                self._child.kill("it does not read what it is told")
                return
            self._waiting += sum(map(len, box.values()))
        super().sendBox(box)

    def connectionLost(self, reason: Any = connectionDone) -> None:
        """
        All that the worker had to say has been said.
        """
        super().connectionLost(reason)
        self._child.hung_up()

    # -- what is said

    @Reported.responder
    def reported(self, report: Any) -> dict[str, Any]:
        """
        Take a report.
        """
        self._child.on_report(self._child, report)
        return {}

    @Noted.responder
    def noted(self, word: Any) -> dict[str, Any]:
        """
        Take what the worker has found out.
        """
        return {"word": self._child.on_word(self._child, word)}

    @Troubled.responder
    def troubled(self, why: str) -> dict[str, Any]:
        """
        Learn that it should be replaced.
        """
        self._child.on_trouble(self._child, why)
        return {}

    @Seen.responder
    def seen(self, lines: Any) -> dict[str, Any]:
        """
        Take lines of the access log.
        """
        self._child.on_lines(lines)
        return {}

    @Warned.responder
    def warned(self, text: str) -> dict[str, Any]:
        """
        Learn what people should look at.
        """
        self._child.on_warning(self._child, text)
        return {}


class Known:
    """
    A factory of one protocol that is there already.
    """

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol

    def buildProtocol(self, address: Any) -> Any:
        """
        Return it.
        """
        return self._protocol
