"""
Who is ejected for what its traffic shows, how long, and never too many.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.balancers import balancer, elected, member, words
from txbalancer import errors
from txbalancer.core import candidates, flags
from txbalancer.core.passive.ejection import Ejection, term
from txbalancer.core.passive.tally import UNTIMED

LOCAL = errors.ResponseTimeout("silent")


def answer(lb, place, status, count=1, now=0.0, seconds=UNTIMED):
    for _ in range(count):
        lb.answered(lb.members[place], status, seconds, now)


def ejected(lb):
    return [each.name for each in lb.members if each.flags & flags.EJECTED]


@pytest.mark.parametrize(
    ("options", "statuses", "kind"),
    [
        ({"outlier_failures": 3}, [500, 502, 599], "failures"),
        ({"outlier_failures": 3}, [500, 200, 500, 500], ""),
        ({"outlier_failures": 3}, [501, 505, 500, 404, 499], ""),
        ({"outlier_gateway": 3}, [502, 503, 504], "gateway"),
        ({"outlier_gateway": 3}, [502, 503, 500, 504], ""),
        ({"outlier_local": 2}, [None, None], "local"),
        ({"outlier_local": 2}, [None, 502, None], ""),
        ({"outlier_gateway": 2}, [None, 504], "gateway"),
        ({"outlier_failures": 2}, [None, 500], "failures"),
    ],
)
def test_failures_in_a_row_eject_at_once(options, statuses, kind):
    """
    Any 5xx but 501 and 505, or only 502 to 504, or only attempts without an answer; a good
    answer ends the row.
    """
    lb = balancer(member("a", maxfails=99), "b", **options)
    for status in statuses:
        if status is None:
            lb.failed(lb.members[0], LOCAL, 0.0)
        else:
            answer(lb, 0, status)
    found = lb.members[0].watched.ejection
    assert (found.kind if found else "") == kind
    assert set(elected(lb, 4)) == ({"b"} if kind else {"a", "b"})


def test_the_flip_says_why_for_how_long_and_how_often():
    """
    Log, manager and event show the same line; it comes by the way of all flips.
    """
    flips = []
    lb = balancer("a", "b", outlier_failures=5, on_flip=flips.append)
    answer(lb, 0, 500, 5)
    assert [each.cause for each in flips] == [
        "ejected: 5 failed answers in a row, for 30s, 1st time"
    ]
    assert words(lb.members[0]) == "Init Ejct "
    lb.sweep(30.0)
    assert flips[-1].cause == "reinstated: its ejection is over"
    answer(lb, 0, 500, 5, now=31.0)
    assert flips[-1].cause == "ejected: 5 failed answers in a row, for 60s, 2nd time"


def test_the_time_grows_and_shrinks():
    """
    Each ejection is longer by the first one's time, up to the longest; each interval in use
    takes one off.
    """
    lb = balancer("a", "b", outlier_failures=1, outlier_time=30.0, outlier_longest=70.0)
    now, spans = 0.0, []
    lb.sweep(now)
    for _ in range(4):
        answer(lb, 0, 500, now=now)
        until = lb.members[0].watched.ejection.until
        spans.append(until - now)
        now = until
        lb.sweep(now)
    # The interval that ends with it was no time in use, but for the last sweep itself.
    assert spans[0] == 30.0
    assert max(spans) <= 70.0
    for _ in range(10):
        now += 10.0
        lb.sweep(now)
    assert lb.members[0].watched.times == 0
    answer(lb, 0, 500, now=now)
    assert lb.members[0].watched.ejection.until - now == 30.0


@pytest.mark.parametrize(
    ("times", "text"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (22, "22nd")],
)
def test_how_often_in_words(times, text):
    """
    As people say it.
    """
    assert Ejection("local", "x", 9.0, times).describe(1.0) == f"ejected: x, for 8s, {text} time"


@given(st.integers(1, 1000), st.floats(1, 1000), st.floats(1, 5000))
def test_a_term_is_never_shorter_than_the_first_nor_longer_than_the_longest(times, base, longest):
    """
    Also where the longest is shorter than the first.
    """
    assert base <= term(times, base, longest) <= max(base, longest)
    assert term(times, base, longest) <= term(times + 1, base, longest)


STEP = st.tuples(
    st.sampled_from(["bad", "local", "good", "sweep", "disable", "enable", "fail", "pass", "slow"]),
    st.integers(0, 5),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(STEP, max_size=60),
    st.integers(1, 6),
    st.sampled_from([0, 10, 34, 50, 100]),
    st.booleans(),
)
def test_the_maximum_is_never_exceeded(steps, count, most, always):
    """
    Whatever happens in whatever order: right after an ejection no larger share of the members
    that people want to be used is out by health, but for one where that is allowed.
    """
    worst = []

    def watch(flip):
        if flip.after & ~flip.before & flags.EJECTED:
            wanted = candidates.population(lb.members)
            worst.append((candidates.unhealthy(wanted), len(wanted)))

    specs = [member(f"m{each}", hcmethod="tcp", hcfails=1, hcpasses=1) for each in range(count)]
    lb = balancer(
        *specs,
        on_flip=watch,
        outlier_failures=2,
        outlier_percent=50,
        outlier_requests=1,
        outlier_latency=2.0,
        outlier_floor=0.0,
        outlier_most=most,
        outlier_always_one=always,
        outlier_check_ends=True,
    )
    now = 0.0
    for what, place in steps:
        now += 1.0
        place %= count
        one = lb.members[place]
        if what == "bad":
            answer(lb, place, 500, now=now)
        elif what == "slow":
            answer(lb, place, 200, now=now, seconds=9.0)
        elif what == "local":
            lb.failed(one, LOCAL, now)
        elif what == "good":
            answer(lb, place, 200, now=now, seconds=0.1)
        elif what == "sweep":
            now += 10.0
            lb.sweep(now)
        elif what in ("disable", "enable"):
            on = what == "disable"
            after = one.flags | flags.DISABLED if on else one.flags & ~flags.DISABLED
            lb.set_flags(one, after, "by command", now)
        else:
            lb.health(one, what == "pass", now)
    for out, wanted in worst:
        assert out * 100 <= most * wanted or (always and out == 1 and wanted > 1)


def test_an_outlier_that_is_spared_is_counted():
    """
    With two members and at most half of them out, the second one stays.
    """
    lb = balancer("a", "b", outlier_failures=2)
    answer(lb, 0, 500, 2)
    answer(lb, 1, 500, 2)
    assert (ejected(lb), lb.spared) == (["a"], 1)
    assert set(elected(lb, 3)) == {"b"}


def test_the_only_member_is_never_ejected():
    """
    That would help nobody, whatever is allowed.
    """
    lb = balancer("a", outlier_failures=1, outlier_always_one=True)
    answer(lb, 0, 500, 9)
    assert ejected(lb) == []


def test_members_that_ignore_errors_and_those_out_already_are_not_ejected():
    """
    C{+I} means it, and who is in error is out.
    """
    lb = balancer(member("a", status="+I"), member("b", status="+D"), "c", "d", outlier_failures=1)
    answer(lb, 0, 500)
    answer(lb, 1, 500)
    assert ejected(lb) == []


def spread(lb, rates, requests=100, seconds=None):
    """
    Let each member fail so many of a hundred, without rows.
    """
    lb.sweep(0.0)
    for place, failed in enumerate(rates):
        took = UNTIMED if seconds is None else seconds[place]
        answer(lb, place, 500, failed, seconds=took)
        answer(lb, place, 200, requests - failed, seconds=took)
    lb.sweep(10.0)


@pytest.mark.parametrize(
    ("options", "rates", "expected"),
    [
        ({"outlier_percent": 30}, [30, 29, 0], ["a"]),
        ({"outlier_percent": 30, "outlier_requests": 101}, [90, 0, 0], []),
        ({"outlier_percent": 30}, [90, 80, 70, 0], ["a", "b"]),  # the worst first, half at most
        ({"outlier_deviation": 1.9}, [0, 0, 0, 0, 50], ["e"]),
        ({"outlier_deviation": 1.9}, [0, 0, 0, 50], []),  # too few members to compare
        ({"outlier_deviation": 1.9}, [0, 0, 0, 0, 4], []),  # next to nothing
        ({"outlier_deviation": 1.9}, [40, 45, 50, 55, 60], []),  # all are alike
    ],
)
def test_the_failures_of_an_interval_eject(options, rates, expected):
    """
    A percentage, or a success rate far below that of the others.
    """
    lb = balancer(*"abcde"[: len(rates)], **options)
    spread(lb, rates)
    assert ejected(lb) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ([0.9, 0.2, 0.2], ["a"]),
        ([0.5, 0.2, 0.2], []),
        ([0.09, 0.01, 0.01], []),  # below the floor
        ([0.9, 0.2], []),  # one other proves nothing
    ],
)
def test_slow_members_are_compared_with_the_others(seconds, expected):
    """
    The mean time to the first byte, against the median of the others, above a floor.
    """
    lb = balancer(*"abc"[: len(seconds)], outlier_latency=3.0)
    spread(lb, [0] * len(seconds), seconds=seconds)
    assert ejected(lb) == expected


def test_each_interval_is_judged_by_itself():
    """
    What was before does not count, nor what came while there was no look yet.
    """
    lb = balancer("a", "b", outlier_percent=50, outlier_requests=10)
    answer(lb, 0, 500, 50)
    lb.sweep(0.0)
    assert ejected(lb) == []
    answer(lb, 0, 200, 50)
    lb.sweep(10.0)
    assert ejected(lb) == []
    answer(lb, 0, 500, 10)
    lb.sweep(19.0)
    assert ejected(lb) == []
    lb.sweep(20.0)
    assert ejected(lb) == ["a"]


@pytest.mark.parametrize("ends", [False, True])
def test_passed_checks_may_end_an_ejection(ends):
    """
    C{hcpasses} in a row, where they are allowed to.
    """
    spec = member("a", hcmethod="tcp", hcpasses=2)
    lb = balancer(spec, "b", outlier_failures=1, outlier_check_ends=ends)
    answer(lb, 0, 500)
    for passed in (True, False, True):
        lb.health(lb.members[0], passed, 1.0)
    assert ejected(lb) == ["a"]
    lb.health(lb.members[0], True, 1.0)
    assert ejected(lb) == ([] if ends else ["a"])


def test_a_decision_from_outside_is_carried_out():
    """
    An ejection is a value: whoever made it, wherever.
    """
    lb = balancer("a", "b")
    lb.eject(lb.members[1], Ejection("percent", "90 % of its requests failed", 20.0, 3), 5.0)
    assert lb.members[1].cause == "ejected: 90 % of its requests failed, for 15s, 3rd time"
    assert set(elected(lb, 3, now=5.0)) == {"a"}
    lb.sweep(19.9)
    assert ejected(lb) == ["b"]
    lb.sweep(20.0)
    assert ejected(lb) == []
