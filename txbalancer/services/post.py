"""
What a worker does: it carries traffic, as its supervisor says.
"""

from __future__ import annotations

import faulthandler
import os
import socket
import time
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import connectionDone
from twisted.internet.task import LoopingCall
from twisted.logger import Logger, globalLogBeginner

from txbalancer.errors import BalancerError
from txbalancer.net.dispatch import dispatch_directly
from txbalancer.services.datagrams import AdoptedDatagrams
from txbalancer.services.duty import WorkerService
from txbalancer.services.memory import settle
from txbalancer.services.sockets import AdoptedSocket, Given, Socket
from txbalancer.workers.child import BOX, DUMP, LINE, TABLE
from txbalancer.workers.handover import clear_away
from txbalancer.workers.line import Known as There
from txbalancer.workers.line import QuietAMP
from txbalancer.workers.load import Load
from txbalancer.workers.orders import (
    Configure,
    Expect,
    Heed,
    Known,
    Leave,
    Perform,
    Reopen,
    Reported,
    Setup,
    Stop,
    TakeBox,
    TakeRates,
    TakeSocket,
    Troubled,
    Watch,
)
from txbalancer.workers.rates import RateMemory
from txbalancer.workers.sharing import Sharing
from txbalancer.workers.spread import Spread
from txbalancer.workers.table import BEAT, Table
from txbalancer.workers.voice import Troubles, Voice

PERIOD = 0.25
"""Seconds between two reports, and between two signs of life."""

_PAUSE = 1.0
"""Seconds in which clients of a worker that leaves get answers that end their connections."""

_MANY = 500
"""Members in a report for which another turn is left out: they take some 10 ms to tell."""


