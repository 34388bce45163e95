"""
What this machine and this version of the balancer have.
"""

from __future__ import annotations

from importlib.util import find_spec

from tests.chaos import pipes
from tests.chaos.world import World


def features(world: World) -> dict[str, str]:
    """
    Return what faults may need and is not there, with the reason.
    """
    found = {}
    if world.network is None:
        found["network"] = "needs root, iproute2, util-linux and /dev/net/tun"
    if world.disk is None:
        found["disk"] = "needs root, to mount a small disk"
    if reason := pipes.fault():
        found["pipes"] = reason
    if not world.workers:
        found["workers"] = "there are no workers: --workers 2"
    if find_spec("txbalancer.services.upgrade") is None:
        found["upgrade"] = "this version cannot do it"
    return found
