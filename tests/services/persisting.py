"""
Services one after the other on the same state file.
"""

from __future__ import annotations

from pathlib import Path

from tests.services.worlds import CONFIGURATION, World
from txbalancer.control.state import decode
from txbalancer.core import flags
from txbalancer.core.commands import AddMember, RemoveMember, SetBalancer, SetMember
from txbalancer.core.specs import MemberSpec

FIRST, SECOND = "http://10.0.0.1", "http://10.0.0.2"
NEW = MemberSpec("http://10.0.0.9", host="10.0.0.9", route="n")


class Places:
    """
    Makes one service after the other on the same state file.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "state.json"
        self.text = CONFIGURATION.replace("[txbalancer]", f"[txbalancer]\nstate = {self.path}")
        self.wall = 1_800_000_000.0

    def start(self, text: str = "") -> World:
        """
        Start a service; what ran before was killed.
        """
        world = World(text or self.text)
        world.service.runtime.wall = lambda: self.wall
        return world.start()

    def state(self) -> dict:
        """
        Return what is in the file about the balancer.
        """
        return decode(self.path.read_bytes())["balancers"]["shop"]


def change_all(world: World) -> None:
    """
    Change something of every kind.
    """
    steering = world.service.targets.steering
    for command in (
        SetMember("shop", FIRST, loadfactor=300, lbset=1, route="r", on=flags.DISABLED),
        SetBalancer("shop", lbmethod="bytraffic", timeout=5.0),
        AddMember("shop", NEW),
        RemoveMember("shop", SECOND),
    ):
        steering.apply(command, "me")
