"""
Who gets which of forty requests: weights, lbsets, standbys, spares, draining members and dead
ones, with each lbmethod. APACHE items A1 to A17, A30 to A33.
"""

from __future__ import annotations

import random

import pytest

from tests.differential.cases import Case, case, check, get, named
from tests.differential.compare import compare_all
from tests.differential.layouts import balancer, busy_play
from tests.differential.members import Script
from tests.differential.settle import settle
from tests.differential.sides import Site, World

METHODS = ("byrequests", "bytraffic", "bybusyness")
REQUESTS = 40

# Each string is a member's parameters; members are {0}, {1} … in order, dead ones {x}.
LAYOUTS = {
    "A6_equal": ("", "", "", ""),
    "A6_70_30": ("loadfactor=70", "loadfactor=30"),
    "A6_1_4_1": ("", "loadfactor=4", ""),
    "A6_fractions": ("loadfactor=1.5", "", "loadfactor=2.25"),
    "A6_five": ("", "loadfactor=2", "loadfactor=3", "loadfactor=4", "loadfactor=5"),
    "A6_disabled": ("loadfactor=25", "loadfactor=25 status=+D", "loadfactor=25", "loadfactor=25"),
    "A1_standby_idle": ("", "loadfactor=2", "status=+H"),
    "A1_standbys_serve": ("status=+D", "status=+S", "status=+H loadfactor=3", "status=+H"),
    "A1_spare_replaces": ("loadfactor=3", "status=+D", "status=+R loadfactor=2", "status=+R"),
    "A1_spares_in_order": ("status=+D", "status=+D", "", "status=+R", "status=+R", "status=+R"),
    "A2_lbsets": ("lbset=1 loadfactor=2", "lbset=1", "status=+D", "lbset=2"),
    "A2_standby_before_lbset": ("status=+D", "status=+H", "lbset=1"),
    "A2_gap_in_lbsets": ("status=+S lbset=3", "lbset=7", "lbset=7 loadfactor=2"),
    "A3_drain_brings_spare": ("", "status=+N", "status=+R loadfactor=4", "status=+R"),
    "A3_all_drain": ("status=+N", "status=+N"),
    "W42_spare_and_standby": ("status=+D", "", "status=+RH loadfactor=2", "status=+H"),
    "A9_one_dead": ("", "dead", "loadfactor=2", ""),
    "A9_dead_and_standby": ("dead loadfactor=5", "", "status=+H"),
    "A30_all_dead": ("dead", "dead"),
    "A31_disabled_ends_recovery": ("dead", "dead", "status=+D"),
    "A32_no_recovery": ("dead", "dead", "balancer forcerecovery=Off"),
    "A33_all_out": ("status=+D", "status=+S", "status=+C"),
    "A33_nobody": (),
    "W41_error_at_start": ("status=+E", "", "status=+E loadfactor=3"),
    "F1_few_attempts": ("dead", "dead", "", "balancer maxattempts=1"),
    "F1_no_attempts": ("dead", "", "balancer maxattempts=0"),
    "S26_ignores_errors": ("dead status=+I", "", ""),
}


def lines(name: str, method: str) -> str:
    """
    Write a layout as directives.
    """
    members = [each for each in LAYOUTS[name] if not each.startswith("balancer ")]
    options = [each.split()[1] for each in LAYOUTS[name] if each.startswith("balancer ")]
    return balancer(members, f"lbmethod={method}", *options)


def busy(name: str) -> str:
    """
    Return the name of a layout's site for requests that stay open.
    """
    return "busy-" + name.lower().replace("_", "-")


def sizes(seed: str) -> list[Script]:
    """
    Make answers of different sizes, so that traffic has something to count.
    """
    dice = random.Random(seed)
    found = []
    for _ in range(REQUESTS):
        size = dice.choice((0, 2, 99, 100, 101, 777, 3000, 20000))
        head = b"HTTP/1.1 200 OK\r\nX-Member: INDEX\r\nContent-Length: %d\r\n\r\n" % size
        found.append((head + b"b" * size,))
    return found


def one_after_another(name: str, method: str) -> Case:
    """
    Make a case of forty requests.
    """
    requests = [(get("/some"), script) for script in sizes(name)]
    return case(f"layouts/{name}-{method}", lines(name, method), *requests)


CASES = named(one_after_another(name, method) for name in LAYOUTS for method in METHODS)
SITES = [Site(busy(name), lines(name, "bybusyness")) for name in LAYOUTS]


@pytest.mark.parametrize("name", CASES)
def test_sequence(world: World, name: str) -> None:
    """
    Requests one after another go to the same members as in Apache.
    """
    check(world, CASES[name])


@pytest.mark.parametrize("name", LAYOUTS)
def test_A14_held_open(world: World, name: str) -> None:
    """
    With bybusyness and requests that stay open, each new one goes to the same member as in Apache.
    """
    plan = random.Random(name).choices((True, False), (5, 3), k=REQUESTS * 2)
    found = world.play(lambda side: busy_play(side, busy(name), plan, REQUESTS))
    settle(f"held/{name}", compare_all(*found))
