"""
Which lines of the balancer a case reaches, and in which order: what makes it worth keeping.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import txbalancer

_SOURCES = str(Path(txbalancer.__file__).parent)

T = TypeVar("T")
Step = tuple[Any, int, int]
"""A piece of code, a line of it and the line before."""


class Tracer:
    """
    Notes steps while a function runs.

    @ivar steps: all that were ever seen.
    """

    def __init__(self) -> None:
        self.steps: set[Step] = set()

    def adds(self, function: Callable[[], T]) -> tuple[bool, T]:
        """
        Run a function; tell whether it took a step that none has taken before, and its result.
        """
        before = len(self.steps)
        old = sys.gettrace()
        sys.settrace(self._enter)
        try:
            result = function()
        finally:
            sys.settrace(old)
        return len(self.steps) > before, result

    def _enter(self, frame: FrameType, event: str, argument: Any) -> Any:
        code = frame.f_code
        if not code.co_filename.startswith(_SOURCES):
            return None
        note, last = self.steps.add, 0

        def trace(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal last
            if event == "line":
                note((code, last, frame.f_lineno))
                last = frame.f_lineno
            return trace

        return trace


def distil(one: Callable[[bytes], None], cases: Iterable[bytes], most: int) -> list[bytes]:
    """
    Choose the cases, short ones first, that together reach all that all of them reach.

    @param most: how many are chosen at most.
    """
    tracer, chosen = Tracer(), []
    # What is remembered from one case to the next must not make the first one look rich.
    for case in sorted(set(cases), key=len):
        one(case)
        if tracer.adds(partial(one, case))[0]:
            chosen.append(case)
            if len(chosen) == most:
                break
    return chosen
