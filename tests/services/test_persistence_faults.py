"""
State files with something in them that cannot be put back.
"""

from __future__ import annotations

import pytest

from tests.services.persisting import FIRST, NEW, Places, change_all
from txbalancer.control.state import decode, encode
from txbalancer.core import flags
from txbalancer.core.commands import AddMember
from txbalancer.core.specs import MemberSpec


def test_a_damaged_file(places: Places, told: list[str]) -> None:
    """
    It is set aside, the state before it is used, and the service runs.
    """
    change_all(places.start())
    places.path.write_bytes(places.path.read_bytes()[:-30])
    world = places.start()
    assert world.members()[0].lbfactor == 300
    assert "no state of txbalancer, or not all of it" in told[0]
    assert told[1].startswith("the state before that is used")
    assert any("damaged" in each.name for each in places.path.parent.iterdir())
    assert places.state()["members"][FIRST]["flags"] & flags.DISABLED


@pytest.mark.parametrize(
    ("state", "note"),
    [
        ([], "there are no balancers in it"),
        ({"balancers": 3}, "there are no balancers in it"),
        ({"balancers": {"shop": 3}}, "balancer shop is as configured: not the state of a"),
    ],
)
def test_strange_contents(places: Places, told: list[str], state: object, note: str) -> None:
    """
    What somebody else wrote there in the right form does not stop a start.
    """
    places.path.write_bytes(encode(state))
    assert len(places.start().members()) == 2
    assert told[0].startswith(note)


@pytest.mark.parametrize("written", ["soon", None, 10**400, float(2**80), True])
def test_a_time_that_is_none(places: Places, written: object) -> None:
    """
    When it was written only matters for ages.
    """
    change_all(places.start())
    whole = decode(places.path.read_bytes())
    whole["written"] = written
    places.path.write_bytes(encode(whole))
    assert places.start().members()[0].lbset == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("url", "x"), ("host", "\ud800"), ("port", 1), ("scheme", "ftp"), ("socket", "/x")],
)
def test_an_added_member_that_is_nowhere(
    places: Places, told: list[str], name: str, value: object
) -> None:
    """
    Parts of its place that do not fit together leave it out.
    """
    change_all(places.start())
    whole = decode(places.path.read_bytes())
    whole["balancers"]["shop"]["members"][NEW.url]["added"][name] = value
    places.path.write_bytes(encode(whole))
    assert [each.name for each in places.start().members()] == [FIRST]
    assert len(told) == 1
    assert told[0].startswith(f"shop: {NEW.url} is left out: ")


def test_an_lbmethod_without_a_name(places: Places, told: list[str]) -> None:
    """
    It is not known, and so the configuration's holds.
    """
    change_all(places.start())
    whole = decode(places.path.read_bytes())
    whole["balancers"]["shop"]["options"] = [["lbmethod", "byrequests", ""]]
    places.path.write_bytes(encode(whole))
    assert places.start().service.targets.balancers["shop"].balancer.spec.lbmethod == "byrequests"
    assert told[0].startswith("shop: lbmethod is as configured: '' is not known; use ")


def test_what_is_not_installed_any_more(places: Places, told: list[str]) -> None:
    """
    Methods of plugins, expressions and files that are gone: the configuration holds instead.
    """
    change_all(places.start())
    whole = decode(places.path.read_bytes())
    shop = whole["balancers"]["shop"]
    shop["options"] = [["lbmethod", "byrequests", "plugged"]]
    shop["members"][FIRST]["options"] = [
        ["hcmethod", "none", "plugged"],
        ["hcexpr", "", "gone"],
        ["lbset", "0", "4"],
    ]
    for each in shop["members"][NEW.url]["options"]:
        if each[0] == "sslproxycacertificatefile":
            each[2] = "/nowhere.pem"
    places.path.write_bytes(encode(whole))
    world = places.start()
    assert [each.name for each in world.members()] == [FIRST]
    assert (world.members()[0].spec.hcmethod, world.members()[0].lbset) == ("none", 4)
    assert [each.partition(":")[0] for each in told] == ["shop"] * 4
    assert "is left out: cannot read /nowhere.pem" in told[2]
    assert "there is no expression 'gone'" in told[1]


def test_an_added_https_member_without_its_files(places: Places, told: list[str]) -> None:
    """
    It is left out rather than the start be refused.
    """
    world = places.start()
    spec = MemberSpec("https://a", scheme="https", host="a", port=443)
    world.service.targets.steering.apply(AddMember("shop", spec), "me")
    assert [each.name for each in places.start().members()][2:] == ["https://a"]
    whole = decode(places.path.read_bytes())
    for each in whole["balancers"]["shop"]["members"]["https://a"]["options"]:
        if each[0] == "sslproxycacertificatefile":
            each[2] = str(places.path)
    places.path.write_bytes(encode(whole))
    assert len(places.start().members()) == 2
    assert "https://a is left out" in told[0]
