"""
Commands taken back.
"""

from __future__ import annotations

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from tests.core.balancers import balancer, elected, member, words
from tests.core.changes import balancers, commands, try_to
from txbalancer.core import flags, snapshot
from txbalancer.core.commands import (
    AddMember,
    Command,
    PutBack,
    RemoveMember,
    Revert,
    SetBalancer,
    SetMember,
)
from txbalancer.core.member import Temporary
from txbalancer.core.performing import apply, perform
from txbalancer.core.undo import inverse


def lasting(lb, command: Command, now: float = 20.0):
    """
    Return all that is to be as before once C{command} is undone.

    Apache's rules start lbstatus anew with a factor and an lbmethod; the time and cause of
    the last change of flags are those of undoing; checks begin to count anew.
    """
    found = snapshot.export(lb, now)
    for each in found["members"].values():
        del each["age"], each["cause"]
        if isinstance(command, SetMember | SetBalancer | Revert):
            del each["lbstatus"], each["error_age"]
            for name in ("up", "run", "passes", "fails"):
                del each[name]
        if isinstance(command, SetBalancer | Revert) and not getattr(command, "member", ""):
            del each["transferred"], each["read"]
    return list(found["members"]), found


@given(balancers(), commands())
def test_undone_is_as_before(lb, command):
    """
    Options, flags, members, their order and counters; whatever the state and the command.
    """
    before, order = lasting(lb, command), lb.members
    try:
        back = inverse(lb, command)
    except LookupError:
        assert not try_to(lb, command, 15.0)
        return
    if not try_to(lb, command, 15.0):
        event("refused")
        assert lasting(lb, command) == before
        return
    event(type(command).__name__)
    apply(lb, back, 16.0)
    assert lasting(lb, command) == before
    assert lb.members == order


@given(balancers(), st.lists(commands(), max_size=5))
def test_changes_are_undone_one_after_the_other(lb, several):
    """
    From the last to the first, back to where it began.
    """
    before, order, undo = lasting(lb, Revert("shop")), lb.members, []
    for command in several:
        try:
            back = inverse(lb, command)
        except LookupError:
            continue
        if try_to(lb, command, 15.0):
            undo.append(back)
    for each in reversed(undo):
        apply(lb, each, 16.0)
    assert lasting(lb, Revert("shop")) == before
    assert lb.members == order


def undone(lb, command: Command, now: float = 0.0):
    """
    Carry out a command, and return what undoes it then.
    """
    back = inverse(lb, command)
    apply(lb, command, now)
    return lambda at=0.0: perform(lb, back, at)[0]


def test_a_drain_by_hand():
    """
    Only the flags that were touched: an error that came meanwhile stays.
    """
    lb = balancer("a", "b")
    a = lb.members[0]
    undo = undone(lb, SetMember("shop", "a", on=flags.DRAIN, off=flags.DISABLED))
    lb.force_error(a, "refused", 1.0)
    change = undo()
    assert (change.before["state"], change.after["state"]) == ("in error, draining", "in error")
    assert words(a) == "Init Err "


def test_an_addition():
    """
    The member is gone.
    """
    lb = balancer("a", growth=1)
    undo = undone(lb, AddMember("shop", member("b")))
    assert undo().before == {"member": "b"}
    assert [each.name for each in lb.members] == ["a"]


def test_a_removal():
    """
    The member is at its place, is elected in its turn, and ends what it had in progress.
    """
    one, two = (balancer("a", member("b", loadfactor=200), "c") for _ in "12")
    apply(one, SetMember("shop", "b", route="x"), 0.0)
    apply(two, SetMember("shop", "b", route="x"), 0.0)
    elected(one, 3), elected(two, 3)
    held = one.members[1]
    held.busy += 1
    undo = undone(one, RemoveMember("shop", "b"))
    assert not held.usable
    one.release(held)
    assert undo().after == {"member": "b"}
    assert (one.members[1], held.busy, words(held)) == (held, 0, "Init Ok ")
    assert one.carriers(b"x") == [held]
    assert elected(one, 8) == elected(two, 8)


