"""
lbstatus by two counters.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.core.balancers import member
from txbalancer.core.ledger import Ledger
from txbalancer.core.member import Member


def members(*factors, status=()):
    return [
        Member(member(f"m{i}", loadfactor=f, status=dict(status).get(i, "")), i)
        for i, f in enumerate(factors)
    ]


def statuses(ledger):
    return [ledger.status(each) for each in ledger.members]


def test_A5_compared_members_gain_and_the_chosen_pays():
    """
    Each compared member gains its factor, the chosen one pays the sum, others stay.
    """
    a, b, _ = every = members(100, 300, 200)
    ledger = Ledger(every)
    ledger.arrange([a, b])
    ledger.charge_election(b)
    assert statuses(ledger) == [100, -100, 0]
    ledger.charge_election(a)
    assert statuses(ledger) == [-200, 200, 0]


def test_A10_sticky_hits_credit_every_usable_member():
    """
    Spares, standbys and draining members gain too; unusable ones do not.
    """
    every = members(100, 200, 300, 400, 500, status={1: "+H", 2: "+R", 3: "+N", 4: "+D"})
    ledger = Ledger(every)
    ledger.arrange([every[0]])
    ledger.charge_sticky(every[0])
    assert statuses(ledger) == [100 - 1000, 200, 300, 400, 0]


def test_a_stale_ledger_works_out_anew_who_gains():
    """
    After flags changed, a sticky hit credits those that are usable now.
    """
    a, b = every = members(100, 100)
    ledger = Ledger(every)
    ledger.arrange(every)
    b.flags = 0
    ledger.stale = True
    ledger.charge_sticky(a)
    assert statuses(ledger) == [0, 0]


def test_A17_restart():
    """
    All start at 0, or, as with the manager's C{w_lf}, at their factor.
    """
    every = members(100, 300)
    ledger = Ledger(every)
    ledger.arrange(every)
    ledger.charge_election(every[0])
    ledger.charge_sticky(every[1])
    ledger.restart()
    assert statuses(ledger) == [0, 0]
    ledger.restart(by_factor=True)
    assert statuses(ledger) == [100, 300]


@given(st.lists(st.tuples(st.sampled_from("esa"), st.integers(0, 4), st.sets(st.integers(0, 4)))))
def test_A5_the_sum_never_changes(steps):
    """
    Whatever is charged to whom, the sum of all lbstatus stays 0.
    """
    every = members(100, 150, 225, 300, 10000)
    ledger = Ledger(every)
    ledger.arrange(every)
    for step, place, compared in steps:
        if step == "e":
            ledger.charge_election(every[place])
        elif step == "s":
            ledger.charge_sticky(every[place])
        else:
            ledger.arrange([every[i] for i in sorted(compared)])
        assert sum(statuses(ledger)) == 0
