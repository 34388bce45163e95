"""
What can go wrong, one file for each part of the world.
"""

from __future__ import annotations

from tests.chaos.faults.base import Fault
from tests.chaos.faults.config import BrokenReload, Rate, Reload, Steer
from tests.chaos.faults.disk import FullDisk, Rotate
from tests.chaos.faults.members import Drop, Garbage, Hang, Kill, Liar, Skew, Slow
from tests.chaos.faults.network import Cut, Delay, Lose
from tests.chaos.faults.overload import NoPipes, Storm
from tests.chaos.faults.process import Descriptors, HangWorker, KillWorker, SpoiltState, Upgrade

FAULTS: tuple[type[Fault], ...] = (
    *(Kill, Hang, Drop, Garbage, Slow, Liar, Skew),
    *(Cut, Lose, Delay),
    *(Reload, BrokenReload, Rate, Steer),
    *(FullDisk, Rotate),
    *(Storm, NoPipes),
    *(Descriptors, SpoiltState, KillWorker, HangWorker, Upgrade),
)
