"""
Sessions, failures and recovery of a whole balancer.
"""

from __future__ import annotations

from math import inf

import pytest

from tests.core.balancers import REGISTRY, FakeRequest, balancer, elected, member, words
from txbalancer import errors
from txbalancer.core import flags
from txbalancer.core.balancer import Session
from txbalancer.core.specs import StickyNames

REFUSED = errors.ConnectFailed("refused")
SILENT = errors.ResponseTimeout("silent")


def follow(lb, route, now=0.0, **arguments):
    found = lb.follow(Session(b"s", route, lb.carriers(route)), now, **arguments)
    if found is not None:
        lb.release(found)
    return found and found.name


# -- elections


def test_A4_elected_and_busy():
    """
    Both go up with each attempt; busy comes down with its release (X16).
    """
    lb = balancer("a")
    a = lb.elect(0.0)
    assert lb.elect(0.0) is a
    assert (a.elected, a.busy) == (2, 2)
    lb.release(a)
    assert (a.elected, a.busy) == (2, 1)


def test_A33_nobody_is_there():
    """
    No member at all, or none usable.
    """
    assert balancer().elect(0.0) is None
    assert balancer(member("a", status="+D")).elect(0.0) is None


def test_a_tried_member_is_not_elected_while_another_is_usable():
    """
    Even when it has not gone into error; the last resort has to be asked for.
    """
    lb = balancer("a", "b", member("c", lbset=1), member("d", status="+D"))
    a, b, c, _ = lb.members
    assert lb.elect(0.0, tried=[a]) is b
    assert lb.elect(0.0, tried=[b]) is a
    assert lb.elect(0.0, tried=[a, b]) is c
    assert lb.elect(0.0, tried=[a, b, c]) is None
    assert lb.elect(0.0, tried=[a, b, c], allow_tried=True) in (a, b)
    assert elected(lb, 4) in (["a", "b", "a", "b"], ["b", "a", "b", "a"])


def test_a_tried_member_that_is_in_error_needs_no_second_look():
    """
    Who is eligible has been worked out without it already.
    """
    lb = balancer("a", "b", "c")
    a = lb.members[0]
    lb.force_error(a, "refused", 0.0)
    assert lb.elect(1.0).name == "b"
    assert lb.elect(1.0, tried=[a]).name == "c"
    assert lb.valid_until == 10.0


def test_leaving_out_a_tried_member_keeps_the_books():
    """
    It does not gain by an election that it cannot win.
    """
    lb = balancer("a", "b", "c")
    a, b, _ = lb.members
    assert lb.elect(0.0) is a
    assert lb.elect(0.0, tried=[a]) is b
    assert [lb.lbstatus(each) for each in lb.members] == [-200, 0, 200]
    assert sum(lb.lbstatus(each) for each in lb.members) == 0


def test_B7_maxattempts():
    """
    By default one attempt for each other member, none with one; else as configured.
    """
    assert balancer().maxattempts == 0
    assert balancer("a").maxattempts == 0
    assert balancer("a", "b", "c").maxattempts == 2
    assert balancer("a", "b", "c", maxattempts=1).maxattempts == 1
    assert balancer("a", maxattempts=7).maxattempts == 7


def test_unknown_lbmethod():
    """
    The loader refuses it; here it is a plain error.
    """
    with pytest.raises(KeyError):
        balancer("a", lbmethod="nosuch")


def test_registry_finds_what_is_in_the_folders():
    """
    A file is its own registration.
    """
    assert set(REGISTRY.lbmethods) == {
        "bybusyness",
        "byrequests",
        "bytraffic",
        "hash",
        "heartbeat",
        "leastload",
    }
    assert set(REGISTRY.sticky) == {"cookie", "session"}


# -- failures and recovery


def test_X10_three_failures_within_the_window():
    """
    The third puts the member out, and the cause says so.
    """
    flips = []
    lb = balancer("a", "b", on_flip=flips.append)
    a = lb.members[0]
    a.read = 1
    assert lb.failed(a, REFUSED, 0.0) is None
    assert lb.failed(a, REFUSED, 5.0) is None
    assert lb.failed(a, SILENT, 10.0) is flips[0]
    assert flips[0].cause == "3 failures within 10s, last: response-timeout"
    assert words(a) == "Init Err "
    assert a.error_time == 10.0
    assert elected(lb, 3, now=11.0) == ["b"] * 3


def test_failures_further_apart_are_forgotten():
    """
    Three within more than the window are not three within it.
    """
    lb = balancer("a", "b")
    a = lb.members[0]
    for now in (0.0, 5.0, 10.1, 16.0, 22.0):
        assert lb.failed(a, REFUSED, now) is None
    assert a.usable


def test_F2_one_failure_suffices_with_apaches_defaults():
    """
    And only failures to connect count (F4).
    """
    lb = balancer(member("a", maxfails=1, blame="connect"), "b")
    a = lb.members[0]
    assert lb.failed(a, SILENT, 0.0) is None
    assert lb.failed(a, REFUSED, 0.0).cause == "connect-failed"


