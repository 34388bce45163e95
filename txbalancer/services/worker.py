"""
A worker: a process that carries traffic, and does what its supervisor says.

Started as C{python -m txbalancer.services.worker}, with one end of a socket pair as file
L{LINE<txbalancer.workers.child.LINE>}.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import connectionDone
from twisted.internet.task import LoopingCall
from twisted.logger import ILogObserver, Logger, LogLevel, eventAsText, globalLogBeginner
from twisted.protocols.amp import AMP
from zope.interface import implementer

from txbalancer.errors import BalancerError
from txbalancer.net.dispatch import dispatch_directly
from txbalancer.services.datagrams import DatagramSocket
from txbalancer.services.duty import WorkerService, own_part
from txbalancer.services.sockets import AdoptedSocket, Socket
from txbalancer.workers.child import LINE
from txbalancer.workers.child import Known as There
from txbalancer.workers.orders import (
    Configure,
    Heed,
    Known,
    Leave,
    Perform,
    Reopen,
    Reported,
    Setup,
    Stop,
    TakeSocket,
    Watch,
)

PERIOD = 0.25
"""Seconds between two reports."""


class Post(AMP):
    """
    A worker's end of the line.

    The supervisor is all that holds a worker: when the line ends, it finishes what it has.
    """

    log = Logger()

    def __init__(self, reactor: Any) -> None:
        super().__init__()
        self._reactor = reactor
        self._there = True
        self._given: list[Any] = []
        self._service: WorkerService | None = None
        self._reports = LoopingCall(self._report)
        self._reports.clock = reactor

    @TakeSocket.responder
    def take_socket(self, endpoint: str, family: int, socket: int) -> dict[str, Any]:
        """
        Take a copy of a listening socket.
        """
        try:
            if endpoint.startswith("udp:"):
                self._given.append(DatagramSocket(self._reactor, endpoint, _datagrams(socket)))
            else:
                self._given.append(AdoptedSocket(self._reactor, endpoint, family, socket))
        finally:
            os.close(socket)
        return {}

    @Configure.responder
    def configure(self, setup: Setup) -> dict[str, Any]:
        """
        Serve, or serve by another configuration.
        """
        given, self._given = self._given, []
        try:
            if self._service is None:
                self._service = self._begin(setup, given)
            else:
                self._service.given = given
                self._service.reload(own_part(setup.spec))
        except BalancerError as error:
            return {"fault": str(error)}
        return {"fault": ""}

    def _begin(self, setup: Setup, given: list[Socket]) -> WorkerService:
        service = WorkerService(setup, given, self._reactor, self.tell)
        service.privilegedStartService()
        service.startService()
        self._reports.start(PERIOD, now=False)
        return service

    @Perform.responder
    def perform(self, order: Any) -> dict[str, Any]:
        """
        Carry out an order.
        """
        if self._service is not None:
            self._service.order(order)
        return {}

    @Heed.responder
    def heed(self, word: Any) -> dict[str, Any]:
        """
        Let members be as others have found them.
        """
        if self._service is not None:
            self._service.ties.heed(word)
        return {}

    @Watch.responder
    def watch(self, filters: Any) -> dict[str, Any]:
        """
        Pass on lines of the access log.
        """
        if self._service is not None:
            self._service.watch(filters)
        return {}

    @Reopen.responder
    def reopen(self) -> dict[str, Any]:
        """
        Open the access logs anew.
        """
        if self._service is not None:
            self._service.reopen_logs()
        return {}

    @Known.responder
    def known(self) -> dict[str, Any]:
        """
        Tell the members of clients that send datagrams.
        """
        return {"sessions": {} if self._service is None else self._service.listeners.sessions()}

    @Leave.responder
    def leave(self) -> dict[str, Any]:
        """
        Finish what there is, without closing a connection that may be about to ask; then end.
        """
        if self._service is not None:
            self._service.leaving.leave()
        self.finish()
        return {}

    @Stop.responder
    def stop(self) -> dict[str, Any]:
        """
        Finish what there is, and end.
        """
        self.finish()
        return {}

    def connectionLost(self, reason: Any = connectionDone) -> None:
        """
        The supervisor is gone.
        """
        super().connectionLost(reason)
        self._there = False
        if self._reports.running:
            self._reports.stop()
        self.finish()

    def finish(self) -> None:
        """
        Serve what there is to its end; a second time, cut it off.
        """
        if self._service is None:
            self._leave()
        elif self._service.running:
            self._service.stopService().addBoth(lambda _: self._leave())
        else:
            self._service.cut()

    def _leave(self) -> None:
        if self._there and self._service is not None:
            self._report()
        if self._reactor.running:
            self._reactor.stop()

    def _report(self) -> None:
        assert self._service is not None
        self.callRemote(Reported, report=self._service.report())

    def tell(self, command: Any, **arguments: Any) -> Deferred[Any]:
        """
        Tell the supervisor something.

        @return: fires with its answer, if any; C{None} when it is not there.
        """
        if not self._there:
            return succeed(None)
        told: Deferred[Any] | None = self.callRemote(command, **arguments)
        # That the line has ended is somebody else's to notice.
        return succeed(None) if told is None else told.addErrback(lambda reason: None)


def _datagrams(number: int) -> Any:
    """
    Return a UDP socket from a copy of its file.
    """
    found = socket.SocketType(fileno=os.dup(number))
    found.setblocking(False)
    return found


@implementer(ILogObserver)
def say(event: dict[str, Any]) -> None:
    """
    Write a message for the supervisor's log.
    """
    level = event.get("log_level") or LogLevel.info
    text = eventAsText(event, includeTraceback=True, includeTimestamp=False, includeSystem=False)
    if level is not LogLevel.debug and text:
        line = json.dumps({"level": level.name, "text": text})
        os.write(2, line.encode() + b"\n")


def main() -> None:
    """
    Do as the supervisor says, until it says to stop.
    """
    from twisted.internet import reactor

    installed: Any = reactor
    globalLogBeginner.beginLoggingTo([say], redirectStandardIO=False)
    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGINT):
        # A terminal sends these to all processes; the supervisor says what is to be done.
        signal.signal(number, signal.SIG_IGN)
    post = Post(installed)
    installed.adoptStreamConnection(LINE, socket.AF_UNIX, There(post))
    os.close(LINE)
    dispatch_directly(installed)
    installed.callWhenRunning(lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN))
    gc.collect()
    gc.freeze()
    gc.set_threshold(10000, 20, 50)
    installed.run(installSignalHandlers=False)


if __name__ == "__main__":
    main()
