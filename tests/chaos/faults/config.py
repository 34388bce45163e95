"""
What people do to a running balancer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from tests.chaos.faults.base import Fault, MemberFault
from tests.chaos.world import Shape

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
        return f"{self._word} {self.member}"

    def undo(self, run: Run) -> None:
        self._patch(run, False)

    def _patch(self, run: Run, value: bool) -> None:
        for name, url in run.world.members[self.member].urls.items():
            path = f"/balancers/{name}/members/{quote(url, safe='')}"
            run.world.ask("PATCH", path, {self._word: value})
