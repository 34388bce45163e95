"""
State written down and read back.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.balancers import balancer, elected, member, words
from tests.core.changes import balancers, made
from txbalancer.core import flags, snapshot
from txbalancer.core.commands import AddMember, RemoveMember, SetBalancer, SetMember
from txbalancer.core.overrides import shown_options
from txbalancer.core.performing import apply
from txbalancer.core.specs import StickyNames
from txbalancer.core.state import read


def moved(one, two, now=0.0, since=0.0):
    """
    Put the state of one balancer into another, through JSON; return what was told.
    """
    written = json.dumps(snapshot.export(one, now))
    return snapshot.restore(two, read(json.loads(written)), since)


def test_round_trip():
    """
    Through JSON and with another clock, elections go on where they were.
    """
    specs = ("a", member("b", loadfactor=300, hcmethod="get"), "c", "d", "e")
    one = balancer(*specs, lbmethod="bytraffic")
    a, b, c, *_ = one.members
    elected(one, 5)
    a.read, b.transferred = 500, 700
    one.force_error(c, "refused", 100.0)
    one.health(b, False, 100.0, "status 503")
    one.set_flags(a, a.flags | flags.DRAIN, "maintenance", 90.0)

    two = balancer(*specs, lbmethod="bytraffic")
    assert moved(one, two, 103.0, 7.0) == []
    assert snapshot.export(two, 7.0) == snapshot.export(one, 103.0)
    assert two.members[2].error_time == 4.0
    assert [words(each) for each in two.members[:3]] == ["Init Drn Ok ", "Init HcFl ", "Init Err "]
    assert [each.cause for each in two.members[:3]] == [
        "maintenance",
        "status 503",
        "refused",
    ]
    assert elected(one, 5, now=103.0) == elected(two, 5, now=7.0)


@given(balancers())
def test_any_state_comes_back(one):
    """
    Whatever was changed, checked or in use: the next process goes on with the same. Members
    are in the file's order then, added ones after them in theirs.
    """
    two = made(fresh=True)
    assert moved(one, two, 50.0, 3000.0) == []
    before, after = snapshot.export(one, 50.0), snapshot.export(two, 3000.0)
    assert after == before
    configured = [each.url for each in two.configured.members]
    inside = [each for each in configured if each in before["members"]]
    outside = [each for each in before["members"] if each not in configured]
    assert list(after["members"]) == inside + outside


def test_lbstatus_comes_back():
    """
    Exactly, between two elections of a period.
    """
    one, two = (balancer("a", member("b", loadfactor=300), "c") for _ in "12")
    elected(one, 3)
    elected(two, 1)
    moved(one, two)
    assert [two.lbstatus(each) for each in two.members] == [
        one.lbstatus(each) for each in one.members
    ]
    assert elected(one, 10) == elected(two, 10)


def test_members_that_are_gone_are_told():
    """
    State of members that are not there is passed over, new members start fresh.
    """
    one, two = balancer("a", "b"), balancer("b", "c")
    elected(one, 1)
    assert moved(one, two) == ["shop: a is not in the configuration any more"]
    assert [two.lbstatus(each) for each in two.members] == [100, 0]


def test_everything_that_a_command_changes_comes_back():
    """
    Flags, factor, lbset, routes, checks, options of the balancer, members that came and went.
    """
    one, two = balancer("a", "b"), balancer("a", "b")
    for command in (
        SetBalancer("shop", "bybusyness", 2.0, 3, StickyNames("A", "b"), True),
        SetMember("shop", "a", 250, 2, "ra", "rb", flags.DRAIN | flags.HC_FAILED),
        SetMember("shop", "a", hcinterval=0.5, hcpasses=4, hcfails=5, hcuri="/x"),
        AddMember("shop", replace(member("http://c", route="rc", status="+D"), host="c", port=81)),
        RemoveMember("shop", "b"),
    ):
        apply(one, command, 0.0)
    assert moved(one, two) == []
    assert snapshot.export(two, 0.0) == snapshot.export(one, 0.0)
    assert two.spec == one.spec
    assert [each.name for each in two.members] == ["a", "http://c"]
    assert two.members[1].spec == one.members[1].spec
    a = two.members[0]
    assert (a.lbfactor, a.lbset, a.route, a.redirect) == (250, 2, b"ra", b"rb")
    assert (words(a), a.spec.hcfails) == ("Init Drn HcFl ", 5)


def test_X21_an_edited_configuration_wins():
    """
    What was set at run time holds where the file still says what it said, and nowhere else.
    """
    one = balancer(member("a", loadfactor=200), "b", timeout=1.0)
    apply(one, SetMember("shop", "a", 300, 1, on=flags.DRAIN | flags.DISABLED), 0.0)
    apply(one, SetBalancer("shop", "bytraffic", 5.0), 0.0)
    apply(one, RemoveMember("shop", "b"), 0.0)
    two = balancer(member("a", loadfactor=700, status="+N"), "b", "c", timeout=9.0)
    assert moved(one, two) == [
        "shop: timeout = 9s as the configuration says now; 5s was set at run time before that",
        "shop: a: loadfactor = 7 as the configuration says now; 3 was set at run time before that",
    ]
    a, c = two.members
    assert (a.lbfactor, a.lbset, words(a), c.name) == (700, 1, "Init Drn Dis ", "c")
    assert (two.spec.lbmethod, two.spec.timeout) == ("bytraffic", 9.0)


def test_X21_one_flag_edited_leaves_the_others():
    """
    Flags are looked at one by one.
    """
    one = balancer("a", "b")
    apply(one, SetMember("shop", "a", on=flags.DRAIN | flags.DISABLED), 0.0)
    two = balancer(member("a", status="+NH"), "b")
    moved(one, two)
    assert words(two.members[0]) == "Init Drn Dis Stby "
    three = balancer("a", "b")
    apply(two, SetMember("shop", "a", off=flags.STANDBY), 0.0)
    moved(two, three)
    assert words(three.members[0]) == "Init Dis "


def test_an_added_member_that_is_configured_now():
    """
    The file's options hold; its condition stays.
    """
    one, two = balancer("a"), balancer("a", member("b", loadfactor=400))
    apply(one, AddMember("shop", member("b", status="+D")), 0.0)
    one.members[1].elected = 7
    assert moved(one, two) == []
    b = two.members[1]
    assert (b.lbfactor, b.elected, words(b)) == (400, 7, "Init Ok ")


def test_an_added_member_keeps_its_secret():
    """
    Without it the member would refuse every request after a restart; no list shows it.
    """
    one, two = balancer("a"), balancer("a")
    apply(one, AddMember("shop", member("b", secret="sesam", disablereuse=False)), 0.0)
    assert moved(one, two) == []
    assert two.members[1].spec == one.members[1].spec
    assert two.members[1].spec.secret == "sesam"
    assert "secret" not in shown_options(two.members[1].spec)


def test_A17_bytes_of_another_method_do_not_count():
    """
    Where the file names another lbmethod, that one starts even.
    """
    one, two = balancer("a", "b"), balancer("a", "b", lbmethod="bytraffic")
    elected(one, 1)
    one.members[0].read = 10**6
    moved(one, two)
    assert [two.lbstatus(each) for each in two.members] == [0, 0]
    assert [each.read for each in two.members] == [0, 0]
    assert two.members[0].elected == 1


def test_a_verdict_ends_with_the_checks():
    """
    A member that is not checked any more is not out for ever by its last check.
    """
    one, two = balancer(member("a", hcmethod="get")), balancer("a")
    one.health(one.members[0], False, 0.0)
    moved(one, two)
    assert words(two.members[0]) == "Init Ok "
    assert two.members[0].health.up is None


def test_an_lbmethod_that_is_gone():
    """
    Nothing is changed then.
    """
    one, two = balancer("a"), balancer("a")
    state = snapshot.export(one, 0.0)
    state["options"] = [["lbmethod", "byrequests", "nosuch"]]
    with pytest.raises(KeyError):
        snapshot.restore(two, read(state), 0.0)
    assert two.spec == one.spec


def passing(one, two, now=0.0, since=0.0):
    """
    Move a balancer whose first member has a factor for a minute; return what that one has then.
    """
    apply(one, SetMember("shop", one.members[0].name, loadfactor=500, lasting=60.0), 0.0)
    moved(one, two, now, since)
    return two.members[0].lbfactor, two.members[0].temporary


def test_a_factor_for_some_time_ends_when_it_should():
    """
    By the clock of the new process, which may be later than its end.
    """
    assert passing(balancer("a"), balancer("a"), 10.0, 3000.0) == (500, (3050.0, 100))
    assert passing(balancer("a"), balancer("a"), 10.0, -900.0) == (500, (-850.0, 100))


@pytest.mark.parametrize("factor", [300, 500])
def test_X21_an_edited_factor_ends_it(factor):
    """
    What the file says now holds, for good; also the same number.
    """
    assert passing(balancer("a"), balancer(member("a", loadfactor=factor))) == (factor, None)


def test_a_factor_for_some_time_of_an_added_member():
    """
    It goes on, but where the file has come to name the member.
    """
    one = balancer()
    apply(one, AddMember("shop", member("a")), 0.0)
    assert passing(one, balancer()) == (500, (60.0, 100))
    assert passing(one, balancer("a")) == (100, None)


def test_a_factor_that_is_as_configured_for_some_time():
    """
    It ends, too: then what somebody set before comes back.
    """
    one, two = balancer(member("a", loadfactor=500)), balancer(member("a", loadfactor=500))
    apply(one, SetMember("shop", "a", loadfactor=200), 0.0)
    assert passing(one, two) == (500, (60.0, 200))
    other = balancer(member("a", loadfactor=100))
    moved(one, other)
    assert (other.members[0].lbfactor, other.members[0].temporary) == (100, None)


@pytest.mark.parametrize("value", [[], 3, [1.0, "101", None], [1.0, 2, None], ["x", "1", "1"]])
def test_spoiled_factors_for_some_time(value):
    """
    They are refused.
    """
    state = snapshot.export(balancer("a"), 0.0)
    state["members"]["a"]["passing"] = value
    with pytest.raises(ValueError, match=r"\w"):
        read(state)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


def places(value, path=()):
    """
    Yield the path to every part of a value.
    """
    yield path
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(each, (*path, key))


@given(st.data())
def test_spoiled_state_is_refused_or_harmless(data):
    """
    Whatever stands in the place of any part, it is a C{ValueError} or can be put back.
    """
    one = balancer("a", member("b", hcmethod="get"))
    apply(one, SetMember("shop", "a", loadfactor=200, lasting=9.0, on=flags.DRAIN), 0.0)
    apply(one, AddMember("shop", member("c")), 0.0)
    state = json.loads(json.dumps(snapshot.export(one, 0.0)))
    *path, last = data.draw(st.sampled_from([each for each in places(state) if each]))
    inner = state
    for key in path:
        inner = inner[key]
    inner[last] = data.draw(JSON)
    two = balancer("a", member("b", hcmethod="get"))
    with suppress(ValueError, KeyError):
        snapshot.restore(two, read(state), 0.0)
    assert elected(two, 3) is not None


def test_flags_that_were_never_configured():
    """
    They are refused: they are compared flag by flag.
    """
    state = snapshot.export(balancer("a"), 0.0)
    state["members"]["a"]["options"] = [["status", "x", "+D"]]
    with pytest.raises(ValueError, match="unknown letter"):
        read(state)


@pytest.mark.parametrize("age", ["soon", True, float("nan"), float("inf"), 10**400, [1]])
def test_ages_are_numbers(age):
    """
    An age that is none is not put back.
    """
    state = json.loads(json.dumps(snapshot.export(balancer("a"), 0.0)))
    state["members"]["a"]["age"] = age
    with pytest.raises(ValueError, match="number of seconds"):
        read(state)


def test_counts_that_nobody_ever_counted():
    """
    They are refused rather than stumbled over later.
    """
    state = snapshot.export(balancer("a"), 0.0)
    state["members"]["a"]["elected"] = 1 << 70
    with pytest.raises(ValueError, match="too large"):
        read(state)


def test_an_override_that_is_configured_now_is_none():
    """
    Nothing is told where the file has come to say the same, and what is unknown is passed over.
    """
    one, two = balancer("a"), balancer("a", timeout=5.0)
    apply(one, SetBalancer("shop", timeout=5.0), 0.0)
    assert moved(one, two) == []
    state = snapshot.export(two, 0.0)
    state["options"] = [["from-the-future", None, "1"]]
    assert snapshot.restore(two, read(state), 0.0) == []


@pytest.mark.parametrize("state", [None, [], {}, {"lbmethod": 3}, "x"])
def test_what_is_no_state_at_all(state):
    """
    One kind of error says so.
    """
    with pytest.raises(ValueError, match="not the state of a balancer"):
        read(state)


def test_what_may_be_unset() -> None:
    """
    An option without a value is one that has such a default; no other.
    """
    one = balancer(member("a", smax=None), maxattempts=3)
    apply(one, SetBalancer("shop", maxattempts=None), 0.0)
    apply(one, AddMember("shop", member("b", smax=None)), 0.0)
    two = balancer(member("a", smax=None), maxattempts=3)
    moved(one, two)
    assert two.spec.maxattempts is None
    assert two.members[1].spec.smax is None
    state = snapshot.export(one, 0.0)
    state["members"]["a"]["options"] = [["lbset", "0", None]]
    with pytest.raises(ValueError, match="lbset cannot be unset"):
        read(state)
