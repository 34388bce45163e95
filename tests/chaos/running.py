"""
A run: faults by plan, and judges all the while.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tests.chaos.faults.base import Fault
from tests.chaos.judges import Books, CleanLog, Judge, Moving, NoLeaks, Served, Settled
from tests.chaos.ledger import Entry, Ledger
from tests.chaos.load import Load
from tests.chaos.plan import Step
from tests.chaos.programs import NAMES
from tests.chaos.sheet import Sheet
from tests.chaos.world import CROWD, World

LOOKS = 0.2
"""Seconds between two looks of the judges."""

PATIENCE = 30.0
MOST_TOLD = 40
ENOUGH = 3
"""Times that a fault has to come until it is wrong that nobody ever noticed it."""


class Run:
    """
    What faults and judges work with.

    @ivar wrongs: what did not hold, with its time.
    @ivar noticed: of each fault, whether it had any effect, by name.
    """

    def __init__(self, world: World, say: Callable[[str], None], seed: int) -> None:
        self.world, self._say = world, say
        self.sheet, self.ledger = Sheet(), Ledger()
        self.load = Load(world.clients(self.sheet, seed))
        self.books, self.leaks = Books(world), NoLeaks(world)
        self.served = Served(self.sheet, self.ledger)
        self._moving = Moving(self.sheet, [kind.protocol for kind, _ in CROWD])
        log = CleanLog(world.folder / "output.log")
        self.settled = Settled(self.sheet, self.books.reader)
        self._judges: tuple[Judge, ...] = (
            *(self.served, self._moving, log),
            *(self.settled, self.books, self.leaks),
        )
        self.noticed: dict[str, list[bool]] = {}
        self._began = time.monotonic()
        self.wrongs: list[str] = []
        self.left_out = 0

    # -- what is told

    def tell(self, text: str) -> None:
        """
        Report something, with its time.
        """
        self._say(f"{time.monotonic() - self._began:7.1f}  {text}")

    def wrong(self, text: str) -> None:
        """
        Report what does not hold.
        """
        self.wrongs.append(text)
        if len(self.wrongs) <= MOST_TOLD:
            self.tell(f"WRONG {text}")

    def judge(self) -> None:
        """
        Have the judges judge.
        """
        for judge in self._judges:
            for text in judge.judge():
                self.wrong(text)

    def look(self) -> None:
        """
        The same, where balancer and clients have to live.

        @raise RuntimeError: they do not.
        """
        self.judge()
        if not self.world.lives():
            raise RuntimeError("the balancer has ended")
        if not self.load.is_alive:
            raise RuntimeError("the clients have ended")

    # -- for faults

    def wait(self, seconds: float) -> None:
        """
        Let time pass, while the judges judge.
        """
        over = time.monotonic() + seconds
        while (left := over - time.monotonic()) > 0:
            self.look()
            time.sleep(min(LOOKS, left))

    def until(self, holds: Callable[[], Any], what: str, seconds: float = PATIENCE) -> None:
        """
        Wait for something; that it does not come is wrong.
        """
        over = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > over:
                self.wrong(f"not within {seconds:g} s: {what}")
                return
            self.judge()
            time.sleep(0.02)

    def reload(self, text: str, well: bool = True) -> None:
        """
        Have another configuration taken.
        """
        word = "reload done" if well else "reload refused"
        start = self.world.log_size()
        # Nobody else reads what systemd would be told.
        while self.world.process.told(0.001):
            pass
        self.world.process.write(text)
        self.world.signal(signal.SIGHUP)
        self.until(lambda: "reload " in self.world.process.log(start), "the balancer reloads")
        if word not in self.world.process.log(start):
            self.wrong(f"no {word!r}: {self.world.process.log(start)[:500]}")

    def rest(self) -> None:
        """
        Have the clients rest, and judge what has to hold then.
        """
        if not self.load.rest():
            self.wrong("clients do not come to rest")
        self.look()
        for judge in self._judges:
            for text in judge.judge_rest():
                self.wrong(f"at rest: {text}")

    def go_on(self) -> None:
        """
        Have the clients ask again.
        """
        self._moving.again()
        self.load.go_on()

    def weigh(self) -> None:
        """
        See whether the faults were any.
        """
        for name, found in sorted(self.noticed.items()):
            if len(found) >= ENOUGH and not any(found):
                self.wrong(f"{name}: {len(found)} times, and nobody can have noticed")

    def end(self) -> None:
        """
        Stop the balancer, which it has to do by itself.
        """
        self.world.signal(signal.SIGTERM)
        self.until(lambda: not self.world.lives(), "the balancer ends")
        self.judge()

    # -- the plan

    def follow(self, plan: Sequence[Step]) -> None:
        """
        Do what a plan says; the clients work already.
        """
        begun = time.monotonic()
        over = begun + max((each.until for each in plan), default=0.0)
        open_: dict[Step, tuple[Fault, Entry]] = {}
        for due, begins, step in _events(plan):
            self.wait(begun + due - time.monotonic())
            # What comes late puts off all that follows, so that each lasts as long as it should.
            begun = max(begun, time.monotonic() - due)
            if begins and time.monotonic() > over:
                self.left_out += 1
            elif begins:
                if (made := self._begin(step)) is not None:
                    open_[step] = made
            elif step in open_:
                fault, entry = open_.pop(step)
                fault.undo(self)
                entry.ended = time.monotonic()
                self.noticed.setdefault(fault.name, []).append(fault.noticed)

    def _begin(self, step: Step) -> tuple[Fault, Entry] | None:
        members = [each for each in step.takes if each in NAMES]
        others = [each for each in NAMES if each not in members]
        if members and not any(map(self.world.usable, others)):
            # It was planned as if members came back at once.
            self.left_out += 1
            self.tell(f"{step.kind.name} {' '.join(members)} left out: no other is in use yet")
            return None
        fault = step.make()
        entry = self.ledger.begin(fault, step.kind.name, time.monotonic())
        entry.text = f"{step.kind.name} {fault.do(self)}".strip()
        self.tell(f"{entry.text} for {step.until - step.at:.1f} s")
        return fault, entry


def _events(plan: Sequence[Step]) -> Iterator[tuple[float, bool, Step]]:
    """
    Return beginnings and ends in their order.
    """
    events = [(each.at, True, each) for each in plan] + [(each.until, False, each) for each in plan]
    return iter(sorted(events, key=lambda event: event[:2]))