def test_A26_after_retry_one_failure_puts_it_out_again():
    """
    Until a connection was made, a member just out of error has one try.
    """
    lb = balancer(member("a", retry=10.0), "b")
    a = lb.members[0]
    lb.force_error(a, "x", 0.0)
    assert elected(lb, 2, now=10.0) == ["b", "b"]
    assert "a" in elected(lb, 2, now=10.1)
    assert (words(a), a.retries, a.cause) == ("Init Ok ", 1, "tried again")
    assert lb.failed(a, REFUSED, 10.2) is not None
    assert "a" in elected(lb, 2, now=21.0)
    lb.connected(a)
    assert (a.error_time, a.retries) == (-inf, 0)
    assert lb.failed(a, REFUSED, 21.0) is None


def test_an_error_is_prolonged_by_late_failures():
    """
    Attempts that began before it went into error may fail after: no second flip.
    """
    lb = balancer(member("a", maxfails=1, retry=10.0), "b")
    a = lb.members[0]
    lb.failed(a, REFUSED, 0.0)
    assert lb.failed(a, REFUSED, 4.0) is None
    assert elected(lb, 2, now=12.0) == ["b", "b"]


def test_S26_ignoring_errors():
    """
    +I: never in error.
    """
    lb = balancer(member("a", status="+I", maxfails=1))
    assert lb.failed(lb.members[0], REFUSED, 0.0) is None
    assert elected(lb, 1) == ["a"]


def test_A30_two_dead_members_are_both_tried_each_time():
    """
    Forced recovery clears all when all are in error.
    """
    flips = []
    lb = balancer("a", "b", on_flip=flips.append)
    for each in lb.members:
        lb.force_error(each, "refused", 0.0)
    assert elected(lb, 2, now=0.1) == ["a", "b"]
    assert [each.retries for each in lb.members] == [1, 1]
    assert len(flips) == 4


def test_A32_without_forced_recovery_all_wait():
    """
    503 without contact, until a retry time is over.
    """
    lb = balancer("a", "b", forcerecovery=False)
    for each in lb.members:
        lb.force_error(each, "refused", 0.0)
    assert lb.elect(10.0) is None
    assert lb.next_chance(10.0) == 10.0
    assert lb.elect(10.5) is not None
    assert lb.next_chance(10.5) == inf


def test_next_chance_after_a_change():
    """
    It is worked out anew, so that it can be waited for.
    """
    lb = balancer(member("a", retry=7.0), "b")
    lb.force_error(lb.members[0], "x", 1.0)
    assert lb.next_chance(2.0) == 8.0


def test_on_flip_may_use_the_balancer():
    """
    All is consistent when a flip is told.
    """
    seen = []
    lb = balancer(member("a", retry=1.0), "b", on_flip=lambda flip: seen.append(lb.elect(2.0).name))
    lb.force_error(lb.members[0], "x", 0.0)
    assert seen == ["a", "b"]  # of the recovery, which the first flip's election made
    assert elected(lb, 2, now=2.0) == ["a", "b"]


# -- sessions


def routed(*routes, **options):
    """
    Make members m0, m1 … of texts such as C{"r1>r2 +D"}: route, redirect, status.
    """
    specs = []
    for place, text in enumerate(routes):
        label, _, status = text.partition(" ")
        route, _, redirect = label.partition(">")
        specs.append(member(f"m{place}", route=route, redirect=redirect, status=status))
    return balancer(*specs, stickysession=StickyNames("S", "S"), **options)


@pytest.mark.parametrize(
    ("routes", "route", "expected"),
    [
        (["a", "b"], b"b", "m1"),
        (["a", "b"], b"c", None),
        (["a", "b"], b"B", None),  # S8: case matters
        (["", "b"], b"", None),  # S8: no route matches nobody
        (["a +R", "b"], b"a", "m0"),  # S9: spares, standbys, draining
        (["a +H", "b"], b"a", "m0"),
        (["a +N", "b"], b"a", "m0"),
        (["a", "a"], b"a", "m0"),  # S10
        (["a +H", "a"], b"a", "m1"),
        (["a +D", "a"], b"a", "m1"),
        (["a +H", "a +D"], b"a", "m0"),
        (["a +D", "b"], b"a", None),  # S25
        (["a +S", "b"], b"a", None),
        (["a +C", "b"], b"a", None),
        (["a +E", "b"], b"a", "m0"),  # A25 while looking
        (["a>b +D", "b"], b"a", "m1"),  # S20
        (["a>b", "b"], b"a", "m0"),
        (["a>b +D", "b>c +D", "c"], b"a", "m2"),
        (["a>b +D", "b>a +D", "c"], b"a", None),  # a cycle ends
        (["a>a +D", "b"], b"a", None),
        (["a>x +D", "b"], b"a", None),
        (["a>b +D", "a", "b +D"], b"a", "m1"),  # S21: further members of the route
        (["a>b +D", "b>c +D", "c"], b"b", "m2"),
        # As many levels as members, and no more:
        (["a>b +D", "b>a +D", "a", "b"], b"a", "m3"),
        (["a>b +D", "b>a +D", "a", "b", "c"], b"a", "m2"),
        (["a>b +H", "b"], b"a", "m0"),
        (["a>b +HD", "b"], b"a", "m1"),
    ],
)
def test_S8_to_S25_who_gets_a_session(routes, route, expected):
    """
    Two passes over the members of a route, then their redirects; C{None} = lbmethod.
    """
    assert follow(routed(*routes), route) == expected


