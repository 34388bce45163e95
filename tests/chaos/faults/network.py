"""
A network that loses and delays packets on the way to some members.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.chaos.faults.base import CUT_SHORT, TUNNELS, Fault
from tests.chaos.programs import FAR
from tests.chaos.wire import Weather

if TYPE_CHECKING:
    from tests.chaos.running import Run


class _Weather(Fault):
    needs = "network"
    excuses = CUT_SHORT
    breaks = TUNNELS

    @classmethod
    def choose(cls, chance: random.Random) -> tuple[str, ...]:
        return FAR

    def do(self, run: Run) -> str:
        assert run.world.network is not None
        weather = self.weather()
        run.world.network.be(weather)
        return f"loss {weather.loss:.0%}, delay {weather.delay * 1e3:.0f} ms"

    def undo(self, run: Run) -> None:
        assert run.world.network is not None
        self.noticed = run.world.network.be(Weather()) > 0

    def weather(self) -> Weather:
        """
        Return what the network is like.
        """
        raise NotImplementedError


class Cut(_Weather):
    """
    Nothing goes through.
    """

    name = "cut"

    def weather(self) -> Weather:
        return Weather(loss=1.0)


class Lose(_Weather):
    """
    Some packets are lost.
    """

    name = "lose"

    def weather(self) -> Weather:
        return Weather(loss=self.random.uniform(0.02, 0.4))


class Delay(_Weather):
    """
    Packets take long, and overtake each other.
    """

    name = "delay"

    def weather(self) -> Weather:
        return Weather(delay=self.random.uniform(0.02, 0.6), jitter=self.random.uniform(0.0, 0.2))
