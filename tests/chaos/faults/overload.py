"""
More than the balancer may take.
"""

from __future__ import annotations

import contextlib
import random
import signal
import socket
import time
from typing import TYPE_CHECKING

from tests.chaos.faults.base import Fault
from tests.chaos.member import repeated
from tests.chaos.processes import large_pipes, total
from tests.chaos.sheet import Failure, Trouble, trouble_of
from tests.chaos.world import STORM_MOST

if TYPE_CHECKING:
    from tests.chaos.running import Run

STORM = 300
EARLY = 5
"""Clients that were there before."""

PATIENCE = 20.0


class Visitor:
    """
    A connection of a storm, which asks once at a time.
    """

    def __init__(self, port: int) -> None:
        self._socket = socket.socket()
        self._socket.setblocking(False)
        self._socket.connect_ex(("127.0.0.1", port))
        self._ident = ""
        self._got = b""

    def ask(self, ident: str) -> None:
        """
        Ask, where there is a connection already.
        """
        self._ident, self._got = ident, b""
        with contextlib.suppress(OSError):
            self._socket.send(f"GET /do?id={ident} HTTP/1.1\r\nHost: chaos.test\r\n\r\n".encode())

    def heard(self, seconds: float = 0.0) -> Trouble | None:
        """
        Tell how an answer went; C{None} for a good one.
        """
        self._socket.settimeout(seconds)
        try:
            while not self._is_whole():
                if not (data := self._socket.recv(65536)):
                    return Trouble.BROKEN if self._got else Trouble.CLOSED
                self._got += data
        except (TimeoutError, BlockingIOError):
            return Trouble.SILENT
        except OSError:
            return Trouble.CLOSED
        head, _, body = self._got.partition(b"\r\n\r\n")
        version, status, _ = head.split(b" ", 2)
        if version != b"HTTP/1.1":
            return Trouble.MIXED
        if status != b"200":
            return trouble_of(int(status))
        return None if body == repeated(self._ident, len(self._ident)) else Trouble.MIXED

    def _is_whole(self) -> bool:
        head, end, body = self._got.partition(b"\r\n\r\n")
        return bool(end) and (b" 200 " not in head[:13] or len(body) >= len(self._ident))

    def close(self) -> None:
        """
        Leave.
        """
        self._socket.close()


class Storm(Fault):
    """
    Far more connections than a listener may have: who was there is served all the time, as
    many as there may be are, too, and clients of other listeners do not notice.
    """

    name = "storm"
    span = (0.5, 2.0)

    @classmethod
    def choose(cls, chance: random.Random) -> tuple[str, ...]:
        return ("process",)

    def do(self, run: Run) -> str:
        self._turn = 0
        self._early = self._come(run, EARLY)
        self._ask_early(run)
        self._others = self._come(run, STORM)
        for each in self._others:
            each.ask(self._ident())
        self._ask_early(run)
        return f"of {STORM} where {STORM_MOST} are the most"

    def undo(self, run: Run) -> None:
        self._ask_early(run)
        found = [each.heard() for each in self._others]
        served = len(self._early) + found.count(None)
        self.noticed = found.count(Trouble.SILENT) >= STORM - STORM_MOST
        if served > STORM_MOST or Trouble.MIXED in found:
            run.wrong(f"storm: {served} served where {STORM_MOST} are the most, {set(found)}")
        for each in (*self._early, *self._others):
            each.close()

    def _come(self, run: Run, count: int) -> list[Visitor]:
        visitors = [Visitor(run.world.ports["storm"]) for _ in range(count)]
        time.sleep(0.05)
        return visitors

    def _ident(self) -> str:
        self._turn += 1
        return f"storm-{id(self)}-{self._turn}"

    def _ask_early(self, run: Run) -> None:
        for each in list(self._early):
            began = time.monotonic()
            each.ask(self._ident())
            if (trouble := each.heard(PATIENCE)) is not None:
                now = time.monotonic()
                run.sheet.bad(Failure("storm", trouble, True, began, now, "who came early"))
                self._early.remove(each)
                each.close()


class NoPipes(Fault):
    """
    The process starts while its user may have no more pipes, so that nothing goes by splice(2).
    """

    name = "no-pipes"
    needs = "pipes"
    weight = 1
    span = (3.0, 5.0)
    alone = True

    def do(self, run: Run) -> str:
        run.rest()
        self._before = total(run.world.pid, large_pipes)
        run.world.signal(signal.SIGTERM)
        run.until(lambda: not run.world.lives(), "the balancer ends")
        run.books.forget()
        run.world.greed.start(b"taken")
        run.world.begin()
        run.go_on()
        return f"where there were {self._before // 2}"

    def undo(self, run: Run) -> None:
        self.noticed = bool(self._before) and not total(run.world.pid, large_pipes)
        run.world.greed.kill()
