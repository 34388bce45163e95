"""
Changes at run time.
"""

from __future__ import annotations

import pytest

from tests.core.balancers import FakeRequest, balancer, elected, member, words
from txbalancer.core import flags
from txbalancer.core.commands import (
    AddMember,
    RemoveMember,
    Revert,
    SetBalancer,
    SetMember,
)
from txbalancer.core.overrides import live_spec, of_balancer, of_member, removed
from txbalancer.core.performing import apply, perform
from txbalancer.core.specs import StickyNames


def test_set_member_flags():
    """
    Set and cleared; an error can be set and lifted by hand (X13).
    """
    lb = balancer("a", "b")
    a = lb.members[0]
    apply(lb, SetMember("shop", "a", on=flags.DRAIN | flags.IN_ERROR), 5.0)
    assert (words(a), a.error_time, a.cause) == ("Init Drn Err ", 5.0, "by command")
    apply(lb, SetMember("shop", "a", off=flags.DRAIN | flags.IN_ERROR), 6.0)
    assert words(a) == "Init Ok "
    apply(lb, SetMember("shop", "a", on=flags.DISABLED, off=flags.DISABLED), 6.0)
    assert words(a) == "Init Ok "


@pytest.mark.parametrize(
    "command",
    [
        SetMember("shop", "b", on=flags.DISABLED),
        SetMember("shop", "b", on=flags.STOPPED),
        SetMember("shop", "b", on=flags.DRAIN),
        RemoveMember("shop", "b"),
    ],
)
def test_the_last_member_is_missed(command):
    """
    The change that takes it out of use warns; those before and after it do not.
    """
    lb = balancer("a", "b")
    assert perform(lb, SetMember("shop", "a", on=flags.DISABLED), 0.0)[0].warning == ""
    assert perform(lb, command, 0.0)[0].warning == "shop has no member in use now"
    assert perform(lb, SetMember("shop", "a", lbset=1), 0.0)[0].warning == ""
    assert perform(lb, SetMember("shop", "a", off=flags.DISABLED), 0.0)[0].warning == ""


def test_a_reserve_is_in_use_in_time():
    """
    Whoever has a standby, or a member whose error is over, has a member.
    """
    lb = balancer("a", "b", "c")
    perform(lb, SetMember("shop", "b", on=flags.STANDBY), 0.0)
    lb.force_error(lb.members[2], "x", 0.0)
    retry = lb.members[2].spec.retry
    assert perform(lb, SetMember("shop", "a", on=flags.DISABLED), 0.0)[0].warning == ""
    assert perform(lb, SetMember("shop", "b", on=flags.DISABLED), retry + 1)[0].warning == ""
    perform(lb, SetMember("shop", "b", off=flags.DISABLED), 0.0)
    assert perform(lb, SetMember("shop", "b", on=flags.DISABLED), 0.0)[0].warning


def test_an_error_by_hand_does_not_restart_its_time():
    """
    Setting what is set changes nothing.
    """
    lb = balancer("a", "b")
    lb.force_error(lb.members[0], "x", 1.0)
    apply(lb, SetMember("shop", "a", on=flags.IN_ERROR), 5.0)
    assert lb.members[0].error_time == 1.0


def test_set_member_factor_starts_all_anew():
    """
    As with C{w_lf}: every lbstatus becomes the member's factor.
    """
    lb = balancer("a", "b")
    elected(lb, 3)
    apply(lb, SetMember("shop", "a", loadfactor=300), 0.0)
    assert [lb.lbstatus(each) for each in lb.members] == [300, 100]
    assert elected(lb, 4).count("a") == 3


def test_set_member_lbset_route_redirect():
    """
    Sessions and elections follow at once.
    """
    lb = balancer("a", "b", stickysession=StickyNames("S", "S"))
    apply(lb, SetMember("shop", "a", lbset=1, route="ra", redirect="rb"), 0.0)
    apply(lb, SetMember("shop", "b", route="rb"), 0.0)
    assert elected(lb, 2) == ["b", "b"]
    request = FakeRequest(cookie=b"S=x.ra")
    assert lb.follow(lb.session(request), 0.0).name == "a"
    apply(lb, SetMember("shop", "a", on=flags.DISABLED), 0.0)
    assert lb.follow(lb.session(request), 0.0).name == "b"
    apply(lb, SetMember("shop", "b", route=""), 0.0)
    assert lb.follow(lb.session(request), 0.0) is None


