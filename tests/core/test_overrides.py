"""
What was changed at run time, as a layer over the configuration.
"""

from __future__ import annotations

from hypothesis import given

from tests.core.balancers import balancer, member
from tests.core.changes import balancers
from txbalancer.core.commands import SetMember
from txbalancer.core.overrides import of_member, of_members
from txbalancer.core.performing import apply
from txbalancer.core.reload import reconfigure


@given(balancers())
def test_all_members_at_once(lb):
    """
    The quick way over all members tells what the look at each one tells.
    """
    assert of_members(lb) == {each.name: of_member(lb, each) for each in lb.members}


def test_after_a_reload():
    """
    Of the same file nothing is overridden, of another one what it does not change itself.
    """
    lb = balancer("a", "b", "c")
    apply(lb, SetMember("shop", "a", lbset=2), 0.0)
    reconfigure(lb, balancer("a", "b", member("c", timeout=4.0)).spec, 0.0)
    assert of_members(lb) == {"a": [("lbset", "0", "2")], "b": [], "c": []}
