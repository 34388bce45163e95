"""
What a process does about its memory.
"""

from __future__ import annotations

import subprocess
import sys

import pytest
from twisted.internet.task import Clock

from txbalancer.services.memory import Trimming

LARGE = """
import ctypes
from twisted.internet.task import Clock
from txbalancer.services.memory import settle

settle(Clock())
# By itself C takes from the giving back of a large piece that the next is to lie among the small.
large = b"x" * 1_000_000
del large
large = b"x" * 500_000
with open("/proc/self/maps") as maps:
    (heap,) = [line.split()[0] for line in maps if line.rstrip().endswith("[heap]")]
start, end = (int(each, 16) for each in heap.split("-"))
print("among the small" if start <= id(large) < end else "apart")
"""


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


@pytest.mark.skipif(sys.platform != "linux", reason="what C is told there is not known")
def test_large_pieces_of_memory_lie_apart() -> None:
    """
    So what is free of them is the system's again at once, and leaves no holes.
    """
    done = subprocess.run([sys.executable, "-c", LARGE], capture_output=True, text=True, check=True)
    assert done.stdout == "apart\n"
