"""
All clients, in a thread with a loop of its own.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Self

from tests.chaos.clients.base import Client, Pause

REST_SECONDS = 45.0


class Load:
    """
    Works for the length of a C{with} block; rests where it is told to.
    """

    def __init__(self, clients: Sequence[Client]) -> None:
        self._clients = clients
        self._loop = asyncio.new_event_loop()
        self._pause: Pause | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._begun.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._cancel)
        self._thread.join(REST_SECONDS)

    def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._work())

    async def _work(self) -> None:
        self._pause = Pause()
        self._tasks = [asyncio.create_task(each.run(self._pause)) for each in self._clients]
        self._begun.set()
        # What ends a client other than cancelling is a fault of this program.
        try:
            await asyncio.gather(*self._tasks)
        except asyncio.CancelledError:
            return
        except BaseException:
            self._cancel()
            raise

    def rest(self) -> bool:
        """
        Have all clients leave and wait; tell whether they all came to that.
        """
        self._order(True)
        rested = asyncio.run_coroutine_threadsafe(self._rested(), self._loop)
        return rested.result(REST_SECONDS + 5.0)

    def go_on(self) -> None:
        """
        Have them ask again.
        """
        self._order(False)

    def _order(self, rests: bool) -> None:
        assert self._pause is not None
        self._loop.call_soon_threadsafe(self._pause.set, rests)

    async def _rested(self) -> bool:
        assert self._pause is not None
        for _ in range(int(REST_SECONDS / 0.05)):
            if self._pause.resting == len(self._clients):
                return True
            await asyncio.sleep(0.05)
        return False

    @property
    def is_alive(self) -> bool:
        """
        Whether the clients work, or would.
        """
        return self._thread.is_alive()
