"""
What a process does about its memory.
"""

from __future__ import annotations

from twisted.internet.task import Clock

from txbalancer.services.memory import Trimming


def test_free_memory_is_given_back_again_and_again() -> None:
    """
    Each minute; where that takes long, so seldom that it is a ten-thousandth of the time.
    """
    clock, work, at = Clock(), [0.0002, 0.25, 0.001], 0.0
    spent: list[float] = []

    def trim() -> None:
        spent.append(work[len(spent) % len(work)])

    Trimming(clock, trim, lambda: clock.seconds() + sum(spent)).start()
    for until, times in ((59.9, 0), (60.1, 1), (120.1, 2), (2619.9, 2), (2620.1, 3), (2680.1, 4)):
        clock.advance(until - at)
        at = until
        assert len(spent) == times