def test_redirects_among_many_members_of_one_route_end_soon():
    """
    Thirty members that redirect to each other cost a bounded search.
    """
    lb = routed(*["a>b +D", "b>a +D"] * 15)
    assert follow(lb, b"a") is None


def test_S9_lbset_does_not_matter():
    """
    A session goes to its member of lbset 1 while lbset 0 is fine.
    """
    lb = balancer("a", member("b", lbset=1, route="r"))
    assert follow(lb, b"r") == "b"


def test_S23_nofailover():
    """
    A member of that route exists: 503; a stale route or none at all: balanced.
    """
    lb = routed("a +D", "b", nofailover=True)
    with pytest.raises(errors.SessionRefused, match="shop"):
        follow(lb, b"a")
    assert follow(lb, b"x") is None
    assert follow(lb, b"b") == "m1"


def test_S20_redirect_works_with_nofailover():
    """
    The redirect is where the administrator wants the session.
    """
    assert follow(routed("a>b +D", "b", nofailover=True), b"a") == "m1"


def test_S24_nofailover_after_a_failure_in_the_same_request():
    """
    The session's member failed: 503, and again until retry is over.
    """
    lb = routed("a", "b", nofailover=True)
    a = lb.members[0]
    with pytest.raises(errors.SessionRefused):
        follow(lb, b"a", tried=[a])
    lb.force_error(a, "refused", 0.0)
    with pytest.raises(errors.SessionRefused):
        follow(lb, b"a", 10.0)
    assert follow(lb, b"a", 10.1) == "m0"


def test_S22_a_tried_session_member_gives_way():
    """
    Without nofailover the lbmethod chooses among the others.
    """
    lb = routed("a", "b")
    a = lb.members[0]
    assert follow(lb, b"a", tried=[a]) is None
    assert lb.elect(0.0, tried=[a]).name == "m1"


def test_A30_recovery_comes_before_the_session():
    """
    All in error: the session's member is tried again at once.
    """
    lb = routed("a", "b")
    for each in lb.members:
        lb.force_error(each, "refused", 0.0)
    assert follow(lb, b"b", 0.1) == "m1"
    assert [each.retries for each in lb.members] == [1, 1]


def test_a_session_of_a_member_that_is_gone():
    """
    Found before the member was removed, followed after: balanced.
    """
    lb = routed("a")
    session = lb.session(FakeRequest(cookie=b"S=x.a"))
    lb.install(())
    assert lb.follow(session, 0.0) is None


def test_session_names_its_carriers():
    """
    What was found, and who carries it; S30: an empty route is a session of nobody.
    """
    lb = routed("a", "b", "a")
    assert lb.sticky
    assert lb.session(FakeRequest(cookie=b"S=x.a")) == (
        b"S",
        b"a",
        [lb.members[0], lb.members[2]],
    )
    assert lb.session(FakeRequest(cookie=b"S=x.")) == (b"S", b"", ())
    assert lb.session(FakeRequest()) is None


def test_a_plugins_scheme_takes_the_place_of_the_others():
    """
    C{stickyscheme} names it; its labels are asked for each member.
    """

    class Scheme:
        def find(self, request, known):
            assert set(known) == {b"M0", b"M1"}
            return b"h", request.header(b"x")

        def labels(self, member):
            return (member.name.upper().encode(),)

        def remember(self, request, found, member):
            return b"X: " + self.labels(member)[0]

    REGISTRY.sticky["other"] = lambda spec, secret: Scheme()
    try:
        lb = routed("a", "b", stickyscheme="other")
    finally:
        del REGISTRY.sticky["other"]
    request = FakeRequest(x=b"M1")
    assert lb.follow(lb.session(request), 0.0) is lb.members[1]
    assert list(lb.remember(request, None, lb.members[0])) == [b"X: M0"]


def test_flags_by_hand():
    """
    A change is told once; the same again is no change.
    """
    flips = []
    lb = balancer("a", on_flip=flips.append)
    a = lb.members[0]
    assert lb.set_flags(a, a.flags | flags.DRAIN, "maintenance", 3.0) is flips[0]
    assert lb.set_flags(a, a.flags, "again", 4.0) is None
    assert (a.cause, a.since, len(flips)) == ("maintenance", 3.0, 1)
    assert lb.elect(5.0) is None
