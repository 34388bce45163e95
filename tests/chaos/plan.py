"""
What happens when, as its seed determines.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tests.chaos.faults.base import Fault
from tests.chaos.programs import NAMES

SETTLES = 3.0
"""Seconds after a fault in which its members do not count as well: their checks have to pass."""

APART = 40.0
"""Seconds between two faults for which all others wait."""

TRIES = 20
PAUSE = 1.2
"""Mean of the seconds between the beginnings of two faults."""


@dataclass(frozen=True, slots=True)
class Step:
    """
    One fault, from C{at} to C{until}, in seconds from the beginning.
    """

    at: float
    until: float
    kind: type[Fault]
    takes: tuple[str, ...]
    seed: int

    def meets(self, other: Step) -> bool:
        """
        Tell whether two are there at the same time, or one before the other has settled.
        """
        return self.at < other.until + SETTLES and other.at < self.until + SETTLES

    def make(self) -> Fault:
        """
        Return the fault.
        """
        return self.kind(self.takes, self.seed)


def make_plan(
    seed: int, seconds: float, kinds: Sequence[type[Fault]], most: int = 4
) -> tuple[Step, ...]:
    """
    Choose faults such that one member is well at any time, and no two touch the same.

    @param kinds: faults that the world can have.
    @param most: how many there are at a time.
    """
    chance = random.Random(seed)
    weights = [kind.weight for kind in kinds]
    steps: list[Step] = []
    at, rests_until = 0.0, 0.0
    while True:
        at += chance.expovariate(1 / PAUSE)
        for _ in range(TRIES):
            kind = chance.choices(kinds, weights)[0]
            begins = at
            if kind.alone and at < rests_until:
                continue
            if kind.alone:
                begins = max([at, *(each.until + SETTLES for each in steps)])
            until = begins + chance.uniform(*kind.span)
            step = Step(begins, until, kind, kind.choose(chance), chance.getrandbits(32))
            if until <= seconds and _fits(step, steps, most):
                steps.append(step)
                if kind.alone:
                    at, rests_until = until + SETTLES, until + APART
                break
        if at >= seconds:
            return tuple(sorted(steps, key=lambda each: each.at))


def _fits(step: Step, steps: Collection[Step], most: int) -> bool:
    others = [each for each in steps if step.meets(each)]
    if len(others) >= most or (step.kind.alone and others):
        return False
    taken = {word for each in others for word in each.takes}
    if any(each.kind.alone for each in others) or taken & set(step.takes):
        return False
    return not taken | set(step.takes) >= set(NAMES)
