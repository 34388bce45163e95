"""
Members that go away and come back. APACHE items A25 to A32.
"""

from __future__ import annotations

import time

import pytest

from tests.differential.cases import case, get, named
from tests.differential.compare import compare_all
from tests.differential.layouts import balancer
from tests.differential.members import Members
from tests.differential.settle import settle
from tests.differential.sides import Seen, Side, World

# The member that goes away; no other test's, for they may run with it.
LAST = 5
RETRY = 1.0

PLAIN = get("/")
SESSION = get("/", "Cookie: SID=x.b")


def two(first: str, second: str, *options: str) -> str:
    """
    Write a balancer of a member that stays and the last one.
    """
    return balancer([first, second], *options).replace("{1}", f"{{{LAST}}}")


def alone(*options: str) -> str:
    """
    Write a balancer of the last member only.
    """
    return balancer([f"retry={RETRY:g}"], *options).replace("{0}", f"{{{LAST}}}")


CASES = named(
    [
        case("recovery/A26_two", two("", "retry=1"), PLAIN),
        case("recovery/A26_weights", two("loadfactor=2", "retry=1 loadfactor=5"), PLAIN),
        case("recovery/A26_bybusyness", two("", "retry=1", "lbmethod=bybusyness"), PLAIN),
        case("recovery/A26_bytraffic", two("", "retry=1", "lbmethod=bytraffic"), PLAIN),
        case("recovery/A26_long_retry", two("", "retry=60"), PLAIN),
        case("recovery/A26_standby", two("status=+H", "retry=1"), PLAIN),
        case("recovery/A26_lbset", two("lbset=1", "retry=1"), PLAIN),
        case("recovery/A30_alone", alone(), PLAIN),
        case("recovery/A30_with_disabled", two("status=+D", "retry=1"), PLAIN),
        case("recovery/A32_alone_without_force", alone("forcerecovery=Off"), PLAIN),
        case(
            "recovery/S22_session", two("route=a", "route=b retry=1", "stickysession=SID"), SESSION
        ),
        case(
            "recovery/S24_session_without_failover",
            two("route=a", "route=b retry=1", "stickysession=SID", "nofailover=On"),
            SESSION,
        ),
        case("recovery/S26_ignores_errors", two("", "retry=1 status=+I"), PLAIN),
        case("recovery/W15_no_reuse", two("", "retry=1 disablereuse=On"), PLAIN),
    ]
)


def ask(side: Side, count: int) -> list[list[Seen]]:
    """
    Ask every site so often.
    """
    return [side.sequence(each.site.name, each.requests * count) for each in CASES.values()]


@pytest.fixture(scope="module")
def played(world: World, members: Members) -> dict[str, tuple[list[Seen], list[Seen]]]:
    """
    Take the member down and up again, with requests to all sites before, between and after.
    """
    rounds: list[list[Seen]] = []

    def play(side: Side) -> list[Seen]:
        stages = [ask(side, 3)]
        members.down(LAST)
        stages.append(ask(side, 4))
        members.up(LAST)
        stages.append(ask(side, 2))
        time.sleep(RETRY * 1.2)
        stages.append(ask(side, 7))
        rounds.extend(
            [seen for stage in each for seen in stage] for each in zip(*stages, strict=True)
        )
        return []

    world.play(play)
    apache, ours = rounds[: len(CASES)], rounds[len(CASES) :]
    return dict(zip(CASES, zip(apache, ours, strict=True), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_recovery(played: dict[str, tuple[list[Seen], list[Seen]]], name: str) -> None:
    """
    A member that refuses is left, and used again, at the same requests as in Apache.
    """
    settle(name, compare_all(*played[name]))
