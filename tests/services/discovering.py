"""
A service whose sources of members answer as they are told.
"""

from __future__ import annotations

from dataclasses import replace

from tests.services.worlds import World
from txbalancer.core import flags
from txbalancer.services.plugins import load_registry
from txbalancer.testing import FakeMemberSourceFactory

ONE, TWO, THREE = (f"http://10.0.0.{number}" for number in (1, 2, 3))
TEXT = """
[txbalancer]
access-log = off
{service}
[listener:web]
endpoint = tcp:80
[balancer:shop]
connectiontimeout = 7s
{balancer}
[mount:/]
to = balancer://shop/
"""
PLACE = "fake:a"


class Steady:
    """
    Draws no lots.
    """

    def uniform(self, least: float, most: float) -> float:
        return 1.0


class Discovering(World):
    """
    A service with sources that answer as they are told.

    @ivar fakes: the sources.
    """

    def __init__(self, balancer: str = f"discover = {PLACE}", service: str = "") -> None:
        self.fakes = FakeMemberSourceFactory()
        registry = load_registry()
        registry = replace(registry, sources={**registry.sources, "fake": self.fakes})
        super().__init__(TEXT.format(balancer=balancer, service=service), registry=registry)
        self.service.targets.discovery.random = Steady()
        self.wall = 1_800_000_000.0
        self.service.runtime.wall = lambda: self.wall + self.reactor.seconds()

    @property
    def source(self):
        """
        The first source.
        """
        return self.fakes.at(PLACE)

    def names(self) -> list[str]:
        """
        Return the members in use for new sessions.
        """
        return [each.name for each in self.members() if not each.flags & flags.DRAIN]

    def view(self, number: int = 0):
        """
        Return how a source does.
        """
        return list(self.service.targets.discovery.views())[number]

    def texts(self, kind: str) -> list[str]:
        """
        Return the events of a kind.
        """
        events = self.service.targets.journal.events
        return [f"{each.who}: {each.text}" for each in events if each.kind == kind]

    def change(self, balancer: str) -> list[str]:
        """
        Put another configuration in force.
        """
        return self.reload(TEXT.format(balancer=balancer, service=""))
