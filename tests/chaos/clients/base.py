"""
What clients of all protocols have in common.
"""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from itertools import count
from typing import ClassVar, TypeVar

from tests.chaos.sheet import Failed, Failure, Sheet, Trouble

PATIENCE = 40.0
"""Seconds after which an HTTP request is given up: more than attempts at all members can take, and
than a new worker needs to begin on a machine that has much else to do."""

TUNNEL_PATIENCE = 30.0
THINKS = 0.03
"""Mean of the pause between two turns, in seconds."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Target:
    """
    Where a client goes.

    @ivar tls: what it trusts; C{None} = plain.
    """

    port: int
    tls: ssl.SSLContext | None = None
    host: str = "127.0.0.1"


class Pause:
    """
    Lets all clients stop between two turns, within their loop.
    """

    def __init__(self) -> None:
        self._goes_on = asyncio.Event()
        self._goes_on.set()
        self.resting = 0

    def set(self, rests: bool) -> None:
        """
        Have them stop, or go on.
        """
        if rests:
            self._goes_on.clear()
        else:
            self._goes_on.set()

    @property
    def wanted(self) -> bool:
        """
        Whether they are to stop.
        """
        return not self._goes_on.is_set()

    async def over(self) -> None:
        """
        Wait for the end of it.
        """
        self.resting += 1
        await self._goes_on.wait()
        self.resting -= 1


class Client:
    """
    Asks again and again.

    @cvar protocol: for reports.
    @cvar patience: seconds for one turn.
    @cvar lasts: turns on one connection, about.
    """

    protocol: ClassVar[str]
    patience: ClassVar[float] = PATIENCE
    lasts: ClassVar[int] = 50

    def __init__(self, number: int, target: Target, sheet: Sheet, seed: int) -> None:
        self._target, self._sheet = target, sheet
        self.random = random.Random(seed * 1000 + number)
        self._idents = (f"{self.protocol}-{number}-{turn}" for turn in count(1))

    def ident(self) -> str:
        """
        Return an id that nobody else has.
        """
        return next(self._idents)

    async def run(self, pause: Pause) -> None:
        """
        Ask until cancelled.
        """
        while True:
            if pause.wanted:
                await self.leave()
                await pause.over()
            await asyncio.sleep(self.random.expovariate(1 / THINKS))
            began = time.monotonic()
            try:
                self._sheet.good(self.protocol, await self._bounded(self.turn()))
            except Failed as error:
                self._note(began, error)
                await self.leave()
                # Whom nobody lets in must not fill the list at full speed.
                await asyncio.sleep(0.1)
            else:
                if self.random.randrange(self.lasts) == 0:
                    await self.leave()

    async def _bounded(self, what: Awaitable[T]) -> T:
        try:
            return await asyncio.wait_for(what, self.patience)
        except TimeoutError:
            raise Failed(Trouble.SILENT, f"for {self.patience:g} s") from None
        except (ValueError, LookupError, asyncio.LimitOverrunError) as error:
            # Whatever came is no answer of this protocol, so it cannot be this client's.
            raise Failed(Trouble.MIXED, f"what came cannot be read: {error!r}") from error

    def _note(self, began: float, error: Failed) -> None:
        now = time.monotonic()
        safe = error.safe and self.is_safe()
        self._sheet.bad(Failure(self.protocol, error.trouble, safe, began, now, error.text))

    async def dial(self, **options: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """
        Connect.

        @raise Failed: that was not possible.
        """
        target = self._target
        try:
            return await asyncio.open_connection(
                target.host, target.port, ssl=target.tls, limit=1 << 20, **options
            )
        except OSError as error:
            raise Failed(Trouble.REFUSED, str(error)) from error

    # -- of each protocol

    async def turn(self) -> int:
        """
        Ask once, connecting where that is needed; return how many answers came.

        @raise Failed: something went wrong.
        """
        raise NotImplementedError

    async def leave(self) -> None:
        """
        Give up the connection, if there is one.
        """
        raise NotImplementedError

    def is_safe(self) -> bool:
        """
        Tell whether what is being asked can be sent to another member.
        """
        return False


async def close(writer: asyncio.StreamWriter) -> None:
    """
    Close a connection without waiting for anybody.
    """
    writer.transport.abort()
    await asyncio.sleep(0)
