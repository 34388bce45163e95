"""
Another version of the program, or the same one started anew, takes the place of this process
without a connection being refused.
"""

from __future__ import annotations

import os
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, succeed
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from txbalancer import __version__
from txbalancer.core.succession import PROTOCOL, Message, protocol_fault
from txbalancer.errors import UpgradeError
from txbalancer.services.notify import Notifier
from txbalancer.services.runner import Runner
from txbalancer.services.service import BalancerService
from txbalancer.services.successor import Successor

PERIOD = 1.0
"""Seconds between two words to the new process about what is still counted here."""


class Upgrade:
    """
    Starts the new process with this one's command line and leaves it the place once it serves.
    One that fails to start changes nothing.

    @ivar successor: the process that starts, or has taken over; C{None} without one.
    """

    log = Logger()

    def __init__(self, service: BalancerService, notifier: Notifier, runner: Runner) -> None:
        self._service, self._notifier, self._runner = service, notifier, runner
        self._reactor = service.reactor
        self.successor: Successor | None = None
        self._waiting: Deferred[dict[str, Any]] = Deferred()
        self._timer: Any = None
        self._version = ""
        self._told: Any = None
        self._counting = LoopingCall(self._tell_counts)
        self._counting.clock = service.reactor
        service.targets.steering.upgrade = self.begin
        service.farewell = self._farewell

    # -- this process takes a place

    def take_over(self) -> None:
        """
        Serve in place of the process that has started this one, if one has.
        """
        self._runner.claim()
        self._service.beginning.finish(self._service)

    # -- this process leaves it

    def begin(self, who: str = "") -> Deferred[dict[str, Any]]:
        """
        Start the new process.

        @param who: who asked for it; empty for a signal.
        @return: fires once that serves; fails with L{UpgradeError}.
        @raise UpgradeError: when there can be none now.
        """
        fault = self._runner.fault() or self._busy()
        if fault:
            raise UpgradeError(fault)
        self.log.info("{who} wants an upgrade: a new process starts", who=who or "a signal")
        self._notifier.reloading()
        self._waiting = Deferred()
        successor = self.successor = Successor(self._reactor, self._heard)
        successor.ended.addCallback(self._over, successor)
        try:
            successor.start(self._runner.command, self._runner.folder, os.environ)
        except OSError as error:
            self._fail(f"the new process cannot be started: {error}")
        else:
            seconds = self._service.spec.service.upgrade_timeout
            self._timer = self._reactor.callLater(seconds, self._late, seconds)
        return self._waiting

    def _busy(self) -> str:
        if self._service.leaving.done or self._service.stopping.begun:
            return "this process is about to end"
        if self.successor is not None:
            return f"an upgrade is in progress: process {self.successor.pid} starts"
        return ""

    def _heard(self, message: Message) -> None:
        say, successor = message["say"], self.successor
        if successor is None:
            return
        if say == "hello":
            self._version = str(message.get("version", ""))
            fault = protocol_fault(message)
            if fault:
                self.log.error("upgrade: {fault}", fault=fault)
            self._service.leaving.late = bool(message.get("late"))
            fields, files = self._service.leaving.offer()
            known = {"protocol": PROTOCOL, "version": __version__, "late": True}
            successor.tell("offer", files, **known, **fields)
        elif say == "state":
            told = self._service.leaving.state()
            told.addCallback(lambda state: successor.tell("state", state=state))
            told.addErrback(self._not_told)
        elif say == "sessions":
            told = self._service.leaving.sessions()
            told.addCallback(lambda found: successor.tell("sessions", sessions=found))
            told.addErrback(self._not_told)
        elif say == "serving":
            self._leave(successor)
        elif say == "failed":
            self._give_up(f"the new process does not start: {message.get('cause', '')}")
        elif say == "reopen":
            self._service.reopen_logs()

    def _not_told(self, reason: Failure) -> None:
        self.log.failure("upgrade: the state could not be handed over", reason)
        self._give_up("the state could not be handed over, see the log")

    # -- it fails

    def _late(self, seconds: float) -> None:
        said = self.successor.said() if self.successor is not None else ""
        late = f"the new process did not serve within upgrade-timeout, {seconds:g} s"
        self._give_up(f"{late}{': ' if said else ''}{said}")

    def _give_up(self, cause: str) -> None:
        successor = self.successor
        if successor is not None and not self._service.leaving.done:
            self._fail(cause)
            successor.kill()

    def _over(self, cause: str, successor: Successor) -> None:
        if successor is not self.successor or self._service.leaving.done:
            return
        said = successor.said()
        self._fail(f"the new process does not start, {cause}{': ' if said else ''}{said}")

    def _fail(self, text: str) -> None:
        """
        Go on as before.
        """
        self.successor = None
        self._stop_timer()
        self._service.leaving.stay()
        self._notifier.ready(f"upgrade failed: {text.splitlines()[0]}")
        self.log.error("upgrade failed, this process goes on: {text}", text=text)
        first, *others = text.splitlines()
        self._service.targets.journal.note(
            "warning",
            f"upgrade failed, process {os.getpid()} goes on: {first}",
            details={"errors": [first, *others]},
        )
        self._waiting.errback(UpgradeError(text))

    def _stop_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    # -- it serves

    def _leave(self, successor: Successor) -> None:
        self._stop_timer()
        pid = successor.pid
        self._runner.leave()
        self._service.leaving.leave()
        self._notifier.succeeded_by(pid)
        self.log.info("process {pid} serves: this one ends with its last connection", pid=pid)
        self._counting.start(PERIOD)
        self._waiting.callback({"pid": pid, "version": self._version, "former": os.getpid()})
        self._reactor.callLater(0, self._reactor.stop)

    def _tell_counts(self) -> None:
        if self.successor is None:
            return
        counts = self._service.inheritance.counts()
        connections = self._service.targets.steering.facts.connections()
        if (counts, connections) != self._told:
            self._told = counts, connections
            self.successor.tell("counts", counts=counts, connections=connections)

    def _farewell(self) -> Deferred[Any]:
        """
        Tell the last figures, those included that the process before this one still counts.
        """
        if not self._service.leaving.done or self.successor is None:
            return succeed(None)
        former = self._service.beginning.former
        waiting = [former.ended] if former is not None and former.there else []
        return DeferredList(waiting).addCallback(lambda _: self._part())

    def _part(self) -> Deferred[None]:
        if self._counting.running:
            self._counting.stop()
        self._tell_counts()
        assert self.successor is not None
        return self.successor.part()
