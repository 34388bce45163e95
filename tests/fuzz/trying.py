"""
One case tried: it must neither fail nor take long.
"""

from __future__ import annotations

import time

from tests.fuzz.registry import One, Target

SLOW = 3.0
"""Seconds of CPU for one case that are a fault: a thousand times what is usual."""


class TooSlow(AssertionError):
    """
    A case that took too long.
    """


def try_case(target: Target, case: bytes) -> None:
    """
    Try a case.

    @raise Exception: whatever is wrong with it.
    """
    timed(target.one, case)


def timed(one: One, case: bytes) -> float:
    """
    Try a case; return the seconds of CPU that it took.

    @raise TooSlow: when they are too many.
    """
    start = time.thread_time()
    one(case)
    spent = time.thread_time() - start
    if spent > SLOW:
        raise TooSlow(f"{spent:.1f} s for {len(case)} bytes")
    return spent


def fault_of(target: Target, case: bytes) -> Exception | None:
    """
    Return what is wrong with a case, if anything.
    """
    try:
        try_case(target, case)
    except Exception as error:
        return error
    return None


def shrink(target: Target, case: bytes, tries: int = 2000) -> bytes:
    """
    Take away from a case as much as leaves it a fault of the same kind.
    """
    kind = type(fault_of(target, case))
    size = len(case) // 2
    while size and tries > 0:
        at = 0
        while at < len(case) and tries > 0:
            shorter = case[:at] + case[at + size :]
            tries -= 1
            if type(fault_of(target, shorter)) is kind:
                case = shorter
            else:
                at += size
        size //= 2
    return case
