"""
The disk of the access log.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import signal
from typing import TYPE_CHECKING

from tests.chaos.faults.base import Fault

if TYPE_CHECKING:
    from tests.chaos.running import Run

BLOCK = bytes(1 << 20)


class _OfTheLog(Fault):
    @classmethod
    def choose(cls, chance: object) -> tuple[str, ...]:
        return ("log",)


class FullDisk(_OfTheLog):
    """
    There is no room left; lines wait until there is.
    """

    name = "full-disk"
    needs = "disk"

    def do(self, run: Run) -> str:
        assert run.world.disk is not None
        written = 0
        with (run.world.disk / "filler").open("wb", buffering=0) as filler:
            try:
                while True:
                    written += filler.write(BLOCK)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
        self._size = run.world.process.access.stat().st_size
        return f"{written >> 20} MiB"

    def undo(self, run: Run) -> None:
        assert run.world.disk is not None
        # The last page of the log may have had room.
        self.noticed = run.world.process.access.stat().st_size - self._size < mmap.PAGESIZE
        with contextlib.suppress(FileNotFoundError):
            (run.world.disk / "filler").unlink()


class Rotate(_OfTheLog):
    """
    The log is moved away and opened anew, as logrotate does.
    """

    name = "rotate"
    span = (0.1, 0.5)

    def do(self, run: Run) -> str:
        access = run.world.process.access
        self._moved = access.rename(access.with_suffix(".1"))
        run.world.signal(signal.SIGUSR1)
        run.until(access.exists, "a new access log")
        return ""

    def undo(self, run: Run) -> None:
        self.noticed = run.world.process.access.stat().st_size > 0
        run.books.reader.follow()
        self._moved.unlink()
