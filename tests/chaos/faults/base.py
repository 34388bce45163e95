"""
What all faults have in common.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from typing import TYPE_CHECKING, ClassVar

from tests.chaos.programs import NAMES
from tests.chaos.sheet import Trouble

if TYPE_CHECKING:
    from tests.chaos.running import Run

NOTHING: frozenset[Trouble] = frozenset()
TUNNELS = frozenset(set(Trouble) - {Trouble.MIXED, Trouble.REFUSED})
"""What happens to tunnels, and to what must not be sent twice, when their member has a fault."""

CUT_SHORT = frozenset({Trouble.BROKEN})
"""What happens to an answer that has begun: nobody can begin it anew."""

EVERYTHING = frozenset(set(Trouble) - {Trouble.MIXED})


class Fault:
    """
    One fault, done and undone.

    @cvar name: for plans and reports.
    @cvar weight: how often it comes, compared with others.
    @cvar span: of seconds that it lasts, at least and at most.
    @cvar needs: what the world must have for it.
    @cvar alone: whether clients rest, and nothing else happens at the same time.
    @ivar takes: what nothing else may touch meanwhile: names of members, or other words.
    @ivar noticed: whether anybody can have noticed it, known once it is undone. One that nobody
        ever notices is none.
    """

    name: ClassVar[str]
    weight: ClassVar[int] = 2
    span: ClassVar[tuple[float, float]] = (0.5, 4.0)
    needs: ClassVar[str] = ""
    alone: ClassVar[bool] = False
    excuses: ClassVar[frozenset[Trouble]] = NOTHING
    breaks: ClassVar[frozenset[Trouble]] = NOTHING

    def __init__(self, takes: Collection[str], seed: int) -> None:
        self.takes = tuple(takes)
        self.random = random.Random(seed)
        self.noticed = True

    @classmethod
    def choose(cls, chance: random.Random) -> tuple[str, ...]:
        """
        Choose what it takes.
        """
        return ()

    def do(self, run: Run) -> str:
        """
        Bring it about; return what there is to say of it.
        """
        raise NotImplementedError

    def undo(self, run: Run) -> None:
        """
        Take it away.
        """


class MemberFault(Fault):
    """
    One of a single member, which is named by what it takes.
    """

    excuses = CUT_SHORT
    breaks = TUNNELS

    @classmethod
    def choose(cls, chance: random.Random) -> tuple[str, ...]:
        return (chance.choice(NAMES),)

    @property
    def member(self) -> str:
        """
        Its name.
        """
        return self.takes[0]

    def troubles(self, run: Run) -> int:
        """
        Return how often the balancer had trouble with it: attempts and checks that failed.
        """
        return run.world.troubles(self.member)