def test_set_balancer():
    """
    Options named are changed, others stay; None is a value for some.
    """
    lb = balancer("a", "b", maxattempts=5, timeout=3.0)
    apply(lb, SetBalancer("shop", maxattempts=None, nofailover=True), 0.0)
    assert (lb.maxattempts, lb.spec.nofailover, lb.spec.timeout) == (1, True, 3.0)
    apply(lb, SetBalancer("shop", stickysession=StickyNames("S", "S"), timeout=0.0), 0.0)
    assert (lb.sticky, lb.spec.timeout) == (True, 0.0)


@pytest.mark.parametrize("name", ["byrequests", "bytraffic", "bybusyness", "leastload", "hash"])
def test_A17_another_lbmethod_starts_even(name):
    """
    lbstatus is 0, bytes too for bytraffic; requests in progress stay counted.
    """
    start = "byrequests" if name != "byrequests" else "bybusyness"
    lb = balancer("a", member("b", loadfactor=300), lbmethod=start)
    elected(lb, 2)
    held = lb.elect(0.0)
    held.read = 500
    apply(lb, SetBalancer("shop", lbmethod=name), 0.0)
    assert [lb.lbstatus(each) for each in lb.members] == [0, 0]
    assert held.busy == 1
    assert held.read == (0 if name == "bytraffic" else 500)
    assert lb.elect(0.0) is not None
    lb.release(held)
    apply(lb, SetBalancer("shop", lbmethod=name), 0.0)


def test_the_same_lbmethod_keeps_the_books():
    """
    Only a change resets.
    """
    lb = balancer("a", "b")
    elected(lb, 1)
    apply(lb, SetBalancer("shop", lbmethod="byrequests"), 0.0)
    assert lb.lbstatus(lb.members[0]) == -100


def test_unknown_lbmethod_changes_nothing():
    """
    It is refused before anything is touched.
    """
    lb = balancer("a")
    with pytest.raises(LookupError):
        apply(lb, SetBalancer("shop", lbmethod="nosuch"), 0.0)
    assert lb.spec.lbmethod == "byrequests"


def test_add_and_remove_member():
    """
    Added after the others; a removed one is never chosen again and finishes its work.
    """
    lb = balancer("a", "b")
    elected(lb, 1)
    assert apply(lb, AddMember("shop", member("c", route="r")), 0.0) == []
    assert [(each.name, each.index) for each in lb.members] == [("a", 0), ("b", 1), ("c", 2)]
    assert [lb.lbstatus(each) for each in lb.members] == [-100, 100, 0]
    assert set(elected(lb, 9)) == {"a", "b", "c"}
    held = lb.elect(0.0)
    (gone,) = apply(lb, RemoveMember("shop", held.name), 0.0)
    assert gone is held
    assert not gone.usable
    lb.release(gone)
    assert gone.busy == 0
    assert held.name not in elected(lb, 6)


def test_wrong_names():
    """
    What does not exist, and what exists already.
    """
    lb = balancer("a")
    with pytest.raises(LookupError, match="shop has no member x"):
        apply(lb, SetMember("shop", "x"), 0.0)
    with pytest.raises(LookupError):
        apply(lb, RemoveMember("shop", "x"), 0.0)
    with pytest.raises(ValueError, match="already"):
        apply(lb, AddMember("shop", member("a")), 0.0)


def test_set_member_checks():
    """
    Options of health checks are the member's from then on; without checks no verdict.
    """
    lb = balancer(member("a", hcmethod="get"), "b")
    a = lb.members[0]
    lb.health(a, False, 0.0)
    assert words(a) == "Init HcFl "
    apply(lb, SetMember("shop", "a", hcinterval=0.5, hcuri="/h", hcpasses=3, hcfails=4), 0.0)
    assert (a.spec.hcinterval, a.spec.hcuri, a.spec.hcpasses, a.spec.hcfails) == (0.5, "/h", 3, 4)
    assert (words(a), a.spec.hcmethod) == ("Init HcFl ", "get")
    apply(lb, SetMember("shop", "a", hcmethod="none"), 0.0)
    assert (words(a), a.health.up) == ("Init Ok ", None)


