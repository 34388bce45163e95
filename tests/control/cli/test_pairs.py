"""
key=value as fields of the API.
"""

from __future__ import annotations

from typing import Any

import pytest

from txbalancer.control.api.commands import FLAGS as API_FLAGS
from txbalancer.control.cli.exits import USAGE, Fault
from txbalancer.control.cli.pairs import BALANCER, FLAGS, MEMBER, read_pairs


@pytest.mark.parametrize(
    ("word", "field"),
    [
        ("loadfactor=2", {"loadfactor": 2}),
        ("loadfactor=1.5", {"loadfactor": 1.5}),
        ("LoadFactor = 3 ", {"loadfactor": 3}),
        ("lbset=3", {"lbset": 3}),
        ("route=1", {"route": "1"}),
        ("route=", {"route": ""}),
        ("hcinterval=5s", {"hcinterval": 5}),
        ("hcinterval=1.5", {"hcinterval": 1.5}),
        ("acquire=500", {"acquire": 0.5}),
        ("lasting=10min", {"lasting": 600}),
        ("drain=on", {"drain": True}),
        ("error=off", {"error": False}),
        ("addressttl=-1", {"addressttl": -1}),
        ("smax=max", {"smax": "max"}),
        ("hcuri=/a=b", {"hcuri": "/a=b"}),
        ("status=+DH", {"disabled": True, "standby": True}),
        ("new-option=x", {"new-option": "x"}),
    ],
)
def test_of_members(word: str, field: dict[str, Any]) -> None:
    """
    Values are read as in conf.ini, with its units, and keep their kind in JSON.
    """
    found = read_pairs([word], MEMBER)
    assert found == field
    assert [type(each) for each in found.values()] == [type(each) for each in field.values()]


@pytest.mark.parametrize(
    ("word", "field"),
    [
        ("maxattempts=2", {"maxattempts": 2}),
        ("maxattempts=", {"maxattempts": None}),
        ("stickysession=", {"stickysession": None}),
        ("stickysession=A|b", {"stickysession": "A|b"}),
        ("nofailover=on", {"nofailover": True}),
        ("timeout=5s", {"timeout": 5}),
        ("lbmethod=bybusyness", {"lbmethod": "bybusyness"}),
    ],
)
def test_of_balancers(word: str, field: dict[str, Any]) -> None:
    """
    An empty value takes away what can be unset.
    """
    assert read_pairs([word], BALANCER) == field


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["loadfactor"], "'loadfactor' is not KEY=VALUE"),
        (["=2"], "'=2' is not KEY=VALUE"),
        (["loadfactor=900"], "loadfactor: '900' is not a number from 1 to 100"),
        (["lasting=0"], "lasting: '0' is out of range"),
        (["drain=maybe"], "drain: 'maybe' is not a switch"),
        (["lbset=1", "lbset=2"], "lbset is there twice"),
    ],
)
def test_faults(words: list[str], text: str) -> None:
    """
    What is not right is told with its key, before anything is asked or changed.
    """
    with pytest.raises(Fault) as caught:
        read_pairs(words, MEMBER)
    assert text in caught.value.message
    assert caught.value.exit_code == USAGE


def test_flags_are_those_of_the_api() -> None:
    """
    Both know the same switches, for the same flags.
    """
    assert {name: bit for name, (bit, _) in API_FLAGS.items()} == FLAGS
