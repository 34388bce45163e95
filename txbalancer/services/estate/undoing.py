"""
What can be undone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from txbalancer.core.carried_commands import pack, unpack
from txbalancer.core.events import Event
from txbalancer.core.overrides import differences
from txbalancer.core.specs import BalancerSpec, MemberSpec
from txbalancer.services.steering import Steering


class Undoing:
    """
    The last changes that somebody made, where the configuration of their balancer is the same.
    """

    name, version = "undo", 1

    def __init__(self, steering: Steering) -> None:
        self._steering = steering

    def tell(self) -> dict[str, Any]:
        """
        Return the changes, and by what configuration they were made.
        """
        now, steering = self._steering.now(), self._steering
        changes = [[each.event.as_json(), pack(each.undo, now)] for each in steering.past]
        names = {each.event.balancer for each in steering.past}
        return {
            "changes": changes,
            "configured": {name: _print_of(steering.balancer(name).configured) for name in names},
        }

    def take(self, data: Any) -> Iterator[str]:
        """
        Have them as the changes of before.
        """
        steering = self._steering
        here = {name: _print_of(steering.balancer(name).configured) for name in steering.names()}
        same = {name for name, known in data["configured"].items() if here.get(name) == known}
        now = steering.now()
        read = [
            (Event(**{name: event[name] for name in Event._fields}), unpack(undo, now))
            for event, undo in data["changes"]
            if event["balancer"] in same
        ]
        for event, undo in read:
            steering.remember(event, undo)
        for name in data["configured"].keys() - same:
            yield f"{name} is configured otherwise: what was changed before stays as it is"


def _print_of(spec: BalancerSpec) -> str:
    """
    Return what stands for a configuration. What is as by default does not count: another version
    may have further options.
    """
    members = [
        [each.url, list(differences(MemberSpec(each.url, each.scheme, each.host, each.port), each))]
        for each in spec.members
    ]
    whole = [list(differences(BalancerSpec(spec.name), spec)), members]
    return hashlib.sha256(json.dumps(whole).encode()).hexdigest()
