"""
How much of its time a worker has something to do.
"""

from __future__ import annotations

import time

_FILE = "/proc/self/schedstat"


class Load:
    """
    Tells which part of the time since it was last asked this process was at work, or was ready to
    be and had to wait for a processor: a worker whose core others use, too, is full earlier.
    """

    def __init__(self, file: str = _FILE) -> None:
        """
        @param file: where the system tells it of the main thread, which has the reactor.
        """
        self._file = file
        self._then = time.monotonic_ns()
        self._used = self._spent()

    def look(self) -> int:
        """
        Return that part, in thousandths.
        """
        now, used = time.monotonic_ns(), self._spent()
        passed, spent = now - self._then, used - self._used
        self._then, self._used = now, used
        return min(1000, 1000 * spent // passed) if passed > 0 else 0

    def _spent(self) -> int:
        try:
            with open(self._file, "rb") as file:
                ran, waited, _ = file.read().split()
            return int(ran) + int(waited)
        except (OSError, ValueError):
            # Not every system counts that.
            return time.process_time_ns()