class Post(QuietAMP):
    """
    A worker's end of the line.

    The supervisor is all that holds a worker: when the line ends, it finishes what it has.

    @ivar alone: whether the line has ended before the worker.
    """

    log = Logger()

    def __init__(self, reactor: Any, sharing: Sharing, table: Table, number: int) -> None:
        """
        @param sharing: divides connections among the workers.
        @param table: what all see; C{number}: the worker's own column.
        """
        super().__init__()
        self._reactor, self._sharing = reactor, sharing
        self._table, self._number, self._cells = table, number, table.column(number)
        self._there, self._leaving, self.alone = True, False, False
        self._given: dict[tuple[int, str], dict[int, Given]] = {}
        self._sockets: dict[int, Any] = {}
        self._memories: dict[str, RateMemory] = {}
        self._service: WorkerService | None = None
        self._pause: Any = None
        self._reports = LoopingCall(self._report_in_turn)
        self._turns = 0
        self._beats = LoopingCall(self._beat)
        self._load = Load()
        self._reports.clock = self._beats.clock = reactor

    def connectionMade(self) -> None:
        """
        Begin to give signs of life.
        """
        self._beats.start(PERIOD)

    def dataReceived(self, data: bytes) -> None:
        """
        Take what the supervisor says; to take it in and to do it may keep this from giving signs
        of life.
        """
        self._live()
        super().dataReceived(data)

    def _beat(self) -> None:
        self._live()
        self._sharing.spread.load(self._load.look())

    def _live(self) -> None:
        self._cells[BEAT] = time.monotonic_ns()

    @TakeSocket.responder
    def take_socket(
        self, key: int, index: int, endpoint: str, family: int, socket: int
    ) -> dict[str, Any]:
        """
        Take a copy of a listening socket.
        """
        given = Given(family, socket, self._sharing.share)
        self._given.setdefault((key, endpoint), {})[index] = given
        return {}

    @TakeBox.responder
    def take_box(self, box: int) -> dict[str, Any]:
        """
        Take another box.
        """
        self._sharing.take_box(socket.socket(fileno=box))
        return {}

    @TakeRates.responder
    def take_rates(self, name: str, memory: int) -> dict[str, Any]:
        """
        Take the memory of a rate limit.
        """
        self._memories[name] = RateMemory(memory)
        return {}

    @Configure.responder
    def configure(self, setup: Setup, place: int, sockets: set[tuple[int, int]]) -> dict[str, Any]:
        """
        Serve, or serve by another configuration.
        """
        try:
            fresh = self._adopt(sockets)
            if self._service is None:
                self._service = self._begin(setup, place, fresh)
            else:
                self._service.given = fresh
                self._service.adopt(setup, place)
        except BalancerError as error:
            return {"fault": str(error)}
        wanted = {key for key, _ in sockets}
        self._sockets = {key: each for key, each in self._sockets.items() if key in wanted}
        for name in self._memories.keys() - self._service.limits.limiters.keys():
            del self._memories[name]
        self._load = Load()
        self._sharing.serve(setup.edition, wanted)
        return {"fault": ""}

    def _adopt(self, wanted: set[tuple[int, int]]) -> list[Socket]:
        """
        Take all sockets that are wanted into use, and no others.

        Accepting begins with that, so it is done only when they can be served.

        @return: new endpoints, for listeners.
        """
        taken, self._given = self._given, {}
        fresh: list[Socket] = []
        for (key, endpoint), given in taken.items():
            try:
                if key in self._sockets:
                    self._sockets[key].add(self._reactor, given)
                else:
                    kind = AdoptedDatagrams if endpoint.startswith("udp:") else AdoptedSocket
                    made: Any = kind(self._reactor, key, endpoint, given)
                    self._sockets[key] = made
                    fresh.append(made)
            finally:
                for each in given.values():
                    os.close(each.number)
        for key, each in self._sockets.items():
            indices = {index for found, index in wanted if found == key}
            if indices:
                each.keep(indices)
        return fresh

    def _begin(self, setup: Setup, place: int, given: list[Socket]) -> WorkerService:
        column = self._table, self._number, self._memories
        service = WorkerService(setup, place, given, self._reactor, self.tell, *column)
        service.on_lines = self._report
        turnstile = service.runtime.turnstile
        turnstile.divert, turnstile.on_closed = self._sharing.diverts, self._sharing.spread.short
        service.privilegedStartService()
        service.startService()
        reports = self._reports.start(PERIOD, now=False)
        reports.addErrback(lambda reason: self.trouble(f"it cannot report: {reason.value}"))
        return service

    @Perform.responder
    def perform(self, order: Any, rows: Any) -> dict[str, Any]:
        """
        Carry out an order.
        """
        if self._service is not None:
            try:
                self._service.order(order, rows)
            except (LookupError, ValueError):
                # Who leaves may have a former configuration, in which this is not possible.
                if self._pause is None and self._service.running:
                    raise
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
            self._report()
            self._service.reopen_logs()
        return {}

    @Known.responder
    def known(self) -> dict[str, Any]:
        """
        Let datagrams wait, and tell the members of clients that have sent some.
        """
        if self._service is None:
            return {"sessions": {}}
        self._service.listeners.pause()
        return {"sessions": self._service.listeners.sessions()}

    @Expect.responder
    def expect(self, sessions: Any) -> dict[str, Any]:
        """
        Take datagrams.
        """
        if self._service is not None:
            self._service.listeners.expect(sessions)
        return {}

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
    def stop(self, others: bool) -> dict[str, Any]:
        """
        Finish what there is, and end.
        """
        if others and self._service is not None and self._pause is None:
            self._sharing.serve(0, self._sockets.keys())
            self._service.listeners.hush()
            self._pause = self._reactor.callLater(_PAUSE, self.finish)
        else:
            self.finish()
        return {}

    def connectionLost(self, reason: Any = connectionDone) -> None:
        """
        Nothing more can be said: the worker has ended, or the supervisor is gone.
        """
        super().connectionLost(reason)
        self._there = False
        if self._leaving:
            self._reactor.stop()
            return
        self.alone = True
        if self._service is None or self._service.running:
            self.finish()

    def trouble(self, why: str) -> None:
        """
        Ask to be replaced.
        """
        self.tell(Troubled, why=why)

    def finish(self) -> None:
        """
        Serve what there is to its end; a second time, cut it off.
        """
        if self._pause is not None and self._pause.active():
            self._pause.cancel()
        if self._service is None:
            self._leave()
        elif self._service.running:
            self._sharing.serve(0, self._sockets.keys())
            self._service.stopService().addBoth(lambda _: self._leave())
        else:
            self._service.cut()

    def _leave(self) -> None:
        self._leaving = True
        if not self._there:
            self._reactor.stop()
            return
        if self._service is not None:
            self._reports.stop()
            self._report()
        # All that was said is sent before the line ends.
        self.transport.loseConnection()

    def _report_in_turn(self) -> None:
        """
        Report, less often where there is very much to tell each time.
        """
        self._turns -= 1
        if self._turns < 0:
            self._turns = self._report() // _MANY

    def _report(self) -> int:
        """
        Tell what was counted, and write the lines of the access log that are about the same.

        Both happen at once, for a message is sent when it is said: a process that is killed leaves
        the counters equal to the log.

        @return: of how many members there was something to tell.
        """
        assert self._service is not None
        told = 0
        if self._there:
            report = self._service.report(whole=self._leaving)
            told = len(report.members)
            self.callRemote(Reported, report=report)
        self._service.flush()
        return told

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


def work(column: int, folder: str, supervisor: int) -> None:
    """
    Do as the supervisor says, until it says to stop.

    @param column: the worker's own of the table that all see.
    @param folder: where workers hand connections to each other.
    @param supervisor: its process.
    """
    faulthandler.register(DUMP, 2)

    from twisted.internet import reactor

    installed: Any = reactor
    table = Table(TABLE)
    sharing = Sharing(installed, Spread(table, column), folder, socket.socket(fileno=BOX))
    post = Post(installed, sharing, table, column)
    observers = [Voice(2, time.monotonic), Troubles(time.monotonic, post.trouble)]
    globalLogBeginner.beginLoggingTo(observers, redirectStandardIO=False)
    installed.adoptStreamConnection(LINE, socket.AF_UNIX, There(post))
    os.close(LINE)
    dispatch_directly(installed)
    settle(installed)
    installed.run(installSignalHandlers=False)
    if post.alone:
        clear_away(folder, supervisor)
