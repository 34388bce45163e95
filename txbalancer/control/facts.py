"""
What is known of a service as a whole, for its pages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from txbalancer.control.discovered import SourceView
from txbalancer.control.limitviews import LimitView
from txbalancer.control.processes import WorkerView
from txbalancer.core.counters import Counters


@dataclass(slots=True)
class Facts:
    """
    What is known of the service as a whole.

    @ivar started: when it did, in seconds since the epoch; C{process}: when this process began,
        which is later after an upgrade.
    @ivar counters: returns what was served.
    @ivar load: returns how many more connections would be served, and how many are busy.
    @ivar connections: returns how many there are; C{listeners}: how many of each listener.
    @ivar limits: returns those that are set, and their use.
    @ivar workers: returns the worker processes, if there are any.
    @ivar discovery: returns how the sources of members of a balancer do.
    @ivar config: the path of the configuration file; empty without one.
    """

    started: float
    counters: Callable[[], Counters] = Counters
    load: Callable[[], tuple[int, int]] = lambda: (0, 0)
    connections: Callable[[], int] = lambda: 0
    listeners: Callable[[], dict[str, int]] = dict
    workers: Callable[[], list[WorkerView]] = list
    discovery: Callable[[str], list[SourceView]] = lambda name: []
    config: str = ""
    limits: Callable[[], list[LimitView]] = list
    process: float = 0.0

    def __post_init__(self) -> None:
        self.process = self.process or self.started
