"""
Fuzzing with nothing but Python: cases that reach something new are changed further.
"""

from __future__ import annotations

import time
from functools import partial
from random import Random

from tests.fuzz.mutations import Mutator
from tests.fuzz.registry import LONGEST, Target
from tests.fuzz.tracing import Tracer
from tests.fuzz.trying import fault_of


def fuzz(
    target: Target, cases: list[bytes], seconds: float, seed: int
) -> tuple[list[bytes], list[bytes], int]:
    """
    Make up cases for so many seconds, or until one is a fault.

    @param cases: those to begin from.
    @return: cases that are worth keeping, those that are faults, and how many were tried.
    """
    random = Random(seed)
    mutator = Mutator(random, target.words, LONGEST)
    tracer, known, tried = Tracer(), list(cases), 0
    for case in known:
        tracer.adds(partial(target.one, case))
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        case = mutator.change(random.choice(known), known)
        tried += 1
        new, fault = tracer.adds(partial(fault_of, target, case))
        if fault is not None:
            return known, [case], tried
        if new:
            known.append(case)
    return known, [], tried