def test_M42_growth_limits_what_is_added():
    """
    As many members as are configured and growth; removing one makes room.
    """
    lb = balancer("a", growth=1)
    apply(lb, AddMember("shop", member("b")), 0.0)
    with pytest.raises(ValueError, match="has 2 members, all that growth = 1 leaves room for"):
        apply(lb, AddMember("shop", member("c")), 0.0)
    apply(lb, RemoveMember("shop", "a"), 0.0)
    apply(lb, AddMember("shop", member("c")), 0.0)
    assert [each.name for each in lb.members] == ["b", "c"]


def test_revert_gives_a_member_its_configuration_back():
    """
    Every option and every flag that people set; an error is none of these.
    """
    lb = balancer(member("a", route="r", status="+H", hcmethod="get"), "b")
    a = lb.members[0]
    lb.force_error(a, "x", 0.0)
    apply(lb, SetMember("shop", "a", 300, 1, "s", "t", flags.DISABLED, flags.STANDBY), 0.0)
    apply(lb, SetMember("shop", "a", hcmethod="none", hcuri="/"), 0.0)
    assert of_member(lb, a)
    apply(lb, Revert("shop", "a"), 0.0)
    assert of_member(lb, a) == []
    assert (words(a), live_spec(a)) == ("Init Err Stby ", lb.configured.members[0])
    elected(lb, 1)
    before = [lb.lbstatus(each) for each in lb.members]
    apply(lb, Revert("shop", "a"), 0.0)
    assert [lb.lbstatus(each) for each in lb.members] == before


def test_revert_ends_checks_that_are_not_configured():
    """
    Their verdict goes with them.
    """
    lb = balancer("a", "b")
    apply(lb, SetMember("shop", "a", hcmethod="get"), 0.0)
    lb.health(lb.members[0], False, 0.0)
    apply(lb, Revert("shop", "a"), 0.0)
    assert (words(lb.members[0]), lb.members[0].health.up) == ("Init Ok ", None)


def test_revert_gives_a_balancer_its_configuration_back():
    """
    Its own options; a member that is not configured has nothing to go back to.
    """
    lb = balancer("a", timeout=3.0)
    apply(lb, SetBalancer("shop", lbmethod="bytraffic", timeout=1.0), 0.0)
    apply(lb, AddMember("shop", member("b")), 0.0)
    assert [each.name for each in of_balancer(lb)] == ["lbmethod", "timeout"]
    apply(lb, Revert("shop"), 0.0)
    assert of_balancer(lb) == []
    assert lb.spec == lb.configured
    with pytest.raises(LookupError, match="not in the configuration"):
        apply(lb, Revert("shop", "b"), 0.0)


def test_what_a_command_did():
    """
    Only what is other than before, in the words of the configuration file.
    """
    lb = balancer(member("a", loadfactor=150), "b")
    change, gone = perform(lb, SetMember("shop", "a", loadfactor=200, on=flags.DISABLED), 0.0)
    assert change.before == {"loadfactor": "1.5", "status": "", "state": "in use"}
    assert change.after == {"loadfactor": "2", "status": "+D", "state": "disabled"}
    assert (bool(change), gone) == (True, [])
    change, _ = perform(lb, SetBalancer("shop", maxattempts=2), 0.0)
    assert (change.before, change.after) == ({"maxattempts": None}, {"maxattempts": "2"})
    assert not perform(lb, SetBalancer("shop", maxattempts=2), 0.0)[0]
    change, _ = perform(lb, AddMember("shop", member("c")), 0.0)
    assert (change.before, change.after) == ({"member": None}, {"member": "c"})
    change, (gone,) = perform(lb, RemoveMember("shop", "c"), 0.0)
    assert (change.before, change.after, gone.name) == ({"member": "c"}, {"member": None}, "c")
    assert removed(lb) == []
    perform(lb, RemoveMember("shop", "b"), 0.0)
    assert removed(lb) == ["b"]
    assert perform(lb, Revert("shop", "a"), 0.0)[0].after["loadfactor"] == "1.5"
    assert perform(lb, Revert("shop"), 0.0)[0].after == {"maxattempts": None}
