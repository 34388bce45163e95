"""
What was changed at run time, and what became of members, over a restart.
"""

from __future__ import annotations

import threading
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from txbalancer.control.record import Record
from txbalancer.control.state import StateFile, encode
from txbalancer.core import snapshot
from txbalancer.net.offload import Offload
from txbalancer.services.restoring import put_back, told
from txbalancer.services.steering import Steering

PERIOD = 30.0
"""Seconds between two writes of counters and health; changes by command are written at once."""


class Persistence:
    """
    Keeps a L{StateFile} up to date with the balancers of a L{Steering}.

    Writing is a thread's work, for it waits for the disk. One write is under way at a
    time, and all that happens meanwhile goes into the next one.

    @ivar record: how the writes went.
    """

    log = Logger()

    def __init__(self, steering: Steering) -> None:
        self._steering = steering
        self._runtime = steering.runtime
        self._threads = Offload(self._runtime.reactor, most=1)
        self._file: StateFile | None = None
        self._lock = threading.Lock()
        self._turn = self._written = 0
        self._writing = self._again = self._held = False
        self._fault = ""
        self.record = Record()
        self._waiting: list[Deferred[str]] = []
        self._next: list[Deferred[str]] = []
        self._loop = LoopingCall(self.save)
        self._loop.clock = self._runtime.reactor
        steering.on_change.append(lambda change: self.save())
        steering.settled = self.settled

    # -- life

    def check(self, path: str) -> StateFile | None:
        """
        Return the file to use; C{None} for an empty path.

        @raise StartError: when it could not be written.
        """
        if not path:
            return None
        file = StateFile(path)
        file.check()
        return file

    def load(self, file: StateFile | None) -> None:
        """
        Use a file from the start on: put back what it holds.
        """
        self._file = file
        if file is None:
            return
        found = file.read()
        notes = list(found.notes)
        if found.state is not None:
            notes += put_back(self._steering, found.state)
        elif not notes:
            self.log.info("no state yet in {path}: all is as configured", path=file.path)
        for note in notes:
            self.log.warn("state: {note}", note=note)
        if found.state is not None:
            for line in told(self._steering):
                self.log.info("state: {line}", line=line)

    def go_on(self, file: StateFile | None) -> None:
        """
        Use a file from the start on, whatever it holds: another process has said all that is
        in it, and more.
        """
        self._file = file

    def hold(self) -> None:
        """
        Write nothing more, until L{release}: the file is about to be another process'.
        """
        self._held = True

    def release(self) -> None:
        """
        Write again.
        """
        self._held = False
        self.save()

    def use(self, file: StateFile | None) -> None:
        """
        Go on with another file, or none: it gets the state as it is now. What another file
        holds already is not read, but kept.
        """
        before, self._file = self._file, file
        if file is not None and (before is None or before.path != file.path):
            note = file.keep_aside()
            if note:
                self.log.warn("state: {note}; the state of this process is written", note=note)
        if file is None:
            # Nothing is to outlive a restart now, so nothing is amiss.
            self._fault, self.record.fine = "", True
        self.save()

    def start(self) -> None:
        """
        Write from time to time.
        """
        if not self._loop.running:
            running = self._loop.start(PERIOD)
            running.addErrback(lambda reason: self.log.failure("state is not written", reason))

    def stop(self) -> None:
        """
        Write for the last time; it is on the disk when this returns.
        """
        if self._loop.running:
            self._loop.stop()
        if self._file is not None and not self._held:
            self._turn += 1
            self._note(self._put(self._file, self.export(), self._turn))

    # -- writing

    def save(self) -> None:
        """
        Write soon.
        """
        if self._file is None or self._held:
            return
        if self._writing:
            self._again = True
            return
        self._writing, self._again = True, False
        self._turn += 1
        file, state, turn = self._file, self.export(), self._turn
        self._threads.submit(lambda: self._put(file, state, turn), self._done)

    def settled(self) -> Deferred[str]:
        """
        Tell when everything up to now is on the disk.

        @return: fires with what went wrong, in words; empty when nothing did.
        """
        if not self._writing:
            return succeed(self._fault)
        waiting: Deferred[str] = Deferred()
        (self._next if self._again else self._waiting).append(waiting)
        return waiting

    def _put(self, file: StateFile, state: Any, turn: int) -> str:
        """
        Write in a thread, unless something newer was written before this came to its turn.
        """
        with self._lock:
            if turn <= self._written:
                return ""
            try:
                file.write(encode(state))
            except OSError as error:
                return f"{file.path}: {error.strerror}"
            self._written = turn
        return ""

    def _done(self, fault: str | None) -> None:
        self._writing = False
        self._note("the write failed" if fault is None else fault)
        waiting, self._waiting, self._next = self._waiting, self._next, []
        if self._again:
            self.save()
        for each in waiting:
            each.callback(self._fault)

    def _note(self, fault: str) -> None:
        self.record.note(not fault, self._runtime.wall())
        if fault and not self._fault:
            self.log.error(
                "state cannot be written, changes would not outlive a restart: {fault}", fault=fault
            )
        elif self._fault and not fault:
            self.log.info("state is written again")
        self._fault = fault

    def export(self) -> dict[str, Any]:
        """
        Return what outlives a restart.
        """
        now, steering = self._runtime.now(), self._steering
        return {
            "written": self._runtime.wall(),
            "balancers": {
                name: {
                    "nonce": steering.secret(name),
                    **snapshot.export(steering.balancer(name), now),
                }
                for name in steering.names()
            },
        }
