"""
What people do to a running balancer.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from tests.chaos.faults.base import Fault, MemberFault
from tests.chaos.sheet import Trouble
from tests.chaos.world import RATE, Shape

if TYPE_CHECKING:
    from tests.chaos.running import Run

METHODS = ("byrequests", "bytraffic", "bybusyness", "leastload")


class _Configured(Fault):
    weight = 3
    span = (0.3, 2.0)

    @classmethod
    def choose(cls, chance: object) -> tuple[str, ...]:
        return ("config",)


class Reload(_Configured):
    """
    Other lbmethods, factors and limits, one member more; later all is as it was.
    """

    name = "reload"

    def do(self, run: Run) -> str:
        methods = {name: self.random.choice(METHODS) for name in ("pool", "chat", "echo")}
        factors = {name: self.random.randint(1, 5) for name in run.world.members}
        extra = self.random.random() < 0.5
        shape = Shape(methods, factors, extra, self.random.choice((1000, 10_000)))
        run.reload(run.world.text(shape))
        return ", ".join(methods.values()) + (", one member more" if extra else "")

    def undo(self, run: Run) -> None:
        run.reload(run.world.text(run.world.shape))


class Rate(_Configured):
    """
    A reload brings a limit of requests, far below what clients ask for: what is over it is refused
    as being over it, and nothing else is.
    """

    name = "rate"
    weight = 2
    span = (1.0, 2.5)
    excuses = breaks = frozenset({Trouble.LIMITED})

    def do(self, run: Run) -> str:
        self._since = time.monotonic()
        run.reload(run.world.text(replace(run.world.shape, limited=True)))
        return f"{RATE} requests a second"

    def undo(self, run: Run) -> None:
        passed = run.world.sample("limit_passed_total")
        most = (RATE * (time.monotonic() - self._since + 1.0) + RATE) * max(1, run.world.workers)
        if passed > most:
            run.wrong(f"rate: {passed} requests let through where {most:.0f} were the most")
        self.noticed = run.world.sample("limit_refused_total") > 0 and passed > 0
        run.reload(run.world.text(run.world.shape))


class BrokenReload(_Configured):
    """
    A file with faults, which changes nothing.
    """

    name = "broken-reload"
    weight = 1

    def do(self, run: Run) -> str:
        text = run.world.text(replace(run.world.shape, extra=True))
        run.reload(text.replace("lbmethod =", "lbmetod =", 1), well=False)
        return "refused"

    def undo(self, run: Run) -> None:
        run.reload(run.world.text(run.world.shape))


class Steer(MemberFault):
    """
    Somebody drains or disables a member, and puts it back in use.
    """

    name = "steer"
    excuses = breaks = frozenset()

    def do(self, run: Run) -> str:
        self._word = self.random.choice(("drain", "disabled"))
        self._patch(run, True)
        found = run.world.letters(self.member)
        self.noticed = all({"drain": "N", "disabled": "D"}[self._word] in each for each in found)
        return f"{self._word} {self.member}"

    def undo(self, run: Run) -> None:
        self._patch(run, False)

    def _patch(self, run: Run, value: bool) -> None:
        for name, url in run.world.members[self.member].urls.items():
            path = f"/balancers/{name}/members/{quote(url, safe='')}"
            run.world.ask("PATCH", path, {self._word: value})
