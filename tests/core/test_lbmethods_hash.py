"""
C{hash}: a consistent hash ring.
"""

from __future__ import annotations

from collections import Counter

import pytest

from tests.core.balancers import FakeRequest, balancer, member
from txbalancer.core import flags
from txbalancer.core.lbmethods.hash import MOST_POINTS, Hash, points, scale
from txbalancer.core.specs import BalancerSpec, MemberSpec


def owners(lb, keys=2000):
    return {key: lb.elect(0.0, FakeRequest(b"/%d" % key)).name for key in range(keys)}


def test_the_same_key_goes_to_the_same_member():
    """
    Also in another balancer of the same members, in any order.
    """
    names = [f"http://m{i}" for i in range(7)]
    one = balancer(*names, lbmethod="hash", hashkey="path")
    two = balancer(*reversed(names), lbmethod="hash", hashkey="path")
    assert owners(one) == owners(one) == owners(two)


def test_removing_a_member_moves_only_its_share():
    """
    Keys of the others stay, and when it comes back so do its keys.
    """
    lb = balancer(*(f"http://m{i}" for i in range(8)), lbmethod="hash", hashkey="path")
    before = owners(lb)
    gone = lb.members[3]
    lb.set_flags(gone, gone.flags | flags.DISABLED, "", 0.0)
    after = owners(lb)
    moved = {key for key in before if before[key] != after[key]}
    assert moved == {key for key in before if before[key] == gone.name}
    assert gone.name not in after.values()
    lb.set_flags(gone, gone.flags & ~flags.DISABLED, "", 0.0)
    assert owners(lb) == before


def test_shares_follow_the_factor():
    """
    A factor of 3 gets about three times the keys.
    """
    lb = balancer("a", member("b", loadfactor=300), lbmethod="hash", hashkey="path")
    share = Counter(owners(lb, 4000).values())["b"] / 4000
    assert share == pytest.approx(0.75, abs=0.06)


def test_a_changed_factor_moves_keys_one_way_only():
    """
    A larger factor takes keys from the others and gives none away.
    """
    lb = balancer("a", "b", "c", lbmethod="hash", hashkey="path")
    before = owners(lb)
    lb.members[0].lbfactor = 200
    lb.changed()
    after = owners(lb)
    assert {after[key] for key in before if before[key] != after[key]} == {"a"}


@pytest.mark.parametrize(
    ("hashkey", "one", "other"),
    [
        ("source", FakeRequest(client="10.0.0.1"), FakeRequest(client="10.0.0.2")),
        ("path", FakeRequest(b"/1", b"q"), FakeRequest(b"/2", b"q")),
        ("uri", FakeRequest(b"/1", b"q=1"), FakeRequest(b"/1", b"q=2")),
        ("uri", FakeRequest(b"/1"), FakeRequest(b"/1", b"q=2")),
        ("header:X-User", FakeRequest(x_user=b"1"), FakeRequest(x_user=b"2")),
        ("cookie:u", FakeRequest(cookie=b"xu=9; u=1; v=3"), FakeRequest(cookie=b"u=2")),
        ("query:u", FakeRequest(query=b"xu=9&u=1&v=3"), FakeRequest(query=b"u=2")),
    ],
)
def test_keys(hashkey, one, other):
    """
    Each kind of key tells its requests apart, and only by the key.
    """
    method = Hash(BalancerSpec("x", hashkey=hashkey))
    assert method._key(one) == method._key(one)
    assert method._key(one) != method._key(other)
    if hashkey in ("cookie:u", "query:u"):
        assert method._key(one) == b"1"


@pytest.mark.parametrize("hashkey", ["header:x-user", "cookie:u", "query:u"])
def test_without_the_key_requests_go_by_requests(hashkey):
    """
    They are spread evenly, and so are those without any request.
    """
    lb = balancer("a", "b", lbmethod="hash", hashkey=hashkey)
    assert [lb.elect(0.0, FakeRequest()).name for _ in range(4)] == ["a", "b", "a", "b"]
    assert [lb.elect(0.0).name for _ in range(2)] == ["a", "b"]


def test_more_points_add_to_fewer():
    """
    A member's points for a small factor are among those for a large one.
    """
    assert points("a", 100) == points("a", 1000)[:100]
    assert len(set(points("a", 1000) + points("b", 1000))) == 2000


def test_the_ring_is_bounded():
    """
    With many or strong members each has fewer points, halved as often as needed.
    """
    assert scale(BalancerSpec("x", (MemberSpec("a"),))) == 1.6
    many = BalancerSpec("x", tuple(MemberSpec(f"m{i}", loadfactor=5000) for i in range(900)))
    assert scale(many) * 900 * 5000 <= MOST_POINTS
    assert scale(many) * 2 * 900 * 5000 > MOST_POINTS


def test_lbmethod_reset_and_release_need_nothing():
    """
    Load is not looked at.
    """
    lb = balancer("a", "b", lbmethod="hash")
    lb.release(lb.elect(0.0, FakeRequest()))
    assert lb._method.reset(lb.members) is None


def test_an_unchanged_field_keeps_its_ring():
    """
    A change that does not touch who is up, or how strong, costs nothing.
    """
    lb = balancer("a", "b", lbmethod="hash")
    lb.elect(0.0)
    ring = lb._method._ring
    lb.changed()
    lb.elect(0.0)
    assert lb._method._ring is ring