def test_a_member_comes_back_only_where_there_is_room():
    """
    Another of its name, or one too many since, is not pushed aside.
    """
    lb = balancer("a", "b", growth=0)
    back = inverse(lb, RemoveMember("shop", "b"))
    apply(lb, RemoveMember("shop", "b"), 0.0)
    apply(lb, AddMember("shop", member("b")), 0.0)
    with pytest.raises(ValueError, match="already"):
        apply(lb, back, 0.0)
    apply(lb, RemoveMember("shop", "b"), 0.0)
    apply(lb, AddMember("shop", member("c")), 0.0)
    with pytest.raises(ValueError, match="leaves room for"):
        apply(lb, back, 0.0)


def test_what_undoes_undoing():
    """
    A member that came back goes again.
    """
    lb = balancer("a", "b")
    assert inverse(lb, PutBack("shop", lb.members[1], 1)) == RemoveMember("shop", "b")


@pytest.mark.parametrize(
    "command", [SetMember("shop", "x"), RemoveMember("shop", "x"), Revert("shop", "x")]
)
def test_members_that_are_not_there(command):
    """
    There is nothing to undo.
    """
    with pytest.raises(LookupError, match="no member x"):
        inverse(balancer("a"), command)


# -- factors for some time


def test_a_factor_for_some_time():
    """
    What comes back, and when, is known; all is told in words.
    """
    lb = balancer(member("a", loadfactor=150), "b")
    a = lb.members[0]
    change, _ = perform(lb, SetMember("shop", "a", loadfactor=500, lasting=600.0), 7.0)
    assert change.before == {"loadfactor": "1.5", "lasting": None}
    assert change.after == {"loadfactor": "5", "lasting": "10 min, then 1.5"}
    assert (a.lbfactor, a.temporary) == (500, Temporary(607.0, 150))


def test_another_factor_for_some_time():
    """
    The first one before them all comes back.
    """
    lb = balancer("a")
    a = lb.members[0]
    undo = undone(lb, SetMember("shop", "a", loadfactor=500, lasting=600.0), 0.0)
    again = undone(lb, SetMember("shop", "a", loadfactor=700, lasting=60.0), 30.0)
    assert a.temporary == Temporary(90.0, 100)
    assert again(40.0).after == {"loadfactor": "5", "lasting": "9 min 20 s, then 1"}
    assert a.temporary == Temporary(600.0, 100)
    undo()
    assert (a.lbfactor, a.temporary) == (100, None)


@pytest.mark.parametrize(
    "command",
    [
        SetMember("shop", "a", loadfactor=200),
        SetMember("shop", "a", loadfactor=500),
        Revert("shop", "a"),
    ],
)
def test_a_factor_for_good_ends_it(command):
    """
    Also the same factor; undone, the end is what it was.
    """
    lb = balancer("a")
    a = lb.members[0]
    apply(lb, SetMember("shop", "a", loadfactor=500, lasting=600.0), 0.0)
    back = inverse(lb, command)
    change, _ = perform(lb, command, 100.0)
    assert (change.before["lasting"], change.after["lasting"]) == ("8 min 20 s, then 1", None)
    assert change
    assert a.temporary is None
    apply(lb, back, 200.0)
    assert (a.lbfactor, a.temporary) == (500, Temporary(600.0, 100))


def test_other_changes_leave_it():
    """
    It is about the factor only.
    """
    lb = balancer("a")
    apply(lb, SetMember("shop", "a", loadfactor=500, lasting=600.0), 0.0)
    undo = undone(lb, SetMember("shop", "a", lbset=2, on=flags.DRAIN))
    undo()
    assert lb.members[0].temporary == Temporary(600.0, 100)


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (SetMember("shop", "a", lasting=5.0), "give both"),
        (SetMember("shop", "a", loadfactor=200, lasting=0.5), "1 or more"),
        (SetMember("shop", "a", loadfactor=200, lasting=float("inf")), "1 or more"),
        (SetMember("shop", "a", loadfactor=200, lasting=float("nan")), "1 or more"),
    ],
)
def test_times_that_are_none(command, text):
    """
    Nothing is changed then.
    """
    lb = balancer("a")
    with pytest.raises(ValueError, match=text):
        apply(lb, command, 0.0)
    assert lb.members[0].lbfactor == 100


def test_a_removed_member_keeps_it():
    """
    It comes back with it.
    """
    lb = balancer("a", "b")
    apply(lb, SetMember("shop", "a", loadfactor=500, lasting=600.0), 0.0)
    undo = undone(lb, RemoveMember("shop", "a"))
    undo()
    assert lb.members[0].temporary == Temporary(600.0, 100)
