"""
Members that die, hang, lie and talk nonsense.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from tests.chaos.faults.base import NOTHING, MemberFault

if TYPE_CHECKING:
    from tests.chaos.running import Run


class Kill(MemberFault):
    """
    It is killed, and started again.
    """

    name = "kill"
    weight = 4

    def do(self, run: Run) -> str:
        self._before = self.troubles(run)
        run.world.members[self.member].kill()
        return self.member

    def undo(self, run: Run) -> None:
        self.noticed = self.troubles(run) > self._before
        run.world.members[self.member].begin()


class Hang(MemberFault):
    """
    It is stopped: the system accepts connections for it, and nothing else happens.
    """

    name = "hang"
    weight = 4

    def do(self, run: Run) -> str:
        self._before = self.troubles(run)
        run.world.members[self.member].signal(signal.SIGSTOP)
        return self.member

    def undo(self, run: Run) -> None:
        self.noticed = self.troubles(run) > self._before
        run.world.members[self.member].signal(signal.SIGCONT)


class _Manner(MemberFault):
    answers = "well"
    health = 200

    def do(self, run: Run) -> str:
        run.world.members[self.member].behave(self.answers, self.health)
        return self.member

    def undo(self, run: Run) -> None:
        self.noticed = run.world.members[self.member].behave() > 0


class Drop(_Manner):
    """
    It closes connections in the place of answers.
    """

    name = answers = "drop"


class Garbage(_Manner):
    """
    What it answers is no HTTP.
    """

    name = answers = "garbage"


class Slow(_Manner):
    """
    It takes its time, and nobody has a reason to fail.
    """

    name = answers = "slow"
    excuses = breaks = NOTHING


class Liar(_Manner):
    """
    Its health checks pass, and nothing is answered: the verdict is wrong.
    """

    name = "liar"
    answers = "hang"


class Skew(_Manner):
    """
    It answers well, and its health checks fail: the verdict is wrong the other way round.
    """

    name = "skew"
    health = 503
    excuses = breaks = NOTHING
