"""
Limits as a table.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.control.cli.services import Service
from txbalancer.control.limitviews import LimitView

LIMITS = (
    LimitView("service", "memory-limit", 3 * 2**30, 4 * 2**30),
    LimitView("listener web", "max-connections", 8000, 10000, waiting=0, refused=2),
    LimitView("balancer shop", "max-requests", 90, 90, waiting=7),
    LimitView("limit api", "rate", 12, 100000, 0, 4711, 3, True, "10/s", 20, 19),
)


@pytest.fixture(autouse=True)
def limited(service: Service) -> None:
    """
    Have the service answer with limits.
    """
    value = json.dumps({"limits": [each.as_json() for each in LIMITS]}).encode()
    service.canned["GET", "/limits"] = 200, "application/json", value


def test_each_limit_has_a_row(service: Service) -> None:
    """
    Sizes are written as such; a rate has what it let through, all others who waits.
    """
    assert [" ".join(line.split()) for line in service.lines("limits")] == [
        "of option used most full waiting passed refused keys note",
        "service memory-limit 3.0G 4.0G 75 % 0 - 0 - -",
        "listener web max-connections 8000 10000 80 % 0 - 2 - -",
        "balancer shop max-requests 90 90 100 % 7 - 0 - -",
        "limit api rate 10/s 19 20 95 % - 4711 3 12 dry run",
    ]


@pytest.mark.parametrize("width", [100, 80, 50])
def test_they_fit_the_terminal(service: Service, width: int) -> None:
    """
    What is limited stays to the last, with how much of it is used.
    """
    assert service.run("limits", width=width).exit_code == 0
    lines = service.output.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert lines[0].split()[:3] == ["of", "option", "used"]


def test_without_any(service: Service) -> None:
    """
    That none is set is said in words; the API of a service without limits says so itself.
    """
    service.canned["GET", "/limits"] = 200, "application/json", b'{"limits": []}'
    assert service.lines("limits") == ["No limit is set."]
    service.canned.clear()
    assert service.json("limits") == {"limits": []}


def test_for_programs(service: Service) -> None:
    """
    --json prints what the API says.
    """
    found: dict[str, Any] = service.json("limits")
    assert found["limits"][3]["dry_run"] is True


def test_they_are_watched(service: Service) -> None:
    """
    --watch goes on until Ctrl-C, with a time before each table.
    """
    looks: list[float] = []
    world = service.world()

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 2:
            raise KeyboardInterrupt

    world.sleep = sleep
    found = service.run("limits", "--watch", "3", world=world)
    assert (found.exit_code, found.stderr, looks) == (130, "", [3.0, 3.0])
    assert found.stdout.count("balancer shop") == 2
