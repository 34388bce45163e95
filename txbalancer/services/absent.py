"""
What can be asked of a service that has not all its parts, and says so.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from txbalancer.core.health import ProbeResult
from txbalancer.errors import StartError, UpgradeError


def no_file(who: str) -> list[str]:
    """
    There is no file, as in a program that makes its service itself.
    """
    raise StartError("there is no configuration file to read again")


def no_upgrade(who: str) -> Deferred[dict[str, Any]]:
    """
    There is no command that started the process.
    """
    raise UpgradeError("it is part of another program, which is to be started anew itself")


def no_probe(balancer: str, member: str) -> Deferred[ProbeResult]:
    """
    Nobody asks members while the service does not run.
    """
    raise ValueError(f"{balancer}: {member} cannot be asked: the service does not run")
