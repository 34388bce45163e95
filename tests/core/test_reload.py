"""
A new configuration in a live balancer.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.core.balancers import balancer, elected, member, words
from txbalancer.core import flags
from txbalancer.core.commands import AddMember, RemoveMember, SetBalancer, SetMember
from txbalancer.core.performing import apply
from txbalancer.core.reload import reconfigure
from txbalancer.core.specs import BalancerSpec


def configured(*members, **options):
    return BalancerSpec(
        "shop", tuple(member(e) if isinstance(e, str) else e for e in members), **options
    )


def test_members_of_the_same_name_keep_all():
    """
    The object itself stays, so that attempts in progress keep their books.
    """
    lb = balancer("a", "b")
    a, b = lb.members
    held = lb.elect(0.0)
    a.pool = pool = object()
    lb.force_error(b, "x", 0.0)
    done = reconfigure(lb, configured("b", "c", member("a", timeout=5.0)), 1.0)
    assert [each.name for each in done.added] == ["c"]
    assert (done.changed, done.removed) == ([a], [])
    assert [each.name for each in lb.members] == ["b", "c", "a"]
    assert [each.index for each in lb.members] == [0, 1, 2]
    assert lb.members[2] is a
    assert (a.busy, a.pool, a.spec.timeout, words(b)) == (1, pool, 5.0, "Init Err ")
    assert lb.lbstatus(a) == -100
    lb.release(held)
    assert a.busy == 0


def test_members_that_are_gone():
    """
    They are named, so that their connections can be closed.
    """
    lb = balancer("a", "b")
    elected(lb, 2)
    b = lb.members[1]
    assert reconfigure(lb, configured("a"), 0.0) == ([], [], [b])
    assert elected(lb, 3) == ["a"] * 3


def test_X21_changes_at_run_time_outlive_a_reload():
    """
    Unless the configuration changed the same thing.
    """
    lb = balancer(member("a", route="ra"), "b", timeout=1.0)
    a = lb.members[0]
    apply(lb, SetMember("shop", "a", loadfactor=500, route="x", on=flags.DRAIN), 0.0)
    apply(lb, SetBalancer("shop", lbmethod="bybusyness", timeout=9.0), 0.0)
    reconfigure(lb, configured(member("a", route="ra"), "b", timeout=1.0, nofailover=True), 0.0)
    assert (a.lbfactor, a.route, words(a)) == (500, b"x", "Init Drn Ok ")
    assert (lb.spec.lbmethod, lb.spec.timeout, lb.spec.nofailover) == ("bybusyness", 9.0, True)
    other = member("a", loadfactor=200, route="rb", lbset=2, redirect="q", status="+D")
    reconfigure(lb, configured(other, "b", timeout=2.0), 0.0)
    assert (a.lbfactor, a.route, a.lbset, a.redirect) == (200, b"rb", 2, b"q")
    assert words(a) == "Init Drn Dis "
    assert a.cause == "configuration changed"
    assert (lb.spec.lbmethod, lb.spec.timeout, lb.spec.nofailover) == ("bybusyness", 2.0, False)
    assert lb.carriers(b"rb") == [a]


@pytest.mark.parametrize(("status", "left"), [("", "Init Ok "), ("+C", "Init HcFl ")])
def test_a_verdict_ends_with_the_checks(status, left):
    """
    A member that is checked no more is not out for ever by its last check, and when it is
    checked again, the first result is a verdict at once.
    """
    checked = member("a", hcmethod="get", status=status)
    lb = balancer(checked, "b")
    a = lb.members[0]
    lb.health(a, False, 0.0)
    reconfigure(lb, configured(replace(checked, hcuri="/other"), "b"), 1.0)
    assert words(a) == "Init HcFl "
    reconfigure(lb, configured(replace(checked, hcmethod="none"), "b"), 2.0)
    assert words(a) == left
    reconfigure(lb, configured(checked, "b"), 3.0)
    lb.health(a, False, 4.0)
    assert words(a) == "Init HcFl "


def test_members_added_and_removed_at_run_time_stay_so():
    """
    Until the configuration knows them, or forgets them.
    """
    lb = balancer("a", "b")
    apply(lb, AddMember("shop", member("c")), 0.0)
    apply(lb, RemoveMember("shop", "b"), 0.0)
    reconfigure(lb, configured("a", "b"), 0.0)
    assert [each.name for each in lb.members] == ["a", "c"]
    reconfigure(lb, configured("a", "c"), 0.0)
    assert [each.name for each in lb.members] == ["a", "c"]
    reconfigure(lb, configured("a", "b"), 0.0)
    assert [each.name for each in lb.members] == ["a", "b"]


def test_a_bad_configuration_changes_nothing():
    """
    An unknown lbmethod is refused first.
    """
    lb = balancer("a")
    with pytest.raises(KeyError):
        reconfigure(lb, configured("b", lbmethod="nosuch"), 0.0)
    assert [each.name for each in lb.members] == ["a"]
    assert lb.configured == configured("a")


def test_the_same_configuration_changes_nothing():
    """
    Elections go on where they were.
    """
    lb, other = balancer("a", "b", "c"), balancer("a", "b", "c")
    elected(lb, 2)
    elected(other, 2)
    assert reconfigure(lb, replace(lb.configured), 0.0) == ([], [], [])
    assert elected(lb, 7) == elected(other, 7)


def test_members_that_stay_as_they_are_cost_little():
    """
    Such a member is not looked at option by option, and has the spec that is kept anyway; what
    was changed by command stays.
    """
    lb = balancer("a", "b")
    apply(lb, SetMember("shop", "b", hcfails=7), 0.0)
    spec = configured("a", "b")
    assert reconfigure(lb, spec, 0.0) == ([], [], [])
    a, b = lb.members
    assert a.spec is spec.members[0]
    assert b.spec.hcfails == 7


def test_X21_checks_changed_at_run_time_outlive_a_reload():
    """
    Option by option, as everything else.
    """
    lb = balancer(member("a", hcmethod="get", hcuri="/a"), "b")
    apply(lb, SetMember("shop", "a", hcuri="/x", hcinterval=0.5), 0.0)
    done = reconfigure(lb, configured(member("a", hcmethod="get", hcuri="/a"), "b"), 0.0)
    assert done.changed == []
    done = reconfigure(lb, configured(member("a", hcmethod="get", hcuri="/b"), "b"), 0.0)
    assert done.changed == [lb.members[0]]
    assert (lb.members[0].spec.hcuri, lb.members[0].spec.hcinterval) == ("/b", 0.5)


@pytest.mark.parametrize(
    ("factor", "expected"), [(100, (500, 100)), (300, (300, None)), (500, (500, None))]
)
def test_a_factor_for_some_time(factor, expected):
    """
    It goes on; one that the file changes since is the file's, for good.
    """
    lb = balancer("a")
    apply(lb, SetMember("shop", "a", loadfactor=500, lasting=60.0), 0.0)
    reconfigure(lb, configured(member("a", loadfactor=factor, timeout=3.0)), 1.0)
    a = lb.members[0]
    assert (a.lbfactor, a.temporary and a.temporary.loadfactor) == expected
